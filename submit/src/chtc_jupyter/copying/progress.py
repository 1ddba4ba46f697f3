"""How far a copy is, as one line."""

from __future__ import annotations

import time
from collections.abc import Callable

from chtc_jupyter.durations import format_duration
from chtc_jupyter.sizes import format_size

#: Seconds over which the speed is measured, and after which a copy that stands still is said to.
_WINDOW, _STILL = 10.0, 5.0


class CopyProgress:
    """Remembers how far the copy of one file is."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._at, self._compares = 0, False
        self._total: int | None = None
        self._trouble = ""
        self._moved = clock()
        self._marks: list[tuple[float, int]] = []

    def compare(self, at: int, total: int) -> None:
        """Note that both ends are the same up to here."""
        self._note(at, total, compares=True)

    def copy(self, at: int, total: int) -> None:
        """Note that the file was copied up to here."""
        self._note(at, total, compares=False)

    def wait(self, why: str) -> None:
        """Note that there is no way to the other end now."""
        self._trouble = why.rstrip(".")

    def _note(self, at: int, total: int, *, compares: bool) -> None:
        now = self._clock()
        if compares != self._compares or at < self._at or self._trouble:
            self._marks.clear()
        self._at, self._total, self._compares, self._trouble, self._moved = at, total, compares, "", now
        if not self._marks or now - self._marks[-1][0] > _WINDOW / 20:
            self._marks = [mark for mark in self._marks if now - mark[0] < _WINDOW]
            self._marks.append((now, at))

    def describe(self) -> str:
        """Return the line."""
        if self._total is None:
            return f"{self._name}: {self._trouble}; waiting" if self._trouble else f"{self._name}: connecting"
        done = f"{self._name}: {format_size(self._at)} of {format_size(self._total)}"
        if self._trouble:
            return f"{done}; it goes on once there is a connection ({self._trouble})"
        still = self._clock() - self._moved
        if still > _STILL:
            return f"{done}; nothing has arrived for {still:.0f} s"
        done += " compared" if self._compares else " copied"
        (since, first) = self._marks[0]
        seconds, count = self._moved - since, self._at - first
        if seconds < 1 or count <= 0:
            return done
        speed = count / seconds
        return f"{done}, {format_size(speed)}/s, {format_duration((self._total - self._at) / speed)} left"
