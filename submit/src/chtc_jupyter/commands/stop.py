"""Stop a session: it ends itself, in order, and its notebooks come back; `condor_rm` is the last resort."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

from chtc_condor.codes import JobStatus
from chtc_jupyter import notebooks, queue, store
from chtc_jupyter.commands import session_status, stop_messages
from chtc_jupyter.commands.queries import find, run_inside, stream_inside
from chtc_jupyter.condor import job_ads
from chtc_jupyter.condor.job_ads import Ad
from chtc_jupyter.condor.job_progress import JobProgress
from chtc_jupyter.condor.stopping import Inside, Seen, Step, choose_step
from chtc_jupyter.durations import format_duration
from chtc_jupyter.errors import DiskError, FailedError, LauncherError, PolicyError
from chtc_jupyter.session import follow_log
from chtc_jupyter.ssh.agent_client import AgentClient
from chtc_jupyter.ssh.login import connected
from chtc_jupyter.store import Record
from chtc_jupyter.terminal import SLOW, Terminal

_log = logging.getLogger(__name__)
#: Seconds between two looks, between two questions to the queue, and until the user hears again of what is waited for.
_LOOK, _QUERY, _TELL = 0.2, 2.0, 20.0
#: Seconds in which a job that HTCondor copies back or removes has left the queue.
_PATIENCE = 180
#: Seconds in which the session says which files don't fit, and how often it is asked.
_CHECK, _TRIES = 14, 2
#: Seconds in which the log of a job that has left the queue says how it ended.
_LOG = 3.0
#: The condition of a job whose files are not on their way back: a removal would lose them.
_NOT_RETURNING = f"JobStatus =!= {JobStatus.TRANSFERRING_OUTPUT:d}"
#: Files that are named.
_NAMES = 3
#: In the reason why a file isn't saved: the disk or the quota of the access point is full.
_FULL = ("no space", "quota")


async def stop(ap: str, name: str | None, terminal: Terminal, *, force: bool = False) -> int:
    """End a session, wait until its notebooks are back, and print where they are.

    Raises DiskError if they don't fit, before the session is asked to end or after it.
    """
    async with connected(ap, terminal) as link:
        async with terminal.explaining(SLOW, f"{ap}: asking the queue"):
            ad = await find(link, name)
        job, record = job_ads.get_job_id(ad), job_ads.build_record(ad, ap)
        stopping = Stopping(link, ad, record, terminal, force=force)
        try:
            progress = await stopping.run()
        except asyncio.CancelledError:
            terminal.say(stop_messages.describe_left_stop(job, asked=stopping.is_under_way))
            raise
        ran = has_run(ad) or progress.starts > 0
        async with terminal.explaining(SLOW, f"{ap}: looking at the notebooks that have come back"):
            looked = await notebooks.look(link, record, progress.started) if record and ran else None
        if record:
            store.end(record.name)
        ended = stop_messages.describe_stop(job, record, progress, looked, ran=ran)
        if record and progress.lost:
            raise DiskError(ended)
        kept = record.notebooks if record and looked and looked.folder else None
        terminal.report({"job": job, "stopped": True, "notebooks": kept, "message": ended})
        if not terminal.as_json:
            terminal.print_result(ended)
    return 0


def has_run(ad: Ad) -> bool:
    """Return True if a job has been started at least once."""
    return any(ad.get(name) for name in ("JobCurrentStartDate", "JobStartDate", "NumJobStarts"))


def loses_files(ad: Ad) -> bool:
    """Return True if the removal of a job that has run loses files, by its submit file.

    HTCondor brings the output of a job that is removed back only as at an eviction. Without `My.SpoolOnEvict = false`,
    that goes to the spool, and is thrown away with the job.
    """
    at_eviction = ad.get("WhenToTransferOutput") in (None, "ON_EXIT_OR_EVICT", "ON_SUCCESS_OR_EVICT")
    to_spool = ad.get("SpoolOnEvict") is not False
    return to_spool or not at_eviction if ad.get("JobStatus") in job_ads.ACTIVE else to_spool and at_eviction


class Stopping:
    """Ends one job, step by step, as the queue and the job's log show it."""

    def __init__(self, link: AgentClient, ad: Ad, record: Record | None, terminal: Terminal, *, force: bool) -> None:
        self._link, self._record, self._terminal, self._force = link, record, terminal, force
        self._job = job_ads.get_job_id(ad)
        self._ad: Ad | None = ad
        self._started = ad.get("JobCurrentStartDate")
        self._progress = JobProgress()
        self._inside, self._refusal = Inside.UNASKED, ""
        self._removed = False
        self._since = time.monotonic()
        self._looked = 0.0  # when the last question to the queue was put that was answered, on the monotonic clock
        self._told, self._told_at = "", 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._asking: asyncio.Task[None] | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether the job ends even if nobody waits for it."""
        return self._removed or self._inside in (Inside.STOPPING, Inside.STOPPED)

    async def run(self) -> JobProgress:
        """End the job; return what its log says of it. Raises DiskError, PolicyError, LauncherError."""
        self._note_end()
        self._tasks.append(asyncio.create_task(self._follow_log()))
        try:
            await self._step_until_ended()
            return await self._read_end()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _step_until_ended(self) -> None:
        asked_queue = time.monotonic()
        while (step := choose_step(self._see())) is not Step.DONE:
            if step is Step.ASK:
                await self._ask()
            elif step is Step.REMOVE:
                await self._remove()
            elif time.monotonic() - self._since > self._limit():
                raise LauncherError(stop_messages.describe_slow_stop(self._job, _PATIENCE))
            self._tell()
            await asyncio.sleep(_LOOK)
            if time.monotonic() - asked_queue > _QUERY:
                await self._ask_queue()
                asked_queue = time.monotonic()

    def _limit(self) -> float:
        """Return the seconds that the present step may take; the others end by themselves."""
        leaves = self._removed or self._progress.returning or not job_ads.is_running(self._ad or {})
        return _PATIENCE if leaves else float("inf")

    def _see(self) -> Seen:
        ad = self._ad or {}
        return Seen(
            status=int(ad.get("JobStatus", 0)) if self._ad else None,
            state=str(ad.get("JupyterState") or ""),
            phase=self._progress.phase,
            returning=self._progress.returning,
            inside=self._inside,
            restarted=ad.get("JobCurrentStartDate", self._started) != self._started,
            interactive=ad.get("InteractiveJob") is True,
            removed=self._removed,
            waited=time.monotonic() - self._since,
            vacate_time=job_ads.get_number(ad, "JobMaxVacateTime"),
            asked_since=self._looked > self._since,
        )

    async def _ask(self) -> None:
        """Ask the session to end itself, unless files of it would be lost."""
        if not self._force:
            self._show("looking for files that don't fit")
            await raise_if_full(self._link, self._job)
        self._set(Inside.ASKED)
        self._asking = asyncio.create_task(self._stop_inside())
        self._tasks.append(self._asking)

    async def _stop_inside(self) -> None:
        try:
            lines = stream_inside(self._link, self._job, "stop")
            async with contextlib.aclosing(lines):
                async for line in lines:
                    state = line.partition(":")[0]
                    if state == "stopping":
                        self._set(Inside.STOPPING)
                    elif state in job_ads.SESSION_ENDED:
                        self._set(Inside.STOPPED)
                        return  # HTCondor keeps the job as long as anybody is logged in
        except LauncherError as error:
            _log.debug("The session in job %s can't be asked to stop: %s", self._job, error)
            if self._inside is Inside.ASKED:
                self._refusal = str(error)
                self._set(Inside.FORBIDDEN if isinstance(error, PolicyError) else Inside.REFUSED)

    async def _remove(self) -> None:
        """Have HTCondor remove the job, which asks a running session to end, too."""
        ad = self._ad or {}
        running = job_ads.is_running(ad)
        if not self._force and self._may_be_needed(ad) and loses_files(ad):
            if self._inside is Inside.FORBIDDEN:
                raise PolicyError(stop_messages.describe_unsaved_stop(self._job))
            raise FailedError(stop_messages.describe_unsaved_removal(self._job, ad, self._inside))
        if running and not self._is_over(ad):
            self._terminal.say(stop_messages.describe_removal(self._job, self._inside, self._progress, self._refusal))
        try:
            await queue.remove(self._link, self._job, _NOT_RETURNING)
        except LauncherError:  # maybe it leaves just now
            await self._ask_queue()
            if choose_step(self._see()) is Step.REMOVE:
                raise
            return
        self._removed = True
        self._since = time.monotonic()

    def _may_be_needed(self, ad: Ad) -> bool:
        """Return whether a session has run in the job, and has left something that hasn't come back."""
        is_foreign = self._inside is Inside.REFUSED and not ad.get("JupyterState") and "not found" in self._refusal
        return has_run(ad) and not is_foreign and not self._is_over(ad)

    def _is_over(self, ad: Ad) -> bool:
        """Return whether the session has ended by itself and has left nothing on a machine but an interactive shell."""
        left = job_ads.is_running(ad) and ad.get("InteractiveJob") is not True
        return self._inside is Inside.STOPPED and not left

    async def _ask_queue(self) -> None:
        asked = time.monotonic()
        try:
            ad = await queue.find_job(self._link, self._job)
        except LauncherError as error:  # it may be busy; the log goes on
            _log.debug("Can't ask the queue for job %s: %s", self._job, error)
            return
        self._looked = asked
        self._ad = None if ad and job_ads.has_ended(ad) else ad
        self._note_end()

    def _note_end(self) -> None:
        """Ask nothing of a session that has ended: HTCondor may never begin it, and keeps the job for it."""
        if self._ad and job_ads.is_over(self._ad):
            if self._asking:
                self._asking.cancel()
            self._set(Inside.STOPPED)

    async def _follow_log(self) -> None:
        if self._record is None:
            return
        try:
            async for progress in follow_log(self._link, self._record):
                self._progress = progress
        except LauncherError as error:
            _log.debug("Can't follow the log of job %s: %s", self._job, error)

    async def _read_end(self) -> JobProgress:
        """Return what the log says of the end, as soon as it does."""
        await asyncio.wait(self._tasks[:1], timeout=_LOG)
        return self._progress

    def _set(self, inside: Inside) -> None:
        if inside is not self._inside:
            self._inside, self._since = inside, time.monotonic()

    def _tell(self) -> None:
        """Show what is waited for."""
        self._show(stop_messages.describe_stopping(self._inside, self._progress, removed=self._removed))

    def _show(self, what: str) -> None:
        now = time.monotonic()
        if what == self._told and now - self._told_at < _TELL:
            return
        elapsed = f" ({format_duration(now - self._since)})" if what == self._told else ""
        self._told, self._told_at = what, now
        self._terminal.wait(f"job {self._job}: {what}{elapsed}")


async def raise_if_full(link: AgentClient, job: str) -> None:
    """Raise DiskError if the session says that some of its files don't fit on the access point."""
    names: list[str] = []
    for _ in range(_TRIES):  # a busy machine may take long, and HTCondor may lose an answer
        try:
            said = await asyncio.wait_for(run_inside(link, job, "status", "--json"), _CHECK)
            facts = session_status.parse_facts(said)
            names = [name for name, why in facts["save"]["left_out"].items() if any(full in why for full in _FULL)]
            break
        except PolicyError as error:
            _log.debug("Job %s can't be asked for the files that don't fit: %s", job, error)
            break
        except (LauncherError, asyncio.TimeoutError, ValueError, KeyError, TypeError, AttributeError) as error:
            _log.debug("Job %s doesn't say which files don't fit: %r", job, error)
            if "not found" in str(error):  # no session
                break
    if names:
        some = ", ".join(names[:_NAMES]) + (", ..." if len(names) > _NAMES else "")
        raise DiskError(
            f"There is no space on {link.ap} for {some}, or your quota there is full: free some space and run stop "
            "again, or use --force to stop without saving them."
        )
