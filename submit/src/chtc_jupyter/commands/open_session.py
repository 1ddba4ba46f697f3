"""A session in front of a person: progress in the terminal, the browser once it is ready, Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
import webbrowser
from collections.abc import Iterator
from dataclasses import dataclass, replace

from chtc_jupyter import messages, store
from chtc_jupyter.commands import queries
from chtc_jupyter.condor.job_progress import JobProgress, Phase
from chtc_jupyter.errors import FailedError, HeldError, LauncherError, NoSuchSessionError, PortError, RemovedError
from chtc_jupyter.session import Session, follow
from chtc_jupyter.ssh.agent_client import AgentClient, LinkLostError
from chtc_jupyter.store import Record
from chtc_jupyter.terminal import Terminal

#: Seconds in the queue after which it is asked why; twice as long before each next time.
_FIRST_WHY = 8.0
#: What takes its time, which is told when it is over.
_STEPS = (Phase.QUEUED, Phase.TRANSFER, Phase.RUNNING, Phase.SUSPENDED, Phase.LOST)
#: Seconds for which an interactive session may take to end in order.
_STOP = 60


@dataclass(frozen=True)
class OpenOptions:
    """How a session is opened."""

    browser: bool = True
    notify: bool = False


class OpenSession:
    """Opens one session and stays with it."""

    def __init__(self, record: Record, terminal: Terminal, manner: OpenOptions) -> None:
        self._terminal = terminal
        self._manner = manner
        self._told = ""
        self._shown = ""
        self._why = ""
        self._asks = False
        self._ends = False
        self._step, self._since = "", time.monotonic()
        self._interrupted = asyncio.Event()
        self._held = asyncio.Event()
        self._stopped = asyncio.Event()
        self.session = Session(record, changed=self._changed, person=terminal.wait_for_person)

    async def run(self, link: AgentClient) -> int:
        """Follow the session to its end, or to the person's; return the exit status."""
        with _interrupts(self._interrupted):
            await self._listen()
            following = asyncio.create_task(self.session.follow(link))
            asking = asyncio.create_task(self._ask_why())
            try:
                return await self._attend(following)
            finally:
                for task in (following, asking):
                    task.cancel()
                await asyncio.gather(following, asking, return_exceptions=True)
                await self.session.gate.close()
                self._terminal.quiet()

    async def _listen(self) -> None:
        """Take the port that the session had here before, or else a free one."""
        record, gate = self.session.record, self.session.gate
        try:
            await gate.listen(record.port)
        except PortError:
            if await is_open(record):
                raise PortError(
                    f"{record.name} is open already, by another chtc-jupyter on this machine, at port {record.port}: "
                    f"`chtc-jupyter url {record.name}` prints its address."
                ) from None
            self._terminal.say(f"Port {record.port} is taken by another program: the address is a new one.")
            await gate.listen(0)
        self.session.record = replace(record, port=gate.port)
        store.save(self.session.record)

    async def _attend(self, following: asyncio.Task[None]) -> int:
        while True:
            calls = [asyncio.create_task(event.wait()) for event in (self._interrupted, self._held)]
            await asyncio.wait((following, *calls), return_when=asyncio.FIRST_COMPLETED)
            for call in calls:
                call.cancel()
            if following.done():
                following.result()
                return await self._over()
            if self._held.is_set():
                course, record = self.session.course, self.session.record
                raise _held(record, course)
            self._interrupted.clear()
            if not await self._stays():
                self._terminal.say(messages.describe_leaving(self.session.record, self.session.course))
                return 0 if self._shown else 130

    async def _stays(self) -> bool:
        """Ask, where Ctrl-C would cost something, what is meant by it; tell whether to go on here."""
        job = self.session.record.job
        if self._ends:
            return False
        if self.session.record.interactive:
            if await self._ask("\nThe interactive session ends with this. [k]eep it, or [e]nd it?") != "k":
                await self._end()
            return True
        if self._shown:
            return False
        answer = await self._ask(f"\nJob {job} is not ready. [w]ait for it, [r]emove it, or [l]eave it?")
        if answer == "r":
            await self._end()
        return answer in ("w", "r")

    async def _ask(self, question: str) -> str:
        """Return the first letter of the answer; empty where there is none, and after one more Ctrl-C."""
        self._asks = True
        asked = asyncio.create_task(self._terminal.ask(question))
        again = asyncio.create_task(self._interrupted.wait())
        await asyncio.wait((asked, again), return_when=asyncio.FIRST_COMPLETED)
        again.cancel()
        answer = (asked.result() or "") if asked.done() else ""
        asked.cancel()
        self._asks = False
        self._interrupted.clear()
        return answer[:1].lower()

    async def _end(self) -> None:
        """Remove the job, an interactive session in order before; its log will tell of its end."""
        session, job = self.session, self.session.record.job
        if session.link is None:
            raise LauncherError("There is no connection now: `chtc-jupyter stop` removes the job later.")
        self._ends = True
        self._terminal.wait(f"job {job}: ending; the notebooks are on their way back")
        if session.record.interactive and session.course.phase is Phase.READY:
            with contextlib.suppress(LauncherError, asyncio.TimeoutError):
                await queries.inside(session.link, job, "stop")
                await asyncio.wait_for(self._stopped.wait(), _STOP)
        await session.link.run(["condor_rm", job])

    async def _over(self) -> int:
        """Say how it ended; with a tab that may still look, stay to tell it too."""
        session = self.session
        course, record = session.course, session.record
        self._terminal.report({"event": "ended", "job": record.job, "reason": messages.describe_end(course)})
        store.forget(record.name)
        if course.was_ready and not self._shown:
            raise NoSuchSessionError(messages.describe_past_session(record, course))
        if not course.was_ready or course.state == "failed":
            error = RemovedError if course.removed else FailedError
            raise error(f"Job {record.job} {messages.describe_end(course)}.")
        if record.interactive and not self._ends and course.removed:
            self._terminal.say(f"It was interactive: it ended with its connection to {record.ap}.")
        self._terminal.say(messages.describe_notebooks(record, course))
        if session.gate.requests and self._terminal.err.is_terminal and not self._ends:
            self._terminal.say("The open tab says so too, for as long as this runs: Ctrl-C ends it.")
            await self._interrupted.wait()
        return 0

    def _changed(self) -> None:
        """Tell the person what is new."""
        session = self.session
        line = f"job {session.record.job}: {messages.describe_progress(session.course)}"
        self._enter_step(line)
        if not session.leg.up:
            line = session.leg.why
        elif session.course.phase is Phase.READY and not session.gate.up:
            line += "; opening the way to it"
        elif session.course.phase is Phase.QUEUED and self._why:
            line += f": {self._why}"
        if line != self._told:
            self._told = line
            self._terminal.report(
                {"event": session.course.phase.value, "job": session.record.job, "connected": session.leg.up,
                 "open": session.gate.up, "message": line}
            )  # fmt: skip
            waits = session.course.phase not in (Phase.HELD, Phase.ENDED) and not session.gate.up
            (self._terminal.wait if waits else self._terminal.say)(line)
            if session.course.phase is Phase.HELD and self._shown:
                self._terminal.say(
                    messages.hold_advice(
                        messages.describe_hold(session.course), session.record, session.course.hold_code
                    )
                )
        if session.url and session.gate.up and session.url != self._shown:
            self._show(session.url)
        if session.course.phase is Phase.HELD and not self._shown:
            self._held.set()
        if session.course.state in ("stopped", "failed"):
            self._stopped.set()

    def _enter_step(self, line: str) -> None:
        """Where it is another one: leave the step before it in the terminal, with how long it took."""
        if line != self._step:
            if self._step and self._terminal.err.is_terminal:
                self._terminal.say(f"{self._step} ({self._waited()})")
            self._step = line if self.session.course.phase in _STEPS else ""
            self._since = time.monotonic()

    def _waited(self) -> str:
        return messages.format_duration(round(time.monotonic() - self._since))

    async def _ask_why(self) -> None:
        """Show how long a step has taken; while the job is queued, ask now and then why, ever more seldom."""
        pause, asked = _FIRST_WHY, time.monotonic()
        while True:
            await asyncio.sleep(1)
            session = self.session
            if session.course.phase is not Phase.QUEUED:
                pause, asked, self._why = _FIRST_WHY, time.monotonic(), ""
            elif session.link and time.monotonic() - asked > pause:
                with contextlib.suppress(LinkLostError, LauncherError):
                    self._why = await queries.why_queued(session.link, session.record.job)
                pause, asked = min(600.0, pause * 2), time.monotonic()
                self._changed()
            if self._step and self._terminal.err.is_terminal and not (self._asks or self._ends) and session.leg.up:
                self._terminal.wait(f"{self._told} ({self._waited()})")

    def _show(self, url: str) -> None:
        """Show an address that leads somewhere: for the first time, and again where it has changed."""
        first, self._shown = not self._shown, url
        self._terminal.report({"event": "url", "job": self.session.record.job, "url": url})
        if not self._terminal.as_json:
            self._terminal.say("")
            self._terminal.result(f"    {url}")
            ends = "ends the session" if self.session.record.interactive else "closes it, and no more"
            self._terminal.say(f"\nKeep this running: it is the way to the session. Ctrl-C {ends}.")
        page = store.write_opener(self.session.record.name, url)
        if first and self._manner.browser:
            with contextlib.suppress(webbrowser.Error):
                webbrowser.open(page.as_uri())
        if first and self._manner.notify:
            self._terminal.notify(f"{self.session.record.name} is ready")


