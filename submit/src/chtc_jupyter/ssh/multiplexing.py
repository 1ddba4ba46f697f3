"""Share one login: the user's other commands go over the connection of a launcher that stays.

This uses ssh's own ControlMaster, which Windows does not have: there, each command logs in by itself.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import socket
import stat
import tempfile
from pathlib import Path

_log = logging.getLogger(__name__)
#: A path that ssh takes as it is, and short enough for a socket with the suffix that ssh appends for a moment.
_PLAIN = re.compile(r"[\w./+-]{1,85}", re.ASCII)


def offer(ap: str) -> str:
    """Return the path of a new socket for a connection that others may share; empty if there can be none."""
    folder = _folder()
    path = str(folder / f"{_mark(ap)}-{secrets.token_hex(4)}") if folder else ""
    return path if _PLAIN.fullmatch(path) else ""


def offer_forward() -> str:
    """Return the path of a new socket for a forward, in a folder that only the user can enter; empty on Windows."""
    if os.name != "posix":
        return ""
    folder = _folder()
    path = str(folder / f"lab-{secrets.token_hex(4)}") if folder else ""
    return path if _PLAIN.fullmatch(path) else f"{tempfile.mkdtemp(prefix='chtc-jupyter-', dir='/tmp')}/lab"


def remove_forward(path: str) -> None:
    """Remove the socket of a forward, and its folder if it was made for it alone."""
    try:
        Path(path).unlink(missing_ok=True)
        if Path(path).name == "lab":
            Path(path).parent.rmdir()
    except OSError as error:
        _log.debug("can't remove %s: %s", path, error)


def find(ap: str) -> str:
    """Return the socket of an open connection; empty if there is none."""
    folder = _folder()
    for path in sorted(folder.glob(f"{_mark(ap)}-*")) if folder else ():
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(path))
                return str(path)
        except OSError as error:
            _log.debug("no ssh answers at %s: %s", path, error)
        try:
            path.unlink()  # its ssh was killed
        except OSError as error:
            _log.debug("can't remove %s: %s", path, error)
    return ""


def _mark(ap: str) -> str:
    return hashlib.sha256(ap.encode()).hexdigest()[:8]


def _folder() -> Path | None:
    """Return the folder of the sockets, which only the user can enter; None if there is none to trust."""
    if os.name != "posix":
        return None
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"chtc-jupyter-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        _log.debug("no folder for sockets: %s", error)
        return None
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
        return folder
    _log.debug("%s is not the user's alone: not used", folder)
    return None
