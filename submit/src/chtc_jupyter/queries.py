"""What is asked of the queue and of a session in it, over a connection."""

from __future__ import annotations

import asyncio
import contextlib
import re

from chtc_jupyter import ads, records, tunnel, why, words
from chtc_jupyter.ads import Ad
from chtc_jupyter.errors import FailedError, LauncherError, NoSuchSessionError, PolicyError
from chtc_jupyter.events import Course, Phase
from chtc_jupyter.link import Link
from chtc_jupyter.records import Record
from chtc_jupyter.session import follow

#: Seconds within which a log that is there has been read.
_READ = 10


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
    """Run a verb of jupyter-session in the job; raises FailedError, PolicyError."""
    done = await link.run(tunnel.inside(job, ["jupyter-session", *argv]), timeout=60)
    if done["out"].strip():
        return str(done["out"])
    said = " ".join(line.strip() for line in done["err"].splitlines() if line.strip())
    if refusal := tunnel.policy(done["err"]):
        raise PolicyError(
            f"This pool does not let you ssh into job {job} ({refusal}): a session that is started with --interactive "
            "may be let in."
        )
    raise FailedError(f"The session in job {job} gave no answer ({said or 'no word'}): try again in some seconds.")
