"""Addresses for the browser that are good once."""

from __future__ import annotations

import enum
import secrets
import time
from collections.abc import Callable

#: Where such addresses begin.
PREFIX = "/chtc-jupyter/open/"
#: Seconds for which one is good that stands in an argument list: a browser may have to start first.
BRIEF = 120.0


class Visit(enum.Enum):
    """What a visit of such an address is."""

    FIRST = "first"
    AGAIN = "again"
    STRANGER = "stranger"  # of another user of this machine
    UNKNOWN = "unknown"


class OneTimeAddresses:
    """Gives out codes, and takes each once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._given: dict[str, float] = {}
        self._used: set[str] = set()

    def give_out(self, life: float = float("inf")) -> str:
        """Return the path of a new address that is good for `life` seconds."""
        code = secrets.token_urlsafe(18)
        self._given[code] = self._clock() + life
        return PREFIX + code

    def take(self, path: str) -> Visit:
        """Return what the visit of a path is."""
        code = path.removeprefix(PREFIX)
        if code in self._used:
            return Visit.AGAIN
        if self._clock() > self._given.get(code, float("-inf")):
            return Visit.UNKNOWN
        self._used.add(code)
        return Visit.FIRST
