"""The session's clock: seconds in which the session could work, whatever the machine's clocks do."""

from __future__ import annotations

import time
from collections.abc import Callable


class SessionClock:
    """Counts seconds from 0. A gap between two readings counts as `longest_step` at most.

    The loop reads it every few seconds. A longer gap means that the whole job stood still: the machine slept, or
    HTCondor suspended the job. Nothing could work during that time, so it must not count as idle.
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
