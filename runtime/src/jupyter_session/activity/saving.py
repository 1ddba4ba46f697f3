"""Files that the access point refuses, for example because its disk is full: an end now would lose them."""

from __future__ import annotations

from collections.abc import Callable

from jupyter_session.activity.sample import Sample
from jupyter_session.units.durations import format_duration


class Saving:
    """Keeps the session alive while files are refused, for at most `patience` seconds (None: without a limit).

    `refused` returns how many are refused now.
    """

    name = "saving"

    def __init__(self, refused: Callable[[], int], patience: float | None) -> None:
        self._refused = refused
        self._patience = patience
        self._since: float | None = None
        self._last: float | None = None

    def sample(self, now: float) -> Sample:
        """Look once."""
        count = self._refused()
        if not count:
            self._since = None
            return Sample(source=self.name, active=False, last=self._last, detail="the access point accepts all files")
        if self._since is None:
            self._since = now
        active = self._patience is None or now - self._since < self._patience
        if active:
            self._last = now
        files = "1 file is" if count == 1 else f"{count} files are"
        detail = f"{files} refused by the access point for {format_duration(now - self._since)}"
        return Sample(source=self.name, active=active, last=self._last, detail=detail)
