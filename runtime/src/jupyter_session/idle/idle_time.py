"""How long nothing worked in a session, although it occupied its slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jupyter_session.activity import Sample


class IdleTime:
    """Counts the seconds without activity since `opened`, on the session's clock, on top of `already`."""

    def __init__(self, opened: float, *, already: float = 0.0) -> None:
        self._seconds = already
        self._looked = opened

    def look(self, samples: Sequence[Sample], now: float) -> float:
        """Count the time since the last look, if nothing worked in it; return the seconds so far."""
        if not any(sample.active for sample in samples):
            last = max((sample.last for sample in samples if sample.last is not None), default=0.0)
            self._seconds += now - min(now, max(self._looked, last))
        self._looked = now
        return self._seconds


def read_earlier_idle_time(job_ad: Mapping[str, object]) -> float:
    """Return the seconds that earlier starts of the job counted: after an eviction, the count goes on."""
    seconds = job_ad.get("jupyteridleseconds")
    return float(seconds) if isinstance(seconds, int) and not isinstance(seconds, bool) and seconds > 0 else 0.0
