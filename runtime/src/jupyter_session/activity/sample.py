"""What one source of activity saw, and what every source must offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What one source saw. Times are seconds of the session's clock.

    `active`: it keeps the session alive now. `last`: the last activity that it knows of. `since`: since when it has
    been as active, or as inactive, as it is; `ActivityMonitor` fills that in.
    """

    source: str
    active: bool
    last: float | None
    detail: str
    error: str = ""
    since: float | None = None


class Source(Protocol):
    """Something that knows whether a session is in use."""

    name: str

    def sample(self, now: float) -> Sample:
        """Look once. `now` is the session's clock."""
