"""What is asked of the queue and of a session in it, over a connection."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Sequence

from chtc_jupyter import ads, records, tunnel, why, words
from chtc_jupyter.ads import Ad
from chtc_jupyter.errors import FailedError, LauncherError, NoSuchSessionError, PolicyError
from chtc_jupyter.events import Course, Phase
from chtc_jupyter.link import Link
from chtc_jupyter.records import Record
from chtc_jupyter.session import follow

#: Seconds within which a log that is there has been read.
_READ = 10
#: Seconds within which a session has answered.
_ANSWER = 60


async def find(link: Link, name: str | None) -> Ad:
    """Return the one session of the queue that is meant; raises NoSuchSessionError, CondorError."""
    found = ads.choose(ads.parse(await link.run(ads.query("-constraint", ads.SESSIONS))), name)
    if not found and name and re.fullmatch(r"\d+(\.\d+)?", name):
        found = ads.parse(await link.run(ads.query(name)))
    if len(found) == 1:
        return found[0]
    if not found:
        await _see_if_ended(link, name)
        raise NoSuchSessionError(
            f"There is no session {name!r} in the queue of {link.ap}."
            if name
            else f"There is no session in the queue of {link.ap}."
        )
    known = ", ".join(f"{ad.get('JupyterName', '-')} ({ads.job_of(ad)})" for ad in found)
    raise NoSuchSessionError(f"There are several sessions, say which: {known}.")


async def _see_if_ended(link: Link, name: str | None) -> None:
    """Raise EndedError where it is a session that this machine remembers and that has ended; and forget it."""
    try:
        record = records.find(name, link.ap)
    except NoSuchSessionError:
        return
    if course := await end_of(link, record):
        records.forget(record.name)
        raise EndedError(record, course)


class EndedError(NoSuchSessionError):
    """The session has ended since it was last seen from here."""

    def __init__(self, record: Record, course: Course) -> None:
        super().__init__(words.past(record, course))
        self.record, self.course = record, course


async def end_of(link: Link, record: Record) -> Course | None:
    """Return how a job ended, None while it has not: its log says so, or that the queue does not know it."""
    course = Course()
    with contextlib.suppress(LauncherError, asyncio.TimeoutError):
        course = await asyncio.wait_for(_latest(link, record), _READ)
    if course.phase is Phase.ENDED:
        return course
    return None if ads.parse(await link.run(ads.query(record.job))) else Course(Phase.ENDED)


async def _latest(link: Link, record: Record) -> Course:
    async with contextlib.aclosing(follow(link, record)) as courses:
        async for course in courses:
            return course
    return Course()


async def record_of(link: Link, name: str | None) -> Record:
    """Return how to follow the session that is meant."""
    found = ads.record(await find(link, name), link.ap)
    if found is None:
        raise NoSuchSessionError("That job has no event log, so it can't be followed: add `log = ...` to its file.")
    return found


async def why_queued(link: Link, job: str) -> str:
    """Say why a job is not running; empty where that can't be told."""
    told = await link.run(["condor_q", "-better-analyze", job])
    ad = await link.run(ads.query(job))
    try:
        found = ads.parse(ad)
    except LauncherError:
        return ""
    if told["status"] or not found:
        return ""
    shown = await link.run(why.SLOTS)
    last = str(found[0].get("LastRejMatchReason", ""))
    return why.explain(why.analysis(told["out"]), why.need(found[0]), why.slots(shown["out"]), last)


async def inside(link: Link, job: str, *argv: str) -> str:
    """Run a verb of jupyter-session in the job and return what it printed; raises FailedError, PolicyError."""
    with contextlib.suppress(asyncio.TimeoutError):
        return await asyncio.wait_for(_collected(link, job, argv), _ANSWER)
    raise FailedError(f"The session in job {job} gave no answer in {_ANSWER} s: try again in some seconds.")


async def _collected(link: Link, job: str, argv: Sequence[str]) -> str:
    async with contextlib.aclosing(lines_inside(link, job, *argv)) as lines:
        return "".join([f"{line}\n" async for line in lines])


async def lines_inside(link: Link, job: str, *argv: str) -> AsyncGenerator[str, None]:
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
