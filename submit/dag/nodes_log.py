"""Read DAGMan's log of its nodes' jobs, `jupyter.dag.nodes.log`, which has the sessions' own announcements too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from chtc_condor.codes import JobEventType
from chtc_condor.event_log import Event


@dataclass(frozen=True)
class Job:
    """What has become of a node's job so far: `state` and `reason` are the session's, `why` is HTCondor's reason.

    `at` is the time of the last event, `started` that of the last start. `ran`: the job was started; `posted`: its POST
    script has ended.
    """

    id: str
    node: str
    at: str = ""
    state: str = ""
    reason: str = ""
    why: str = ""
    started: str = ""
    ran: bool = False
    ended: bool = False
    posted: bool = False


def read_log(log: Path, offset: int = 0) -> bytes:
    """Return the log from an offset on; nothing if DAGMan has not created it yet."""
    try:
        with log.open("rb") as data:
            data.seek(offset)
            return data.read()
    except FileNotFoundError:
        return b""


def collect_jobs(events: Iterable[Event]) -> dict[str, Job]:
    """Return the jobs that were submitted for nodes, by their ids, in order."""
    jobs: dict[str, Job] = {}
    for event in events:
        if event.type == JobEventType.SUBMIT:
            jobs[event.job] = Job(event.job, event.node, event.at)
        elif event.job in jobs:
            jobs[event.job] = _apply_event(jobs[event.job], event)
    return jobs


def _apply_event(job: Job, event: Event) -> Job:
    if event.type == JobEventType.POST_SCRIPT_TERMINATED:
        return replace(job, posted=True)
    if news := event.announcement:
        return replace(job, at=event.at, state=news.get("state", job.state), reason=news.get("reason", job.reason))
    if event.type == JobEventType.EXECUTE:
        return replace(job, at=event.at, state="", reason="", why="", started=event.at, ran=True)
    if event.type in (JobEventType.JOB_EVICTED, JobEventType.JOB_HELD):
        return replace(job, at=event.at, why=event.reason)
    if event.type == JobEventType.JOB_ABORTED:
        return replace(job, at=event.at, why=event.reason, ended=True)
    if event.type == JobEventType.JOB_TERMINATED:
        return replace(job, at=event.at, ended=True)
    return job