@contextlib.contextmanager
def _interrupts(event: asyncio.Event) -> Iterator[None]:
    """Set an event at Ctrl-C, for as long as the block."""
    loop = asyncio.get_running_loop()
    former = signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(event.set))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


async def is_open(record: Record) -> bool:
    """Tell whether it is a chtc-jupyter with this session that has its port."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", record.port), 2)
        writer.write(b"GET /chtc-jupyter/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        said = await asyncio.wait_for(reader.read(4000), 2)
        writer.close()
    except (OSError, asyncio.TimeoutError):
        return False
    return f'"job": "{record.job}"'.encode() in said and f'"ap": "{record.ap}"'.encode() in said


async def submit_only(link: AgentClient, record: Record, terminal: Terminal) -> int:
    """On the access point itself: see the session to its start, and print the line for the laptop."""
    try:
        async for course in follow(link, record):
            terminal.report(
                {"event": course.phase.value, "job": record.job, "message": messages.describe_progress(course)}
            )
            if course.phase is Phase.READY:
                ad = await queries.find(link, record.job)
                terminal.result(str(ad.get("JupyterConnect", "")))
                return 0
            if course.phase is Phase.HELD:
                raise _held(record, course)
            if course.phase is Phase.ENDED:
                raise FailedError(f"Job {record.job} {messages.describe_end(course)}.")
            terminal.wait(f"job {record.job}: {messages.describe_progress(course)}")
        return 1
    finally:
        await link.close()


def _held(record: Record, course: JobProgress) -> HeldError:
    why = messages.describe_hold(course)
    return HeldError(f"Job {record.job} is on hold: {why}. {messages.hold_advice(why, record, course.hold_code)}")
