"""One login for all: a launcher that stays lets the user's other commands go over its connection.

By ssh's own ControlMaster, which Windows has not: there each command logs in by itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import socket
import stat
import tempfile
from pathlib import Path

#: A path that ssh takes as it is, and as short as a socket's must be with what ssh puts behind it for a moment.
_PLAIN = re.compile(r"[\w./+-]{1,85}", re.ASCII)


def offer(ap: str) -> str:
    """Return the path of a new socket for a connection that others may share; empty where there can be none."""
    folder = _folder()
    path = str(folder / f"{_mark(ap)}-{secrets.token_hex(4)}") if folder else ""
    return path if _PLAIN.fullmatch(path) else ""


def find(ap: str) -> str:
    """Return the socket of a connection that stands; empty where there is none."""
    folder = _folder()
    for path in sorted(folder.glob(f"{_mark(ap)}-*")) if folder else ():
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
            return str(path)
        with contextlib.suppress(OSError):
            path.unlink()  # its ssh was killed
    return ""


def _mark(ap: str) -> str:
    return hashlib.sha256(ap.encode()).hexdigest()[:8]


def _folder() -> Path | None:
    """Return the folder of the sockets, the user's alone; None where there is none to trust."""
    if os.name != "posix":
        return None
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"chtc-jupyter-{os.getuid()}"
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
            return folder
    return None
