"""How long the user wants a session to stay up, even if it is idle: what `jupyter-session extend` sets."""

from __future__ import annotations

import time
from collections.abc import Callable

from jupyter_session.idle.deadlines import Deadlines
from jupyter_session.units.durations import format_duration, format_time


class Extension:
    """Keeps a session alive until a time that its user sets.

    `longest` is the most seconds that one request may ask for. `until` is on the session's clock; None if nobody asked.
    """

    def __init__(self, deadlines: Deadlines, longest: float, *, wall: Callable[[], float] = time.time) -> None:
        self._deadlines = deadlines
        self._longest = longest
        self._wall = wall
        self._until: float | None = None

    @property
    def until(self) -> float | None:
        """Until when the session stays up even if it is idle."""
        return self._until

    def extend(self, wanted: float, now: float) -> str:
        """Keep the session alive for `wanted` seconds from `now` on, or as long as allowed; return a sentence on it."""
        granted = min(wanted, self._longest)
        self._until = now + granted
        if not granted:
            return "The session is no longer kept alive by extend."
        deadline = self._deadlines.next(now)
        if deadline is not None and deadline.at < self._until:
            left = deadline.at - now
            return (
                f"The session ends at {self._clock(left)} at the latest (in {format_duration(left)}): {deadline.why}."
            )
        length = format_duration(granted) + (", the most that --max-extend allows" if granted < wanted else "")
        return f"The session will stay up until {self._clock(granted)} at the earliest ({length})."

    def _clock(self, seconds: float) -> str:
        now = self._wall()
        return format_time(now + seconds, now)
