"""A job's event log, read line by line, and what it says of the job.

An event is a line that begins with its number and job, lines of detail, and a line of three dots:
https://htcondor.readthedocs.io/en/latest/codes-other-values/job-event-log-codes.html
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

_HEAD = re.compile(r"(\d{3}) \((\d+)\.(\d+)\.\d+\) (\S+ \S+) ?(.*)")
_SAID = "jupyter-session "
#: The hold code of files that could not be brought back.
_OUTPUT_FAILED = "Code 12 "
_PORT = re.compile(r"http://127\.0\.0\.1:(\d+)/")


@dataclass(frozen=True)
class Event:
    """One event: its number, its job, when (as the log has it), and its text."""

    number: int
    job: str
    at: str
    text: str
    details: tuple[str, ...] = ()


class Phase(enum.Enum):
    """Where a job is."""

    QUEUED = "queued"
    TRANSFER = "transferring"
    RUNNING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    SUSPENDED = "suspended"
    LOST = "disconnected"
    HELD = "held"
    ENDED = "ended"


@dataclass(frozen=True)
class JobProgress:
    """What the event log has said of a job so far.

    `state` and `reason` are the session's own words (JupyterState, JupyterReason); `why` is HTCondor's, of the last
    hold, eviction or removal, and `trouble` what its last machine said went wrong; `lost` is why files did not come
    back from it. `port` is the server's in the job. `starts` counts executions; `was_ready` stays true.
    """

    phase: Phase = Phase.QUEUED
    at: str = ""
    state: str = ""
    reason: str = ""
    why: str = ""
    trouble: str = ""
    lost: str = ""
    host: str = ""
    port: int | None = None
    starts: int = 0
    exit_status: int | None = None
    removed: bool = False
    was_ready: bool = False


class Reader:
    """Puts lines together to events; keeps the lines of one that is not whole yet."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def feed(self, line: str) -> Event | None:
        """Take a line; return the event that it completes."""
        if line.rstrip() != "...":
            self._lines.append(line)
            return None
        lines, self._lines = self._lines, []
        for start, first in enumerate(lines):
            if head := _HEAD.match(first):
                number, cluster, proc, at, text = head.groups()
                job = f"{int(cluster)}.{int(proc)}"
                return Event(int(number), job, at, text.strip(), tuple(line.strip() for line in lines[start + 1 :]))
        return None


def apply_event(course: JobProgress, event: Event) -> JobProgress:
    """Return what is known of a job after one more event of it."""
    number, first = event.number, event.details[0] if event.details else ""
    now = replace(course, at=event.at)
    if number == 0:
        return JobProgress(at=event.at)
    if number == 40:
        return replace(now, phase=Phase.TRANSFER) if course.phase is Phase.QUEUED else now
    if number == 1:
        trouble, host = course.trouble, _host(event.details)
        starts, was_ready = course.starts + 1, course.was_ready
        return JobProgress(Phase.RUNNING, event.at, starts=starts, trouble=trouble, host=host, was_ready=was_ready)
    if number == 8 and event.text.startswith(_SAID):
        return _said(now, event.text[len(_SAID) :])
    if number == 4:
        return replace(
            now, phase=Phase.QUEUED, port=None, state="", why=_reason(event.details) or "the machine was needed"
        )
    if number == 5:
        found = re.search(r"return value (\d+)", " ".join(event.details))
        return replace(now, phase=Phase.ENDED, port=None, exit_status=int(found[1]) if found else None)
    if number == 9:
        return replace(now, phase=Phase.ENDED, port=None, removed=True, why=first)
    if number == 10:
        return replace(now, phase=Phase.SUSPENDED)
    if number == 11:
        return replace(now, phase=Phase.READY if course.port else Phase.RUNNING)
    if number == 12:
        return replace(now, phase=Phase.HELD, port=None, state="", why=first)
    if number == 13:
        return replace(now, phase=Phase.QUEUED, why=first)
    if number in (7, 24):  # the shadow failed, or could not reconnect: the job goes back to the queue
        return replace(now, phase=Phase.QUEUED, port=None, state="", why=first)
    if number == 21:
        lost = any(line.startswith(_OUTPUT_FAILED) for line in event.details)
        return replace(now, lost=first.rpartition("|Error: ")[2]) if lost else replace(now, trouble=first)
    if number == 22:
        return replace(now, phase=Phase.LOST, why=first)
    if number == 23:
        return replace(now, phase=Phase.READY if course.port else Phase.RUNNING)
    return course


def read(lines: Iterable[str], job: str) -> JobProgress:
    """Return what the lines of a log say of a job."""
    reader, course = Reader(), JobProgress()
    for line in lines:
        event = reader.feed(line)
        if event and event.job == job:
            course = apply_event(course, event)
    return course


def _said(course: JobProgress, text: str) -> JobProgress:
    try:
        said: Mapping[str, Any] = json.loads(text)
        state, reason = str(said["state"]), str(said.get("reason", ""))
        found = _PORT.match(str(said.get("url", "")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return course
    trouble = "" if state == "ready" else course.trouble
    phase = {"ready": Phase.READY, "idle": Phase.READY, "starting": Phase.RUNNING}.get(state, Phase.STOPPING)
    port = int(found[1]) if found and phase is Phase.READY else None
    was_ready = course.was_ready or phase is Phase.READY
    return replace(course, phase=phase, state=state, reason=reason, trouble=trouble, port=port, was_ready=was_ready)


def _host(details: tuple[str, ...]) -> str:
    found = re.search(r"SlotName: (?:\S+@)?(\S+)", "\n".join(details))
    return found[1] if found else ""


def _reason(details: tuple[str, ...]) -> str:
    found = [line.partition("Reason:")[2].strip() for line in details if line.startswith("Reason:")]
    return found[0] if found else ""
