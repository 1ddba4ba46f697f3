"""A job's event log, read from outside the access point's processes: looking costs nothing, so look often."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from chtc_condor.codes import JobEventType
from chtc_condor.event_log import Event, parse_events


@dataclass(frozen=True)
class SessionEvent:
    """A state that the session announced in the job's event log; `at` is to the second."""

    at: datetime
    state: str
    reason: str


class JobLog:
    """The event log of one job; `path` is where this machine sees it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def text(self) -> str:
        """Return all of it; nothing if there is no log yet."""
        return self._read().decode(errors="replace")

    def _read(self) -> bytes:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return b""

    def events(self) -> Iterator[Event]:
        """Yield all events, in order."""
        return parse_events(self._read())

    def has(self, *types: JobEventType) -> bool:
        """Return whether there is an event of one of the types."""
        return any(event.type in types for event in self.events())

    def has_ended(self) -> bool:
        """Return whether the job has left the queue, or is about to."""
        return self.has(JobEventType.JOB_TERMINATED, JobEventType.JOB_ABORTED)

    def states(self) -> list[SessionEvent]:
        """Return the states that the session announced, in order."""
        return [
            SessionEvent(datetime.fromisoformat(event.at).astimezone(), said["state"], said["reason"])
            for event in self.events()
            if "state" in (said := event.announcement)
        ]

    def warnings(self) -> list[str]:
        """Return the warnings that the session announced, in order."""
        return [said["warning"] for event in self.events() if "warning" in (said := event.announcement)]

    def port(self) -> int | None:
        """Return the port of the server that the session announced last."""
        urls = [said["url"] for event in self.events() if "url" in (said := event.announcement)]
        return int(re.findall(r":(\d+)/", urls[-1])[0]) if urls else None
