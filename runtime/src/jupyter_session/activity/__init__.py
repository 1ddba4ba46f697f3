"""What works in a session: one small source for each thing that can, and what it saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

#: Seconds for which a source that fails is taken at its last word.
PATIENCE = 3600.0


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What one source saw. Times are seconds of the session's clock.

    `active`: it holds the session now. `last`: the last activity that it knows of. `since`: since when it has been as
    active, or as inactive, as it is; filled in by `ActivityMonitor`.
    """

    source: str
    active: bool
    last: float | None
    detail: str
    error: str = ""
    since: float | None = None


class Source(Protocol):
    """Something that can tell whether a session is used."""

    name: str

    def sample(self, now: float) -> Sample:
        """Look once; `now` is the session's clock."""


class ActivityMonitor:
    """All sources of a session. One that fails, in whatever way, never disturbs the others: what it last saw stands.

    What it last saw stands for `patience` seconds, to be exact: a source that is broken for good holds no session.
    """

    def __init__(self, sources: Sequence[Source], patience: float = PATIENCE) -> None:
        self._sources = sources
        self._patience = patience
        self._before: dict[str, Sample] = {}
        self._failing: dict[str, float] = {}

    def look(self, now: float) -> list[Sample]:
        """Ask every source once."""
        return [self._ask(source, now) for source in self._sources]

    def _ask(self, source: Source, now: float) -> Sample:
        before = self._before.get(
            source.name, Sample(source=source.name, active=False, last=None, detail="not seen yet", since=now)
        )
        try:
            sample = source.sample(now)
        except Exception as error:  # noqa: BLE001 - reported in the sentence of the verdict
            sample = replace(before, error=str(error) or type(error).__name__)
        if not sample.error:
            self._failing.pop(source.name, None)
        elif now - self._failing.setdefault(source.name, now) > self._patience:
            sample = replace(sample, active=False)
        if sample.active:
            sample = replace(sample, last=now)
        same = sample.active == before.active and before.since is not None
        self._before[source.name] = sample = replace(sample, since=before.since if same else now)
        return sample
