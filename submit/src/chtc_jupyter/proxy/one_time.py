"""An address for the browser that is good once and briefly, so that it may stand in an argument list."""

from __future__ import annotations

import enum
import os
import secrets
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

#: Where such addresses begin.
PREFIX = "/chtc-jupyter/open/"
#: Seconds for which one is good: a browser may have to start first.
_LIFE = 120.0


class Visit(enum.Enum):
    """What a visit of such an address is."""

    FIRST = "first"
    AGAIN = "again"
    STRANGER = "stranger"  # of another user of this machine
    UNKNOWN = "unknown"


class OneTimeAddress:
    """Gives out codes, and takes each once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._given: dict[str, float] = {}
        self._used: set[str] = set()

    def give_out(self) -> str:
        """Return the path of a new address."""
        code = secrets.token_urlsafe(24)
        self._given[code] = self._clock()
        return PREFIX + code

    def take(self, path: str, peer: int | None) -> Visit:
        """Return what the visit of a path is; `peer` is the user at the other end, if known."""
        code = path.removeprefix(PREFIX)
        if peer not in (None, 0, _get_own_user()):
            return Visit.STRANGER if code in self._given else Visit.UNKNOWN
        if code in self._used:
            return Visit.AGAIN
        if code not in self._given or self._clock() - self._given[code] > _LIFE:
            return Visit.UNKNOWN
        self._used.add(code)
        return Visit.FIRST


def find_peer(connection: socket.socket) -> int | None:
    """Return the user whose process is at the other end of a connection within this machine; None if that isn't known.

    Linux says so (proc_net_tcp); elsewhere nobody is asked.
    """
    try:
        here, there = connection.getsockname(), connection.getpeername()
        for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
            _, local, remote, _, _, _, _, user, *_ = line.split()
            if (local, remote) == (_render(there), _render(here)):
                return int(user)
    except (OSError, ValueError):
        return None
    return None


def _render(address: tuple[str, int]) -> str:
    """Return an IPv4 address as /proc/net/tcp has it: in the machine's byte order, in hexadecimal digits."""
    number = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{number:08X}:{address[1]:04X}"


def _get_own_user() -> int | None:
    return os.getuid() if hasattr(os, "getuid") else None
