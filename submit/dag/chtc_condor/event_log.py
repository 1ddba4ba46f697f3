"""Read a job event log: that of one job, or DAGMan's log of all its nodes' jobs.

An event is a line that begins with its number and job, lines of detail, and a line of three dots:
https://htcondor.readthedocs.io/en/latest/codes-other-values/job-event-log-codes.html
Dates come in any of HTCondor's ways (`11/28 17:42:01.974Z`). One log may mix them, and have events in XML or JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chtc_condor import event_ads
from chtc_condor.codes import JobEventType
from chtc_condor.notebook_look import clean

_HEAD = re.compile(r"([0-9]{3}) \(([0-9]{1,10})\.([0-9]{1,10})\.[0-9]{1,10}\) (\S+ \S+) ?(.*)")
_NODE = re.compile(r'DAG Node: (\S+)|DAGNodeName = "([^"]*)"')
_CODE = re.compile(r"Code ([0-9]{1,10}) Subcode -?[0-9]{1,10}")
_END = "..."
#: Characters of a time, and of a sentence.
_TIME, _SENTENCE = 40, 1000
#: What a session's own events begin with; a JSON object follows.
_ANNOUNCEMENT = "jupyter-session "


@dataclass(frozen=True)
class Event:
    """One event: its type, its job, when it happened (as the log writes it), its text, and the lines below it.

    `type` is a JobEventType, or the bare number of an event that has no name there.
    """

    type: int
    job: str
    at: str
    text: str
    details: tuple[str, ...] = ()

    @property
    def node(self) -> str:
        """The DAG node that the job was submitted for, or whose POST script has ended; otherwise empty."""
        found = _NODE.search("\n".join(self.details))
        return (found[1] or found[2]) if found else ""

    @property
    def announcement(self) -> dict[str, str]:
        """What the session itself announces: `state`, `reason`, and `url`, or `warning`; empty in any other event."""
        if self.type != JobEventType.GENERIC or not self.text.startswith(_ANNOUNCEMENT):
            return {}
        try:
            found = json.loads(self.text[len(_ANNOUNCEMENT) :])
        except (ValueError, RecursionError):
            return {}
        return (
            {clean(str(name), _SENTENCE): clean(str(value), _SENTENCE) for name, value in found.items()}
            if isinstance(found, dict)
            else {}
        )

    @property
    def reason(self) -> str:
        """HTCondor's reason for an eviction, a removal, or a hold, or for what else happened."""
        if self.type == JobEventType.JOB_EVICTED:
            found = [line.partition("Reason:")[2].strip() for line in self.details if line.startswith("Reason:")]
            return clean(found[0], _SENTENCE) if found else ""
        return clean(self.details[0], _SENTENCE) if self.details else ""

    @property
    def code(self) -> int | None:
        """The HoldReasonCode of a hold or of an error on the execution point; None where the event has none."""
        found = [match for line in self.details if (match := _CODE.match(line))]
        return int(found[0][1]) if found else None


class EventReader:
    """Joins lines to events, and keeps the lines of an event that is not complete yet."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._end = _END

    @property
    def is_between(self) -> bool:
        """Whether no event has begun that is not complete yet."""
        return not self._lines

    def feed(self, line: str) -> Event | None:
        """Take a line; return the event that it completes."""
        line = line.rstrip("\r\n")
        if self._end == _END and line in event_ads.DELIMITERS:
            self._lines, self._end = [], event_ads.DELIMITERS[line]
        if self._end == _END:
            line = line.rstrip()
        if line != self._end:
            self._lines.append(line)
            return None
        lines, end = self._lines, self._end
        self._lines, self._end = [], _END
        if end == _END:
            return parse_event(lines)
        parts = event_ads.parse_ad([*lines, end])
        if parts is None:
            return None
        number, job, at, text, details = parts
        return Event(number, job, clean(at, _TIME), text, details)


def parse_event(lines: Sequence[str]) -> Event | None:
    """Return the event in lines that may begin with something else; None if there is no event."""
    for start, first in enumerate(lines):
        if head := _HEAD.match(first):
            number, cluster, proc, at, text = head.groups()
            details = tuple(line.strip() for line in lines[start + 1 :])
            return Event(int(number), f"{int(cluster)}.{int(proc)}", clean(at, _TIME), text.strip(), details)
    return None


def parse_events(data: bytes) -> Iterator[Event]:
    """Yield the complete events in a part of a log."""
    reader = EventReader()
    for line in _split_whole_lines(data):
        if event := reader.feed(line.decode(errors="replace")):
            yield event


def measure_complete(data: bytes) -> int:
    """Return how many bytes from the start are complete events."""
    reader, read, complete = EventReader(), 0, 0
    for line in _split_whole_lines(data):
        reader.feed(line.decode(errors="replace"))
        read += len(line)
        if reader.is_between:
            complete = read
    return complete


def _split_whole_lines(data: bytes) -> list[bytes]:
    """Return the lines that have an end, with it."""
    return [line + b"\n" for line in data.split(b"\n")[:-1]]
