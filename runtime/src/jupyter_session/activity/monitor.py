"""Asks all sources of activity, so that one that fails never disturbs the others."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from jupyter_session.activity.sample import Sample, Source

#: Seconds for which the last sample of a source that fails counts.
PATIENCE = 3600.0

_LOG = logging.getLogger(__name__)


class ActivityMonitor:
    """All sources of a session. If one fails, for whatever reason, its last sample counts.

    It counts for `patience` seconds, so that a source that is broken for good doesn't keep a session alive.
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
            if sample.error != before.error:
                _LOG.debug("the source %s failed", source.name, exc_info=True)
        if not sample.error:
            self._failing.pop(source.name, None)
        elif now - self._failing.setdefault(source.name, now) > self._patience:
            sample = replace(sample, active=False)
        if sample.active:
            sample = replace(sample, last=now)
        same = sample.active == before.active and before.since is not None
        self._before[source.name] = sample = replace(sample, since=before.since if same else now)
        return sample
