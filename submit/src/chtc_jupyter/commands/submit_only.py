"""Start a session on the access point itself, where nothing is opened."""

from __future__ import annotations

import asyncio
import logging
import time

from chtc_jupyter import messages, queue, store
from chtc_jupyter.commands import progress as progress_view
from chtc_jupyter.commands.progress import ProgressRenderer
from chtc_jupyter.commands.waits import WaitExplainer
from chtc_jupyter.condor.job_progress import Phase
from chtc_jupyter.errors import ExitStatus, HeldError, LauncherError
from chtc_jupyter.session import Session
from chtc_jupyter.ssh.agent_client import AgentClient
from chtc_jupyter.store import Record
from chtc_jupyter.terminal import Terminal

_log = logging.getLogger(__name__)
#: Seconds in which the job ad of a session that is ready has the command for the laptop, and between two looks.
_PATIENCE, _LOOK = 15.0, 1.0


async def submit_only(link: AgentClient, record: Record, terminal: Terminal) -> int:
    """Wait for the session to be ready, and print the command for the laptop; return the exit status.

    Raises HeldError, RemovedError, or FailedError, as `start` on a laptop does.
    """
    waiting = _Waiting(record, terminal)
    try:
        await waiting.run(link)
    except asyncio.CancelledError:
        terminal.say(
            f"Job {record.job} stays in the queue: `chtc-jupyter status {record.name}` says what it does, and "
            f"`chtc-jupyter stop {record.name}` ends it."
        )
        raise
    finally:
        terminal.quiet()
    return ExitStatus.SUCCESS


class _Waiting:
    """Waits until one session is ready, and says what it waits for."""

    def __init__(self, record: Record, terminal: Terminal) -> None:
        self._record, self._terminal = record, terminal
        self._renderer = ProgressRenderer(terminal, record.job)
        self._changed = asyncio.Event()
        self._session = Session(
            record,
            on_change=self._render,
            wait_for_person=terminal.need_person,
            on_misuse=lambda visit: _log.debug("somebody asked for an address that nobody was given: %s", visit),
            tunnel=False,
        )
        self._explainer = WaitExplainer(self._session, self._render, terminal.say)

    async def run(self, link: AgentClient) -> None:
        """Follow the job until its session is ready; raises LauncherError if that won't be."""
        following = asyncio.create_task(self._session.follow(link))
        explaining, ticking = asyncio.create_task(self._explainer.run()), asyncio.create_task(self._tick())
        try:
            while not (self._is_ready() or following.done() or explaining.done()):
                self._changed.clear()
                change = asyncio.create_task(self._changed.wait())
                await asyncio.wait((following, explaining, change), return_when=asyncio.FIRST_COMPLETED)
                change.cancel()
                if self._session.progress.phase is Phase.HELD:
                    raise HeldError(messages.describe_held_job(self._record, self._session.progress))
            if self._is_ready():
                return await self._show_command(self._session.link or link)
            for task in (explaining, following):
                if task.done():
                    task.result()  # why it won't be
            self._raise_ended()
        finally:
            for task in (following, explaining, ticking):
                task.cancel()
            await asyncio.gather(following, explaining, ticking, return_exceptions=True)

    def _is_ready(self) -> bool:
        return self._session.progress.phase is Phase.READY

    def _render(self) -> None:
        session = self._session
        now = progress_view.describe(
            session.record, session.progress, session.connection,
            is_open=self._is_ready(),
            why="" if session.progress.phase is Phase.ENDED else self._explainer.why,
        )  # fmt: skip
        self._renderer.render(now)
        self._changed.set()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1)
            self._renderer.tick()

    async def _show_command(self, link: AgentClient) -> None:
        """Print the command for the laptop, once the job ad has it."""
        until, record = time.monotonic() + _PATIENCE, self._record
        while True:
            try:
                ad = await queue.find_job(link, record.job) or {}
            except LauncherError as error:
                _log.debug("Can't ask the queue for the command of job %s: %s", record.job, error)
                ad = {}
            if command := str(ad.get("JupyterConnect") or ""):
                return self._terminal.print_result(command)
            if time.monotonic() > until:
                return self._terminal.say(
                    f"Job {record.job} doesn't show the command for your laptop. There, `chtc-jupyter connect "
                    f"{record.name} --ap USER@HOST` opens it."
                )
            await asyncio.sleep(_LOOK)

    def _raise_ended(self) -> None:
        session, record = self._session, self._record
        store.end(record.name)
        self._terminal.report({"event": "ended", "job": record.job, "reason": messages.describe_end(session.progress)})
        raise session.build_end_error()
