"""Open a session for the user: progress in the terminal, the browser once it is ready, Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from chtc_jupyter import messages, queue, store
from chtc_jupyter.commands import config, queries, questions
from chtc_jupyter.commands import progress as progress_view
from chtc_jupyter.commands.browser import open_browser
from chtc_jupyter.commands.progress import ProgressRenderer
from chtc_jupyter.commands.questions import Answer, Question
from chtc_jupyter.commands.stop import has_run, loses_files
from chtc_jupyter.commands.stop_messages import describe_unsaved_removal
from chtc_jupyter.commands.waits import WaitExplainer
from chtc_jupyter.condor import job_ads
from chtc_jupyter.condor.job_progress import Phase
from chtc_jupyter.condor.stopping import Inside
from chtc_jupyter.errors import (
    ExitStatus,
    HeldError,
    LauncherError,
    NoSuchSessionError,
    PortError,
)
from chtc_jupyter.other_users import has_other_users
from chtc_jupyter.proxy import access, control
from chtc_jupyter.proxy.one_time import Visit
from chtc_jupyter.session import Session
from chtc_jupyter.ssh.agent_client import AgentClient
from chtc_jupyter.store import Opened, Record
from chtc_jupyter.terminal import Terminal

_log = logging.getLogger(__name__)
#: Seconds for an interactive session to shut down, before its job is removed.
_STOP = 60
#: The condition of a job whose session hasn't become ready.
_NOT_READY = (
    f'JobStatus =!= 2 || (JupyterState =!= "ready" && JupyterState =!= "expiring") || !({job_ads.OF_THIS_START})'
)


@dataclass(frozen=True)
class OpenOptions:
    """How to open a session."""

    browser: bool = True
    notify: bool = False


class OpenSession:
    """Opens one session and stays with it."""

    def __init__(self, record: Record, terminal: Terminal, options: OpenOptions) -> None:
        self._terminal = terminal
        self._options = options
        self._renderer = ProgressRenderer(terminal, record.job)
        self._shown = False  # the user has an address
        self._ending = False
        self._interrupted = asyncio.Event()
        self._changed = asyncio.Event()
        self._lent = False  # the terminal, to an ssh that may ask for a password
        self._opening: asyncio.Task[None] | None = None  # the browser
        self._warned: set[Visit] = set()
        self.session = Session(
            record,
            host=_choose_host(record),
            on_change=self._render,
            wait_for_person=self._wait_for_person,
            on_misuse=self._warn_of_visit,
        )
        self._explainer = WaitExplainer(self.session, self._render, self._terminal.say)

    async def run(self, link: AgentClient) -> int:
        """Follow the session until it ends or the user leaves; return the exit status."""
        with _catch_interrupts(self._interrupted):
            await self._listen()
            following = asyncio.create_task(self.session.follow(link))
            ticking = asyncio.create_task(self._tick())
            explaining = asyncio.create_task(self._explainer.run())
            try:
                return await self._attend(following, explaining)
            finally:
                self._take_terminal_back()
                tasks = [following, ticking, explaining, *([self._opening] if self._opening else [])]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await self.session.proxy.close()
                self._terminal.quiet()

    async def _listen(self) -> None:
        """Listen on the port that the session had here before, or else on a free one."""
        record, proxy = self.session.record, self.session.proxy
        moves = (
            proxy.access.host == "127.0.0.1" and not _keeps_address()
        )  # there the port is all that tells origins apart
        try:
            await proxy.listen(0 if moves else record.port)
        except PortError:
            opened = store.load_opened(record.name)
            if opened and await control.ask(opened, control.NOTHING) is not None:
                raise PortError(
                    f"{record.name} is already open in another chtc-jupyter on this machine, at port {record.port}. "
                    f"`chtc-jupyter url {record.name}` prints its address."
                ) from None
            self._terminal.say(f"Another program uses port {record.port}, so the address is a new one.")
            await proxy.listen(0)
        self.session.record = replace(record, port=proxy.port)
        store.save(self.session.record)
        store.save_opened(record.name, Opened(proxy.port, proxy.access.host, proxy.control.secret))

    async def _attend(self, following: asyncio.Task[None], explaining: asyncio.Task[None]) -> int:
        """Wait for the end of the session, a job on hold, or Ctrl-C; return the exit status."""
        while True:
            calls = [asyncio.create_task(event.wait()) for event in (self._interrupted, self._changed)]
            await asyncio.wait((following, explaining, *calls), return_when=asyncio.FIRST_COMPLETED)
            for call in calls:
                call.cancel()
            self._changed.clear()
            session = self.session
            if explaining.done():
                explaining.result()  # why it can't be opened
            if following.done():
                following.result()
                return await self._finish()
            if session.progress.phase is Phase.HELD and not self._shown:
                raise HeldError(messages.describe_held_job(session.record, session.progress))
            if self._interrupted.is_set():
                self._interrupted.clear()
                if not await self._confirm_staying(following):
                    self._terminal.say(messages.describe_leaving(session.record, session.progress))
                    return ExitStatus.SUCCESS if self._shown else ExitStatus.INTERRUPTED

    async def _confirm_staying(self, following: asyncio.Task[None]) -> bool:
        """Return whether to stay after Ctrl-C; ask if leaving would cost something."""
        session = self.session
        leaves = self._shown or session.progress.phase in (Phase.READY, Phase.STOPPING)
        if self._ending or (leaves and not session.record.interactive):
            return False
        self._renderer.leave_line()
        answer = await questions.ask(
            self._terminal, self._build_question, again=self._interrupted, changed=self._changed, over=following
        )
        ends = answer is Answer.END or (answer is Answer.NONE and session.record.interactive)
        if ends or answer is Answer.REMOVE:
            await self._end()
        return ends or answer not in (Answer.LEAVE, Answer.NONE)

    def _build_question(self) -> Question:
        session = self.session
        return questions.build_question(session.record, session.progress, session.connection, is_open=self._shown)

    async def _wait_for_person(self, sentence: str) -> bool:
        """Ask the user to log in, and leave the terminal to the ssh that comes next. Return False without a user."""
        self._take_terminal_back()
        if is_there := await self._terminal.wait_for_person(sentence):
            self._terminal.lend()
            self._lent = True
        return is_there

    def _take_terminal_back(self) -> None:
        if self._lent:
            self._lent = False
            self._terminal.take_back()

    def _warn_of_visit(self, visit: Visit) -> None:
        """Say that somebody else may have opened an address that a browser was given, once of each kind."""
        if visit in self._warned:
            return
        self._warned.add(visit)
        name = self.session.record.name
        who = "another user of this machine tried" if visit is Visit.STRANGER else "somebody tried"
        self._terminal.say(
            f"The address for the browser is good once, and {who} to open it again. If the session isn't open in your "
            f"browser and that wasn't you, end it with `chtc-jupyter stop {name}`."
            if visit is Visit.AGAIN
            else f"The address for the browser is yours alone, and {who} to open it. They were refused."
        )

    async def _end(self) -> None:
        """Remove the job, after an interactive session has shut down; its log then says how it ended.

        A job that isn't interactive is removed only if it isn't ready at that moment: that was what was asked.
        """
        session, job = self.session, self.session.record.job
        if session.link is None:
            raise LauncherError("There is no connection now. `chtc-jupyter stop` removes the job later.")
        self._terminal.wait(f"job {job}: stopping; copying the notebooks back")
        if session.record.interactive:
            self._ending = True
            if session.progress.phase is Phase.READY:
                try:
                    await queries.run_inside(session.link, job, "stop")
                    await asyncio.wait_for(
                        self._wait_until(lambda: session.progress.state in job_ads.SESSION_ENDED), _STOP
                    )
                except (LauncherError, asyncio.TimeoutError) as error:
                    _log.debug("The session did not shut down by itself: %r", error)
            await queue.remove(session.link, job)
            return
        ad = await queue.find_job(session.link, job)
        if ad and has_run(ad) and loses_files(ad):
            self._terminal.say(describe_unsaved_removal(job, ad, Inside.UNASKED))
            return
        try:
            await queue.remove(session.link, job, _NOT_READY)
            self._ending = True
        except LauncherError as error:
            _log.debug("Job %s was not removed: %s", job, error)
            self._terminal.say(f"Job {job} wasn't removed: it is ready by now, or has left the queue.")

    async def _wait_until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    async def _finish(self) -> int:
        """Print how the session ended; while a tab may be open, stay to show it there, too."""
        session = self.session
        progress, record = session.progress, session.record
        self._terminal.report({"event": "ended", "job": record.job, "reason": messages.describe_end(progress)})
        store.end(record.name)
        if progress.was_ready and not self._shown:
            raise NoSuchSessionError(messages.describe_past_session(record, progress, session.looked))
        if not progress.was_ready or progress.state == "failed":
            raise session.build_end_error()
        if record.interactive and not self._ending and progress.removed:
            self._terminal.say(f"It was interactive, so it ended with its connection to {record.ap}.")
        self._terminal.say(messages.describe_notebooks(record, progress, session.looked))
        if session.proxy.requests and self._terminal.err.is_terminal and not self._ending:
            self._terminal.say("The open tab shows this too, until you press Ctrl-C here.")
            await self._interrupted.wait()
        return ExitStatus.SUCCESS

    def _render(self) -> None:
        """Show what has changed."""
        self._take_terminal_back()
        session = self.session
        now = progress_view.describe(
            session.record, session.progress, session.connection,
            is_open=session.proxy.up, why=self._explainer.why,
        )  # fmt: skip
        was_held = self._renderer.phase is Phase.HELD
        self._renderer.render(now)
        if now.phase is Phase.HELD and self._shown and not was_held:
            why, code = messages.describe_hold(session.progress), session.progress.hold_code
            self._terminal.say(messages.get_hold_advice(why, session.record, code))
        if now.open and not self._shown:
            self._show_address()
        self._changed.set()

    def _show_address(self) -> None:
        """Show an address that leads a browser to JupyterLab."""
        self._shown = True
        record = self.session.record
        url = self.session.proxy.give_out_address()
        self._terminal.report({"event": "url", "job": record.job, "url": url})
        if not self._terminal.as_json:
            self._terminal.say("")
            self._terminal.print_result(f"    {url}")
            ends = "ends the session." if record.interactive else "disconnects; the session keeps running."
            self._terminal.say(
                f"\nThe address works once; `chtc-jupyter url` prints another.\n"
                f"Leave this running: it is your connection to the session. Ctrl-C {ends}"
            )
        if self._options.browser:
            self._opening = asyncio.create_task(self._open_browser())
        if self._options.notify:
            self._terminal.notify(f"{record.name} is ready")

    async def _open_browser(self) -> None:
        if not await open_browser(self.session.proxy.give_out_address(briefly=True)):
            self._terminal.say("The browser couldn't be opened: open the address above yourself.")

    async def _tick(self) -> None:
        """Show each second how long the step has taken."""
        while True:
            await asyncio.sleep(1)
            if not self._ending:
                self._renderer.tick()


@contextlib.contextmanager
def _catch_interrupts(event: asyncio.Event) -> Iterator[None]:
    """Set an event at Ctrl-C, within the block."""
    loop = asyncio.get_running_loop()
    former = signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(event.set))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


def _choose_host(record: Record) -> str:
    """Return the host name for the address of a session.

    It is a new one for each launcher, or that which the session had here before: see `_keeps_address`.
    """
    kept = config.load()
    if not kept.get("host_name", True) or (sys.platform == "darwin" and not _resolves(access.build_host_name("test"))):
        return "127.0.0.1"
    former = store.load_opened(record.name)
    if former and former.host != "127.0.0.1" and _keeps_address():
        return former.host
    return access.build_host_name(record.name)


def _keeps_address() -> bool:
    """Return whether a session's address stays the same, so that an open tab and the browser's cache go on with it.

    Where somebody else could take the port in between, a tab that asks there gets their page, which would then be of
    the same origin as the next launcher's: it could do all that its user can.
    """
    chosen = config.load().get("keep_address")
    return not has_other_users() if chosen is None else bool(chosen)


def _resolves(host: str) -> bool:
    """Return whether the system finds a host: Safari asks it, and other browsers don't need to."""
    try:
        return bool(socket.getaddrinfo(host, None))
    except OSError as error:
        _log.debug("%s is not found: %s", host, error)
        return False
