"""A job's event log, read from outside the access point's processes: looking costs nothing, so look often."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

_EVENT = re.compile(r"^(\d{3}) \S+ (\S+ \S+) (.*)$", re.MULTILINE)
#: What a session's own events begin with; a JSON object follows.
_ANNOUNCEMENT = "jupyter-session "
GENERIC, ENDED = 8, (5, 9)


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
        try:
            return self._path.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def numbers(self) -> list[int]:
        """Return the numbers of all events, in order."""
        return [int(number) for number, _, _ in _EVENT.findall(self.text())]

    def has_ended(self) -> bool:
        """Return whether the job has left the queue, or is about to."""
        return any(number in ENDED for number in self.numbers())

    def announcements(self) -> Iterator[tuple[datetime, dict[str, Any]]]:
        """Yield what the session announced, in order."""
        for number, at, text in _EVENT.findall(self.text()):
            if int(number) == GENERIC and text.startswith(_ANNOUNCEMENT):
                yield datetime.fromisoformat(at).astimezone(), json.loads(text.removeprefix(_ANNOUNCEMENT))

    def states(self) -> list[SessionEvent]:
        """Return the states that the session announced, in order."""
        return [SessionEvent(at, said["state"], said["reason"]) for at, said in self.announcements() if "state" in said]

    def warnings(self) -> list[str]:
        """Return the warnings that the session announced, in order."""
        return [said["warning"] for _, said in self.announcements() if "warning" in said]

    def port(self) -> int | None:
        """Return the port of the server that the session announced last."""
        urls = [said["url"] for _, said in self.announcements() if "url" in said]
        return int(re.findall(r":(\d+)/", urls[-1])[0]) if urls else None
