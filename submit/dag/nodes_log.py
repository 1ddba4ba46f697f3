"""What DAGMan's log of its nodes' jobs says: `jupyter.dag.nodes.log`, which has the sessions' own words too.

An event is a line that begins with its number and job, lines of detail, and a line of three dots:
https://htcondor.readthedocs.io/en/latest/codes-other-values/job-event-log-codes.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

_HEAD = re.compile(r"(\d{3}) \((\d+)\.(\d+)\.\d+\) (\S+ \S+) ?(.*)")
_NODE = re.compile(r'DAG Node: (\S+)|DAGNodeName = "([^"]*)"')
_END = b"\n...\n"
_SAID = "jupyter-session "


@dataclass(frozen=True)
class Event:
    """One event: its number, its job, when (as the log has it), its text, and the lines below it."""

    number: int
    job: str
    at: str
    text: str
    details: tuple[str, ...] = ()

    @property
    def node(self) -> str:
        """The node that a job is submitted for, or whose POST script has ended; else empty."""
        found = _NODE.search("\n".join(self.details))
        return (found[1] or found[2]) if found else ""

    @property
    def said(self) -> dict[str, str]:
        """What a session says in it: `state` and `reason`, or `warning`; empty where it says nothing."""
        if self.number != 8 or not self.text.startswith(_SAID):
            return {}
        try:
            found = json.loads(self.text[len(_SAID) :])
        except ValueError:
            return {}
        return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}

    @property
    def why(self) -> str:
        """HTCondor's reason for an eviction, a removal or a hold."""
        if self.number == 4:
            found = [line.partition("Reason:")[2].strip() for line in self.details if line.startswith("Reason:")]
            return found[0] if found else ""
        return self.details[0] if self.details else ""


@dataclass(frozen=True)
class Job:
    """What became of a node's job so far: `state` and `reason` are the session's, `why` HTCondor's.

    `at` is when the last of it happened; `ran`, that it was started; `posted`, that its POST script has ended.
    """

    id: str
    node: str
    at: str = ""
    state: str = ""
    reason: str = ""
    why: str = ""
    ran: bool = False
    ended: bool = False
    posted: bool = False


def read(log: Path, offset: int = 0) -> bytes:
    """Return what the log has from an offset on; nothing where DAGMan has not made it yet."""
    try:
        with log.open("rb") as data:
            data.seek(offset)
            return data.read()
    except FileNotFoundError:
        return b""


def events(data: bytes) -> Iterator[Event]:
    """Yield the whole events in a part of the log that begins with one."""
    for part in (b"\n" + data).split(_END)[:-1]:
        first, *rest = part.decode(errors="replace").strip("\n").split("\n")
        if head := _HEAD.match(first):
            number, cluster, proc, at, text = head.groups()
            details = tuple(line.strip() for line in rest)
            yield Event(int(number), f"{int(cluster)}.{int(proc)}", at, text.strip(), details)


def whole(data: bytes) -> int:
    """Return how many bytes from the start are whole events."""
    end = data.rfind(_END)
    return 0 if end < 0 else end + len(_END)


def jobs(found: Iterable[Event]) -> dict[str, Job]:
    """Return the jobs that were submitted for nodes, by their ids, in order."""
    known: dict[str, Job] = {}
    for event in found:
        if event.number == 0:
            known[event.job] = Job(event.job, event.node, event.at)
        elif event.job in known:
            known[event.job] = _after(known[event.job], event)
    return known


def _after(job: Job, event: Event) -> Job:
    if event.number == 16:
        return replace(job, posted=True)
    if said := event.said:
        return replace(job, at=event.at, state=said.get("state", job.state), reason=said.get("reason", job.reason))
    if event.number == 1:
        return replace(job, at=event.at, state="", reason="", why="", ran=True)
    if event.number in (4, 9, 12):
        return replace(job, at=event.at, why=event.why, ended=event.number == 9)
    if event.number == 5:
        return replace(job, at=event.at, ended=True)
    return job
