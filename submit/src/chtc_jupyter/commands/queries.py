"""What is asked of the queue and of a session in it, over a connection."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Sequence

from chtc_jupyter import messages, store
from chtc_jupyter.condor import job_ads, match_analysis
from chtc_jupyter.condor.job_ads import Ad
from chtc_jupyter.condor.job_progress import JobProgress, Phase
from chtc_jupyter.errors import FailedError, LauncherError, NoSuchSessionError, PolicyError
from chtc_jupyter.session import follow
from chtc_jupyter.ssh import tunnel
from chtc_jupyter.ssh.agent_client import AgentClient
from chtc_jupyter.store import Record

#: Seconds within which a log that is there has been read.
_READ = 10
#: Seconds within which a session has answered.
_ANSWER = 60


async def find(link: AgentClient, name: str | None) -> Ad:
    """Return the one session of the queue that is meant; raises NoSuchSessionError, CondorError."""
    found = job_ads.choose(job_ads.parse(await link.run(job_ads.query("-constraint", job_ads.SESSIONS))), name)
    if not found and name and re.fullmatch(r"\d+(\.\d+)?", name):
        found = job_ads.parse(await link.run(job_ads.query(name)))
    if len(found) == 1:
        return found[0]
    if not found:
        await _see_if_ended(link, name)
        raise NoSuchSessionError(
            f"There is no session {name!r} in the queue of {link.ap}."
            if name
            else f"There is no session in the queue of {link.ap}."
        )
    known = ", ".join(f"{ad.get('JupyterName', '-')} ({job_ads.job_of(ad)})" for ad in found)
    raise NoSuchSessionError(f"There are several sessions, say which: {known}.")


async def _see_if_ended(link: AgentClient, name: str | None) -> None:
    """Raise EndedError where it is a session that this machine remembers and that has ended; and forget it."""
    try:
        record = store.find(name, link.ap)
    except NoSuchSessionError:
        return
    if course := await end_of(link, record):
        store.forget(record.name)
        raise EndedError(record, course)


class EndedError(NoSuchSessionError):
    """The session has ended since it was last seen from here."""

    def __init__(self, record: Record, course: JobProgress) -> None:
        super().__init__(messages.describe_past_session(record, course))
        self.record, self.course = record, course


async def end_of(link: AgentClient, record: Record) -> JobProgress | None:
    """Return how a job ended, None while it has not: its log says so, or that the queue does not know it."""
    course = JobProgress()
    with contextlib.suppress(LauncherError, asyncio.TimeoutError):
        course = await asyncio.wait_for(_latest(link, record), _READ)
    if course.phase is Phase.ENDED:
        return course
    return None if job_ads.parse(await link.run(job_ads.query(record.job))) else JobProgress(Phase.ENDED)


async def _latest(link: AgentClient, record: Record) -> JobProgress:
    async with contextlib.aclosing(follow(link, record)) as courses:
        async for course in courses:
            return course
    return JobProgress()


async def record_of(link: AgentClient, name: str | None) -> Record:
    """Return how to follow the session that is meant."""
    found = job_ads.record(await find(link, name), link.ap)
    if found is None:
        raise NoSuchSessionError("That job has no event log, so it can't be followed: add `log = ...` to its file.")
    return found


async def why_queued(link: AgentClient, job: str) -> str:
    """Say why a job is not running; empty where that can't be told."""
    told = await link.run(["condor_q", "-better-analyze", job])
    ad = await link.run(job_ads.query(job))
    try:
        found = job_ads.parse(ad)
    except LauncherError:
        return ""
    if told["status"] or not found:
        return ""
    shown = await link.run(match_analysis.SLOTS)
    last = str(found[0].get("LastRejMatchReason", ""))
    return match_analysis.explain(
        match_analysis.parse_analysis(told["out"]),
        match_analysis.read_request(found[0]),
        match_analysis.parse_slots(shown["out"]),
        last,
    )


async def inside(link: AgentClient, job: str, *argv: str) -> str:
    """Run a verb of jupyter-session in the job and return what it printed; raises FailedError, PolicyError."""
    with contextlib.suppress(asyncio.TimeoutError):
        return await asyncio.wait_for(_collected(link, job, argv), _ANSWER)
    raise FailedError(f"The session in job {job} gave no answer in {_ANSWER} s: try again in some seconds.")


async def _collected(link: AgentClient, job: str, argv: Sequence[str]) -> str:
    async with contextlib.aclosing(lines_inside(link, job, *argv)) as lines:
        return "".join([f"{line}\n" async for line in lines])


async def lines_inside(link: AgentClient, job: str, *argv: str) -> AsyncGenerator[str, None]:
    """Run a verb of jupyter-session in the job and yield the lines it prints; raises FailedError, PolicyError."""
    said = ""
    answers = link.stream("follow", argv=tunnel.inside(job, ["jupyter-session", *argv]))
    async with contextlib.aclosing(answers):
        async for answer in answers:
            line = answer.get("line")
            if line == tunnel.DONE:
                return
            if line == tunnel.FAILED:
                raise FailedError(f"In job {job}: {said.removeprefix('jupyter-session: ') or 'it gave no reason'}")
            if line is None:
                said = str(answer.get("err") or answer.get("error") or said)
            else:
                said = line
                yield line
    if refusal := tunnel.policy(said):
        raise PolicyError(
            f"This pool does not let you ssh into job {job} ({refusal}): a session that is started with --interactive "
            "may be let in."
        )
    why = " ".join(said.split()) or "no word"
    raise FailedError(f"The session in job {job} gave no answer ({why}): try again in some seconds.")
