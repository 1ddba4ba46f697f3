"""Why a session isn't open yet: each wait has a reason, a way to find it out, and an end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from chtc_jupyter import messages, queue
from chtc_jupyter.commands import queries, session_status, wait_messages
from chtc_jupyter.condor import ad_values, queue_view
from chtc_jupyter.condor.job_ads import Ad
from chtc_jupyter.condor.job_progress import JobProgress, Phase, apply_state
from chtc_jupyter.durations import format_duration
from chtc_jupyter.errors import FailedError, LauncherError, PolicyError
from chtc_jupyter.session import Session
from chtc_jupyter.ssh.agent_client import LinkLostError

_log = logging.getLogger(__name__)
#: Seconds in the queue after which the launcher asks why, and the longest pause; it doubles with each question.
_FIRST_WHY, _LONGEST_WHY = 8.0, 600.0
#: Seconds without news after which the queue is asked whether the log still tells the truth, and how often at least.
_SILENCE, _LOOK = 15.0, 30.0
#: Seconds between two looks that must agree: an event is in the log a moment after it is in the queue.
_AGAIN = 3.0
#: Seconds after its start in which a job has said whether it is a session.
_SAYS_SO = 75.0
#: What the image's command says while no session runs, and the seconds that a script of the user's own may prepare it.
_NOT_YET, _PREPARES = "No session runs here", 600.0


class WaitExplainer:
    """Finds out why a session isn't open, and what its log doesn't say of it.

    `why` is the reason for now; `on_change` is called when it has changed, `say` prints a sentence once.
    """

    def __init__(self, session: Session, on_change: Callable[[], None], say: Callable[[str], None]) -> None:
        self.why = ""
        self._session = session
        self._on_change = on_change
        self._say = say
        self._step: tuple[object, ...] = ()
        self._since = self._asked = 0.0
        self._pause = _FIRST_WHY
        self._ad: Ad | None = None  # as it was seen last
        self._told: set[str] = set()
        self._trouble = ""  # of the early way in, as it was seen last

    async def run(self) -> None:
        """Explain, once a second; raises FailedError if the job is no session."""
        while True:
            await asyncio.sleep(1)
            session, now = self._session, time.monotonic()
            job = session.progress
            step = (job.phase, job.state, job.starts, job.port, job.doing)
            if step != self._step:
                self._step, self._since, self._asked, self._pause = step, now, now, _FIRST_WHY
                self._set("")
            if session.link is None:
                continue
            try:
                await self._explain(job, now - self._since, now - self._asked)
            except LinkLostError:
                _log.debug("The connection was lost while asking about job %s", session.record.job)
            except (FailedError, PolicyError):
                raise
            except (KeyError, ValueError, TypeError, AttributeError) as error:  # odd answers of HTCondor's
                _log.debug("Can't make sense of job %s: %r", session.record.job, error)
                self._asked = time.monotonic()
            except LauncherError as error:
                self._set(f"the queue can't be asked ({error})")
                self._asked = time.monotonic()

    def _set(self, why: str) -> None:
        if why != self.why:
            self.why = self._session.wait_reason = why
            self._on_change()

    async def _explain(self, job: JobProgress, waited: float, asked: float) -> None:
        """Explain the step, which has taken `waited` seconds; the last question was `asked` seconds ago."""
        if job.phase is Phase.QUEUED:
            if asked > min(self._pause, _LOOK if not job.at else _LONGEST_WHY):
                await self._explain_queue()
            return
        trouble = self._session.early_entry.trouble
        if trouble or self._trouble:
            self._trouble = trouble
            self._set(wait_messages.describe_suspension(trouble))
            self._asked = time.monotonic()
            return
        is_mute = job.phase is Phase.RUNNING and not job.state
        if waited > _SILENCE and asked > (_SILENCE if waited < _LOOK else _LOOK):
            self._asked = time.monotonic()
            if is_mute:
                self._set(self.why or wait_messages.MUTE)
            if job.phase is not Phase.READY or not self._session.proxy.up or self._session.is_beyond_log:
                await self._ask_queue()
            if is_mute and self._session.progress is job:
                await self._look_inside(waited)
        if not is_mute and self._session.progress is job:
            self._set(self._describe(job, waited))

    def _describe(self, job: JobProgress, waited: float) -> str:
        if job.phase is Phase.READY and self._session.proxy.up:
            return ""
        size = self._ad.get("TransferInputSizeMB") if self._ad else None
        return wait_messages.describe_wait(
            self._session.record, job, waited, tunnel=self._session.tunnel_trouble, megabytes=size
        )

    async def _explain_queue(self) -> None:
        """Find out why a job is queued, if it is."""
        session = self._session
        if not session.link or await self._ask_queue():
            return
        why = await queries.explain_queued(session.link, session.record.job)
        self._pause, self._asked = min(_LONGEST_WHY, self._pause * 2), time.monotonic()
        self._set(why or "HTCondor doesn't say why (`condor_q -better-analyze` on the access point may)")

    async def _ask_queue(self) -> bool:
        """Ask the queue; return whether it knows more than the log, and the session goes by it from now on."""
        session, before = self._session, self._session.progress
        for attempt in range(2):
            if session.link is None:
                return False
            self._asked = time.monotonic()
            self._ad = await queue.find_job(session.link, session.record.job)
            beyond = queue_view.look_beyond(before, self._ad)
            if beyond is None or session.progress is not before:
                return False
            if not attempt:
                await asyncio.sleep(_AGAIN)
        if session.progress is not before or beyond is None:
            return False
        self._tell(
            f"The job's event log ({session.record.log}) doesn't say so, but the queue does"
            f"{f' ({session.log_trouble})' if session.log_trouble else ''}: "
            f"job {session.record.job} is {messages.describe_progress(beyond)}."
        )
        self.why = session.wait_reason = ""
        session.go_beyond_log(beyond)
        return True

    async def _look_inside(self, waited: float) -> None:
        """Ask a running job that has announced nothing whether it is a session; open it if it is one."""
        session, job = self._session, self._session.progress
        record = session.record
        if session.link is None:
            return
        try:
            facts = session_status.parse_facts(await queries.run_inside(session.link, record.job, "status", "--json"))
        except PolicyError:
            self._set(wait_messages.MUTE)
            return
        except (FailedError, ValueError) as error:
            said = str(error)
            patience = _PREPARES if _NOT_YET in said else _SAYS_SO
            if "not found" in said or waited > patience:
                raise FailedError(wait_messages.describe_foreign_job(record, job, said)) from None
            self._set(wait_messages.NOT_YET if _NOT_YET in said else wait_messages.MUTE)
            return
        if session.progress is not job:
            return
        state, port = str(facts.get("state", "")), ad_values.find_port(f"http://127.0.0.1:{facts.get('port')}/")
        if state in ("ready", "expiring") and port is not None:
            asked = (self._ad or {}).get("WantIOProxy") is True
            self._tell(wait_messages.describe_silent_session(record, asked=asked))
            self.why = session.wait_reason = ""
            session.go_beyond_log(apply_state(job, state, str(facts.get("reason") or ""), port))
        else:
            self._set(f"{facts.get('reason') or state} ({format_duration(waited)})")

    def _tell(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            self._say(sentence)
