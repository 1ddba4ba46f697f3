"""What the programs of a session listen on."""

from __future__ import annotations

from support.session import Session

#: Runs in the job: prints the TCP addresses on which processes listen whose command line has a text.
_LIST = """
import os, sys
from pathlib import Path
listening = {}
for table in ("/proc/net/tcp", "/proc/net/tcp6"):
    for line in Path(table).read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A":
            listening["socket:[" + fields[9] + "]"] = fields[1]
found = 0
for about in Path("/proc").glob("[0-9]*"):
    try:
        if int(about.name) == os.getpid() or sys.argv[1] not in (about / "cmdline").read_text().replace("\\0", " "):
            continue
        found += 1
        for opened in (about / "fd").iterdir():
            if (address := listening.get(os.readlink(opened))):
                print(address)
    except OSError:
        pass
assert found, "there is no such process"
"""


def list_tcp_addresses(session: Session, text: str) -> list[str]:
    """Return the TCP addresses on which those processes listen, at least one, whose command line has a text."""
    return session.python(_LIST, text).split()
