"""Tells what a page's timer sends from what a person does: a timer keeps its rhythm, and people never do for long."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Hashable, Sequence

#: Times that are remembered, and the least number of them that make a rhythm.
_MOST, _LEAST = 25, 13
#: How much of the intervals must be near their median, and how near. The rest may be late: a page that was hidden for
#: a while, or a busy server.
_SHARE, _FROM, _TO = 0.75, 0.8, 1.25
_MOST_TIMERS = 4  # as many tabs show the same page
_MOST_KINDS = 1000
_WORD = re.compile(rb"[\w+/=.~-]+")
_DIGIT = re.compile(rb"[0-9]")
_LONGEST = 1 << 16  # bytes


class Rhythms:
    """Remembers when things of each kind happened; a kind that didn't happen for `forget_after` seconds is new."""

    def __init__(self, forget_after: float) -> None:
        self._forget_after = forget_after
        self._times: dict[Hashable, deque[float]] = {}

    def note(self, kind: Hashable, now: float) -> bool:
        """Note that something happened; return whether things of this kind come in a rhythm."""
        times = self._times.pop(kind, None)
        if times is None or now - times[-1] > self._forget_after:
            times = deque(maxlen=_MOST)
        times.append(now)
        self._times[kind] = times  # the dict is in the order of the last time
        if len(self._times) > _MOST_KINDS:
            del self._times[next(iter(self._times))]
        return has_rhythm(tuple(times))


def has_rhythm(times: Sequence[float]) -> bool:
    """Return whether so many of the intervals are so similar that only a timer makes them, or a few timers do."""
    if len(times) < _LEAST:
        return False
    return any(
        _are_similar([later - earlier for earlier, later in zip(times, times[timers:], strict=False)])
        for timers in range(1, _MOST_TIMERS + 1)
    )


def drop_counters(text: bytes) -> bytes:
    """Return the beginning of what a timer sends without what differs each time: counters, times, and identifiers.

    These are the words with a digit in them.
    """
    return _WORD.sub(lambda word: b"0" if _DIGIT.search(word[0]) else word[0], text[:_LONGEST])


def _are_similar(intervals: Sequence[float]) -> bool:
    middle = sorted(intervals)[len(intervals) // 2]
    near = sum(_FROM * middle <= interval <= _TO * middle for interval in intervals)
    return near >= _SHARE * len(intervals)
