"""The session's clock: seconds in which the session could work. Neither clock jumps nor a suspended job move it."""

from __future__ import annotations

import time
from collections.abc import Callable


class SessionClock:
    """Counts from 0. A gap between two readings counts as `longest_step` at most.

    The loop reads it every few seconds. Where it could not, the whole job stood still: the machine slept, or HTCondor
    had suspended it. Nothing could work in that time, so it must not count as idle.
    """

    def __init__(self, longest_step: float, read: Callable[[], float] = time.monotonic) -> None:
        self._longest_step = longest_step
        self._read = read
        self._before = read()
        self._now = 0.0

    def now(self) -> float:
        """Return the seconds so far."""
        real = self._read()
        self._now += min(max(0.0, real - self._before), self._longest_step)
        self._before = real
        return self._now
