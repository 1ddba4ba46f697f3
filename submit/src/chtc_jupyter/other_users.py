"""Whether other people use this machine, as far as it tells."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from pathlib import Path

try:
    import pwd
except ImportError:  # Windows
    pwd = None  # type: ignore[assignment]

_PROCESSES = Path("/proc")
#: The users from which on accounts are people's (login.defs(5); macOS begins earlier), and the one that is nobody's.
_FIRST, _NOBODY = (500 if sys.platform == "darwin" else 1000), 65534
_NO_SHELLS = ("nologin", "false", "sync")


def has_other_users() -> bool:
    """Return True if somebody else has an account here, or runs something, or if nobody can tell.

    Accounts of a directory service need not be listed, but those of people who are logged in are seen on Linux.
    """
    if pwd is None or "microsoft" in platform.release().lower():  # the accounts of Windows aren't listed in WSL
        return True
    listed = {entry.pw_uid for entry in pwd.getpwall() if Path(entry.pw_shell).name not in _NO_SHELLS}
    return any(_FIRST <= user != _NOBODY for user in (listed | _find_users()) - {os.getuid()})


def _find_users() -> set[int]:
    """Return the users of the processes that there are; none on a system without /proc."""
    users = set()
    with contextlib.suppress(OSError):
        for process in _PROCESSES.glob("[0-9]*"):
            with contextlib.suppress(OSError):
                users.add(process.stat().st_uid)
    return users
