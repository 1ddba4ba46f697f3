"""The early way in: have the access point suspend a job for a moment at its start, and see it continued."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.resources
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from chtc_jupyter import queue
from chtc_jupyter.condor.job_progress import JobProgress, Phase
from chtc_jupyter.errors import LauncherError
from chtc_jupyter.json_text import load_json
from chtc_jupyter.printable import make_printable
from chtc_jupyter.ssh.agent_client import AgentClient, LinkLostError
from chtc_jupyter.ssh.entry import read_script
from chtc_jupyter.store import Record

_log = logging.getLogger(__name__)
#: The arguments before the source of `suspend_briefly`, which this machine may be unable to import: it isn't Windows.
_RUN = ["{python}", "-I", "-c", "import sys; exec(sys.argv[1])"]
#: Seconds before what was killed on the access point is started again.
_AGAIN = 1.0
#: How it ended if the suspension was ours and is over.
_CONTINUED = "continued"


@dataclass(frozen=True)
class _Moment:
    """What there is to see to: a start of the job, a suspension of it (0: none), and how often it was found again."""

    start: int
    suspension: int = 0
    reconnections: int = 0


@dataclass(frozen=True)
class Plan:
    """Whose job to suspend for a moment, and its event log; without `suspends`, only to end what was left of it."""

    owner: str
    job: str
    log: str
    suspends: bool


def build_command(plan: Plan) -> list[str]:
    """Return the agent's command."""
    source = importlib.resources.files("chtc_jupyter.ssh").joinpath("suspend_briefly.py").read_text(encoding="utf-8")
    fields = {"owner": plan.owner, "job": plan.job, "log": plan.log, "suspends": plan.suspends}
    guard = read_script("continue_job.sh")
    return [*_RUN, source, "enter", json.dumps({**fields, "guard": guard})]


class EarlyEntry:
    """Lets somebody into each start of a job seconds sooner, once.

    `trouble` says why the job isn't continued yet; `on_change` is called when that changes.
    """

    def __init__(self, record: Record, on_change: Callable[[], None]) -> None:
        self.trouble = ""
        self._record = record
        self._on_change = on_change
        self._progress = JobProgress()
        self._news = asyncio.Event()
        self._done: set[_Moment] = set()
        self._ours = 0  # the start whose first suspension is ours
        self._has_suspended = False  # in the start that is seen to now

    def see(self, progress: JobProgress) -> None:
        """Take what the job's log says now."""
        self._progress = progress
        self._news.set()

    def hide(self, progress: JobProgress) -> JobProgress:
        """Return what there is to show: a job that we have suspended for a moment is still starting."""
        ours = progress.suspensions == 1 and progress.starts == self._ours
        return replace(progress, phase=Phase.RUNNING) if ours and progress.phase is Phase.SUSPENDED else progress

    async def run(self, link: AgentClient) -> None:
        """See to each start of the job for as long as the connection lives."""
        with contextlib.suppress(LinkLostError):
            while True:
                while (moment := self._find_work()) is None:
                    self._news.clear()
                    await self._news.wait()
                try:
                    await self._enter(link, moment)
                except LauncherError as error:
                    _log.info("No early way into job %s: %s", self._record.job, error)
                    self._done.add(moment)

    def _find_work(self) -> _Moment | None:
        """Return a start of the job to suspend, or where a suspension of ours may be left; None if there is none.

        One may also be left where HTCondor has found a job again that runs, as its log says.
        """
        progress = self._progress
        if self._record.interactive or not progress.starts:
            return None
        suspended = progress.phase is Phase.SUSPENDED
        moment = _Moment(progress.starts, progress.suspensions if suspended else 0, progress.reconnections)
        if progress.phase not in (Phase.RUNNING, Phase.READY, Phase.SUSPENDED) or moment in self._done:
            return None
        return moment if suspended or progress.reconnections or self._begins(moment) else None

    def _begins(self, moment: _Moment) -> bool:
        """Return whether this is a start of the job to suspend."""
        begins = self._progress.phase is Phase.RUNNING and not moment.suspension and self._record.early_entry
        return begins and _Moment(moment.start) not in self._done

    async def _enter(self, link: AgentClient, moment: _Moment) -> None:
        owner = await queue.find_owner(link)
        begins = self._begins(moment)
        if begins:
            self._done |= {moment, _Moment(moment.start)}
            self._ours, self._has_suspended = moment.start, False
        how = await self._follow(link, Plan(owner, self._record.job, self._record.log, suspends=begins))
        if not how:  # it was killed; its mark is still there
            await asyncio.sleep(_AGAIN)
            return
        self._done.add(moment)
        if how.startswith(_CONTINUED):
            self._done.add(_Moment(moment.start, 1, moment.reconnections))
        elif begins and not self._has_suspended:  # the start may be over by now, and its suspension was ours
            self._ours = 0
        self._tell("")

    async def _follow(self, link: AgentClient, plan: Plan) -> str:
        """Run it on the access point; return how it ended, "" if it was killed. Raises LinkLostError."""
        how = ""
        async with contextlib.aclosing(link.stream("follow", argv=build_command(plan))) as answers:
            async for answer in answers:
                step = _parse_step(answer.get("line", ""))
                if step.get("step") == "trouble":
                    self._tell(step["why"] or "HTCondor gave no reason")
                elif step.get("step") == "suspended":
                    self._has_suspended = True
                elif step.get("step") == "continued":
                    self._tell("")
                elif step.get("step") == "over":
                    how = step.get("how") or "over"
                    _log.info(
                        "The early way into job %s: %s, with %s commands of HTCondor's",
                        plan.job,
                        how,
                        step.get("commands"),
                    )
                    _log.debug("HTCondor said: %s", step.get("said"))
                elif "line" not in answer:
                    _log.debug("the early way into job %s: %s", plan.job, answer)
        return how

    def _tell(self, why: str) -> None:
        if why != self.trouble:
            _log.info("Job %s: %s", self._record.job, f"not continued yet ({why})" if why else "continued")
            self.trouble = why
            self._on_change()


def _parse_step(line: str) -> dict[str, str]:
    """Return a step that was printed, as text to show."""
    try:
        found = load_json(line) if line else {}
    except ValueError:
        return {}
    return {key: make_printable(str(value)) for key, value in found.items()} if isinstance(found, dict) else {}
