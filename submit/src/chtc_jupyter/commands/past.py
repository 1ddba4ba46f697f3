"""Sessions that have ended: how, when, and what they have left on the access point."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from dataclasses import dataclass

from chtc_condor.notebook_look import Looked
from chtc_condor.ownership import quote_string
from chtc_jupyter import messages, notebooks, queue, store
from chtc_jupyter.condor import job_ads, past_jobs
from chtc_jupyter.condor.job_ads import Ad
from chtc_jupyter.condor.job_progress import JobProgress, Phase
from chtc_jupyter.errors import LauncherError, NoSuchSessionError
from chtc_jupyter.session import follow_log
from chtc_jupyter.ssh.agent_client import AgentClient
from chtc_jupyter.store import Record

_log = logging.getLogger(__name__)
JOB = re.compile(r"\d+(\.\d+)?")
#: Seconds in which a log that exists has been read, and in which the history has been searched.
_READ, _SEARCH = 10, 60
#: Seconds for which `list` speaks of the last session.
_RECENT = 86_400


@dataclass(frozen=True)
class Past:
    """A session that has ended. `output` are the paths of its job's output and errors on the access point."""

    record: Record
    progress: JobProgress
    looked: Looked | None
    output: tuple[str, ...]

    def __str__(self) -> str:
        return messages.describe_past_session(self.record, self.progress, self.looked)


class EndedError(NoSuchSessionError):
    """The session has ended."""

    def __init__(self, past: Past) -> None:
        super().__init__(str(past))
        self.past = past


async def find_end(link: AgentClient, record: Record) -> Past | None:
    """Return how a session ended that this machine remembers, or None if it hasn't.

    Its log says so, or the queue doesn't have it any more; the history may say more.
    """
    progress = await _read_log_once(link, record)
    if progress.phase is not Phase.ENDED:
        if await is_queued(link, record):
            return None
        condition = f"{job_ads.match_job(record.job)} && JupyterName =?= {quote_string(record.name)}"
        ad = await _find_ad(link, condition)
        progress = past_jobs.read_end(ad) if ad else JobProgress(Phase.ENDED)
    base = record.log.removesuffix(".log")
    looked = await notebooks.look(link, record, progress.started)
    return Past(record, progress, looked, (f"{base}.out", f"{base}.err"))


async def find_past(link: AgentClient, name: str | None) -> Past | None:
    """Return how the user's last session of a name or a job ID ended, whoever started it; None if that isn't known.

    Without a name: the last one of the last day.
    """
    if name is None:
        which = f"EnteredCurrentStatus > time() - {_RECENT}"
    else:
        which = f"JupyterName =?= {quote_string(name)}"
        which += f" || ({job_ads.match_job(name)})" if JOB.fullmatch(name) else ""
    try:
        ad = await _find_ad(link, f"({job_ads.SESSIONS}) && ({which})")
    except LauncherError as error:
        _log.debug("Can't look for %s in the history of %s: %s", name, link.ap, error)
        return None
    if ad is None:
        return None
    record, progress = job_ads.build_past_record(ad, link.ap), past_jobs.read_end(ad)
    looked = await notebooks.look(link, record, progress.started)
    return Past(record, progress, looked, tuple(job_ads.list_output(ad)))


async def is_queued(link: AgentClient, record: Record) -> bool:
    """Return True if the job of a session that this machine remembers is in the queue and hasn't ended."""
    found = await queue.find_jobs(link, f"{job_ads.match_job(record.job)} && !({job_ads.ENDED})")
    return any(not is_another(ad, link.ap) for ad in found)


def is_another(ad: Ad, ap: str) -> bool:
    """Return True if this machine remembers a job ID as that of another session: the schedd has given it out again."""
    record = store.look_up(job_ads.get_job_id(ad), ap)
    return record is not None and bool(ad.get("JupyterName")) and ad["JupyterName"] != record.name


async def raise_if_another(link: AgentClient, record: Record) -> None:
    """Raise EndedError if a session has left the queue and its log is gone: its job ID may be another's now."""
    if not await is_queued(link, record) and not (await _read_log_once(link, record)).at:
        await raise_if_ended(link, record.name)


async def raise_if_ended(link: AgentClient, name: str | None) -> None:
    """Raise EndedError if this machine remembers a session, and it has ended."""
    record = store.look_up(name, link.ap)
    if record and (past := await find_end(link, record)):
        store.end(record.name)
        raise EndedError(past)


async def _find_ad(link: AgentClient, condition: str) -> Ad | None:
    """Return the ad of the user's last job that meets a condition and has ended."""
    kept = await queue.find_jobs(link, f"({condition}) && ({job_ads.ENDED})")
    query = past_jobs.build_history_query(await queue.find_owner(link), condition)
    found = [*kept, *job_ads.parse_ads(await link.run(query, timeout=_SEARCH))]
    return max(found, key=lambda ad: job_ads.get_number(ad, "EnteredCurrentStatus") or 0, default=None)


async def _read_log_once(link: AgentClient, record: Record) -> JobProgress:
    """Return what a job's log says of it now."""
    try:
        return await asyncio.wait_for(_read_log(link, record), _READ)
    except (LauncherError, asyncio.TimeoutError) as error:
        _log.debug("Can't read the log of job %s: %r", record.job, error)
        return JobProgress()


async def _read_log(link: AgentClient, record: Record) -> JobProgress:
    async with contextlib.aclosing(follow_log(link, record)) as states:
        async for progress in states:
            return progress
    return JobProgress()
