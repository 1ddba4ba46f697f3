"""How long to wait before an attempt that failed is made again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Delays in seconds: the first, and then each twice as long as the one before, up to the longest."""

    first: float
    longest: float

    def delay_after(self, before: float) -> float:
        """Return the delay that follows the delay `before`; 0 means that nothing has failed yet."""
        return min(self.longest, before * 2) if before else self.first
