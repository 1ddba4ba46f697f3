"""A session as the launcher follows it: the connection to the access point, the job's log, the tunnel, the port."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from chtc_condor.event_log import EventReader
from chtc_condor.notebook_look import Looked, clean
from chtc_jupyter import messages, notebooks
from chtc_jupyter.condor.job_progress import JobProgress, Phase, apply_event, apply_state
from chtc_jupyter.early_entry import EarlyEntry
from chtc_jupyter.errors import FailedError, LauncherError, PolicyError, RemovedError
from chtc_jupyter.last_words import read_last_words
from chtc_jupyter.proxy.access import Access
from chtc_jupyter.proxy.local_proxy import LocalProxy
from chtc_jupyter.proxy.one_time import Visit
from chtc_jupyter.proxy.pages import Notice
from chtc_jupyter.ssh import tunnel
from chtc_jupyter.ssh.agent_client import HERE, AgentClient, LinkLostError, Way
from chtc_jupyter.ssh.reconnecting import reconnect
from chtc_jupyter.store import Record

_log = logging.getLogger(__name__)
#: Tries after which a container that can't be entered stays closed.
_CLOSED = 3
#: Characters of a reason.
_LONGEST_REASON = 1000
#: Seconds for which this machine must have slept for its connection to be taken as dead.
_SLEPT = 20


@dataclass(frozen=True)
class ConnectionState:
    """The connection to the access point, as the user sees it; `asks` if the user must log in."""

    up: bool = True
    why: str = ""
    asks: bool = False


class Session:
    """Follows one job until it has ended.

    `host` is the name by which a browser asks for it. `on_change` is called after each change of `progress` or
    `connection`; `wait_for_person` shows a sentence and waits for the user; `on_misuse` is called when somebody opens
    the browser's one-time address who should not. Without `tunnel`, nothing is opened: the session is only looked at.
    """

    def __init__(
        self,
        record: Record,
        *,
        host: str = "127.0.0.1",
        on_change: Callable[[], None],
        wait_for_person: Callable[[str], Awaitable[bool]],
        on_misuse: Callable[[Visit], None],
        tunnel: bool = True,
    ) -> None:
        self.record = record
        self.progress = JobProgress()
        self.looked: Looked | None = None  # once it has ended
        self.connection = ConnectionState()
        self.has_been_open = False
        self.tunnel_trouble = ""  # what the last attempt to open the tunnel printed
        self.log_trouble = ""  # why the job's log can't be read
        self.wait_reason = ""  # why it isn't open yet, if somebody has found out
        self.last_words = ""  # of a job that has ended without ever being ready
        self._from_log = JobProgress()
        self._beyond: tuple[JobProgress, JobProgress] | None = None  # what the log says, and what is so
        self._over = asyncio.Event()  # the job has ended, whatever the log says
        self.link: AgentClient | None = None
        self.proxy = LocalProxy(Access(host), self.build_notice, self.get_facts, on_misuse)
        self.early_entry = EarlyEntry(record, on_change)
        self._on_change = on_change
        self._wait_for_person = wait_for_person
        self._opens = tunnel
        self._news = asyncio.Event()

    def build_notice(self) -> Notice:
        """Return what the address answers while it doesn't lead to JupyterLab."""
        notice = messages.build_notice(
            self.record, self.progress, self.looked, why=self.connection.why, asks=self.connection.asks
        )
        if not self.wait_reason or notice.over or not self.connection.up:
            return notice
        return replace(notice, lines=(f"{self.wait_reason[:1].upper()}{self.wait_reason[1:]}.", *notice.lines))

    def get_facts(self) -> dict[str, object]:
        """Return what the address answers to the page that waits."""
        notice = self.build_notice()
        return {"up": self.proxy.up, "headline": notice.headline, "over": notice.over}

    async def follow(self, link: AgentClient) -> None:
        """Follow the job to its end, over this connection and those that replace it."""
        watch = asyncio.create_task(self._watch_clock())
        try:
            while True:
                self.link = link
                self._set_connection(ConnectionState())
                try:
                    return await self._use(link)
                except LinkLostError:
                    _log.info("Lost the connection to %s", self.record.ap)
                    self._set_connection(
                        ConnectionState(up=False, why=f"Lost the connection to {self.record.ap}; reconnecting.")
                    )
                finally:
                    self.proxy.cut()
                    self.link = None
                    await link.close()
                link = await reconnect(self.record.ap, self._show_trouble, self._wait_for_person)
        finally:
            watch.cancel()

    def _show_trouble(self, why: str, asks: bool) -> None:  # noqa: FBT001 - a callback
        self._set_connection(ConnectionState(up=False, why=why, asks=asks))

    async def _use(self, link: AgentClient) -> None:
        """Follow log and tunnel over one connection until the job has ended; raises LinkLostError."""
        log = asyncio.create_task(self._follow_log(link))
        inner = asyncio.create_task(self._keep_tunnel(link) if self._opens else asyncio.Event().wait())
        over = asyncio.create_task(self._over.wait())
        early = asyncio.create_task(self.early_entry.run(link) if self._opens else asyncio.Event().wait())
        tasks: tuple[asyncio.Task[Any], ...] = (log, inner, over)
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            if over in done:
                self.looked = await notebooks.look(link, self.record, self.progress.started)
                self._on_change()
            if self.progress.starts and not self.progress.was_ready:
                self.last_words = await read_last_words(link, self.record)
        finally:
            for task in (*tasks, early):
                task.cancel()
            await asyncio.gather(*tasks, early, return_exceptions=True)

    async def _follow_log(self, link: AgentClient) -> None:
        """Read the log from its beginning: what it says doesn't depend on what was seen before."""
        try:
            async with contextlib.aclosing(follow_log(link, self.record)) as states:
                async for progress in states:
                    if progress.phase is Phase.ENDED:
                        self.looked = await notebooks.look(link, self.record, progress.started)
                    self.early_entry.see(progress)
                    self._from_log, self.log_trouble = self.early_entry.hide(progress), ""
                    beyond = self._beyond[1] if self._beyond and self._beyond[0] == self._from_log else self._from_log
                    self._set_progress(beyond)
        except LauncherError as error:  # the queue still knows
            _log.info("%s", error)
            self.log_trouble = str(error)
            await link.lost.wait()
            raise LinkLostError from None

    @property
    def is_beyond_log(self) -> bool:
        """Whether the session goes by something else than its log."""
        return bool(self._beyond and self._beyond[0] == self._from_log) or not self._from_log.at

    def go_beyond_log(self, progress: JobProgress) -> None:
        """Take this for true until the log says something new."""
        self._beyond = (self._from_log, progress)
        self._set_progress(progress)
        if progress.phase is Phase.ENDED:
            self._over.set()

    def _hear_state(self, state: str, reason: str, port: int) -> None:
        """Take from the tunnel what a session that can't announce itself says of its state."""
        if self._from_log.state or not self.is_beyond_log:
            return
        self.go_beyond_log(apply_state(self.progress, state, reason, port))

    async def _keep_tunnel(self, link: AgentClient) -> None:
        """Keep a tunnel into the job whenever its server is ready."""
        while True:
            while self.progress.phase not in (Phase.READY, Phase.LOST, Phase.SUSPENDED) or not self.progress.port:
                await self._wait_for_news()
            wanted = (self.progress.starts, self.progress.port)
            running = asyncio.create_task(self._run_tunnel(link, self.progress.port))
            try:
                while (self.progress.starts, self.progress.port) == wanted and not running.done():
                    news = asyncio.create_task(self._wait_for_news())
                    await asyncio.wait((running, news), return_when=asyncio.FIRST_COMPLETED)
                    news.cancel()
                if running.done():
                    running.result()
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                self.proxy.cut()

    async def _run_tunnel(self, link: AgentClient, port: int) -> None:
        """Open a tunnel, stay while it is open, and open it again."""
        attempt, directly = 0, True
        while True:
            opened = False
            if attempt in (0, 1, 2) or attempt % 20 == 0:
                _log.info("Opening the tunnel into job %s, attempt %d", self.record.job, attempt + 1)
            python = str(link.hello.get("program", "")) if directly else ""
            command = tunnel.build_tunnel_command(self.record.job, port, link.folder, python=python)
            async with contextlib.aclosing(link.stream("follow", argv=command, lean=True)) as answers:
                async for answer in answers:
                    if "error" in answer and not self.has_been_open:
                        raise LauncherError(f"{self.record.ap} can't open the tunnel: {answer['error']}.")
                    if found := tunnel.URL.search(answer.get("line", "")):
                        if await link.choose_way() is Way.NONE:
                            _log.info("The tunnel into job %s leads nowhere", self.record.job)
                            self.tunnel_trouble = "the tunnel stands, but nothing answers through it"
                            break
                        attempt, self.tunnel_trouble, opened = 0, "", True
                        _log.info("The tunnel into job %s is open", self.record.job)
                        if not await self._lead(link, found[2]):
                            break
                        self._on_change()
                    elif state := tunnel.STATE.match(answer.get("line", "")):
                        self._hear_state(state[1], clean(state[2], _LONGEST_REASON), port)
                    elif "status" in answer:
                        said = answer["err"].strip() or f"it ended with status {answer['status']}"
                        if said != self.tunnel_trouble:  # it says the same up to three times a second
                            _log.debug("The tunnel ended with status %s: %s", answer["status"], said)
                        self.tunnel_trouble = said
                        if not opened and not tunnel.is_not_yet(answer["err"]):
                            directly = not directly  # an ssh before 6.5 can't be given a connection
                        closed = tunnel.find_closed_door(answer["err"]) if attempt >= _CLOSED else ""
                        if refusal := tunnel.find_policy_refusal(answer["err"]) or closed:
                            raise PolicyError(messages.describe_policy(self.record, refusal))
            if self.proxy.up:
                self.proxy.cut()
                self._on_change()
            await asyncio.sleep(tunnel.get_retry_delay(attempt))
            attempt += 1

    async def _lead(self, link: AgentClient, token: str) -> bool:
        """Lead the browser through the tunnel; return whether JupyterLab lets us in."""
        try:
            await self.proxy.lead(link.open_forward, token)
        except LauncherError as error:
            _log.info("%s", error)
            self.tunnel_trouble = str(error).rstrip(".")
            return False
        self.has_been_open = True
        return True

    def build_end_error(self) -> LauncherError:
        """Return the error for a job that has ended without a session, or whose session failed."""
        error = RemovedError if self.progress.removed else FailedError
        said = f" {self.last_words}" if self.last_words else ""
        return error(f"Job {self.record.job} {messages.describe_end(self.progress)}.{said}")

    async def _watch_clock(self) -> None:
        """End the connection after this machine has slept: it is usually dead, and would take long to notice."""
        before = time.time() - time.monotonic()
        while True:
            await asyncio.sleep(1)
            now = time.time() - time.monotonic()
            if now - before > _SLEPT and self.link and self.record.ap != HERE:
                _log.info("This machine slept for %.0f s", now - before)
                self.link.kill()
            before = now

    async def _wait_for_news(self) -> None:
        self._news.clear()
        await self._news.wait()

    def _set_progress(self, progress: JobProgress) -> None:
        if self.progress.was_ready and not progress.was_ready:  # a log without announcements doesn't know
            progress = replace(progress, was_ready=True)
        if progress != self.progress:
            _log.info("Job %s: %s", self.record.job, messages.describe_progress(progress))
            self.progress = progress
            self._news.set()
            self._on_change()

    def _set_connection(self, connection: ConnectionState) -> None:
        if connection != self.connection:
            self.connection = connection
            self._on_change()


async def follow_log(link: AgentClient, record: Record) -> AsyncGenerator[JobProgress, None]:
    """Yield what a job's log says of it after each change, up to its end; raises LinkLostError, LauncherError."""
    reader, progress, before = EventReader(), JobProgress(), None
    async with contextlib.aclosing(link.stream("tail", path=record.log)) as answers:
        async for answer in answers:
            if "error" in answer:
                raise LauncherError(f"Can't follow the job's log: {answer['error']}.")
            for line in answer.get("lines", ()):
                event = reader.feed(line)
                if event and event.job == record.job:
                    progress = apply_event(progress, event)
            if not answer.get("more") and progress != before:
                before = progress
                yield progress
            if progress.phase is Phase.ENDED:
                return
