"""A session as it is followed from here: the connection to the access point, the job's log, the tunnel, the port."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

from chtc_condor.event_log import EventReader
from chtc_jupyter import messages
from chtc_jupyter.condor.job_progress import JobProgress, Phase, apply_event
from chtc_jupyter.errors import LauncherError, PolicyError
from chtc_jupyter.proxy.http_head import Notice
from chtc_jupyter.proxy.local_proxy import LocalProxy
from chtc_jupyter.ssh import openssh, tunnel
from chtc_jupyter.ssh.agent_client import HERE, AgentClient, LinkFailedError, LinkLostError
from chtc_jupyter.store import Record

#: How often a tunnel that stands may lead nowhere before that is taken for the access point's policy.
_TRIES = 3


@dataclass(frozen=True)
class ConnectionState:
    """The connection to the access point, as the person is told of it. `asks` when a person must log in."""

    up: bool = True
    why: str = ""
    asks: bool = False


class Session:
    """Follows one job until it has ended.

    `changed` is called after each change of `course` or `leg`; `person` waits for a person, with a sentence for them.
    """

    def __init__(
        self,
        record: Record,
        *,
        changed: Callable[[], None],
        person: Callable[[str], Awaitable[None]],
    ) -> None:
        self.record = record
        self.course = JobProgress()
        self.leg = ConnectionState()
        self.token = ""
        self.link: AgentClient | None = None
        self.gate = LocalProxy(self.notice, self.facts)
        self._changed = changed
        self._person = person
        self._news = asyncio.Event()

    @property
    def url(self) -> str:
        """The address for the browser, the token in it; empty while there is none."""
        return f"http://127.0.0.1:{self.gate.port}/lab?token={self.token}" if self.token else ""

    def notice(self) -> Notice:
        """Return what the address answers while it does not lead to JupyterLab."""
        return messages.build_notice(self.record, self.course, why=self.leg.why, asks=self.leg.asks)

    def facts(self) -> dict[str, object]:
        """Return what the address answers to the launcher's own questions, and to the page that waits."""
        return {
            "name": self.record.name,
            "job": self.record.job,
            "ap": self.record.ap,
            "up": self.gate.up,
            "headline": self.notice().headline,
        }

    async def follow(self, link: AgentClient) -> None:
        """Follow the job to its end, over this connection and those that replace it."""
        watch = asyncio.create_task(self._watch_clock())
        try:
            while True:
                self.link = link
                self._set_leg(ConnectionState())
                try:
                    return await self._use(link)
                except LinkLostError:
                    self._set_leg(ConnectionState(up=False, why=f"The connection to {self.record.ap} was lost."))
                finally:
                    self.gate.cut()
                    self.link = None
                    await link.close()
                link = await self._again()
        finally:
            watch.cancel()

    async def _again(self) -> AgentClient:
        """Connect again, as often as it takes; a person is asked once where a login needs one."""
        attempt, tries, batch = 0, "soon", True
        while True:
            await asyncio.sleep(openssh.get_retry_delay(tries, attempt))
            try:
                return await AgentClient.open(
                    self.record.ap,
                    forward=True,
                    batch=batch,
                    patience=openssh.get_connect_timeout(tries),
                    login=60 if batch else None,
                )
            except LinkFailedError as failed:
                attempt = attempt + 1 if failed.failure.tries == tries else 1
                tries, batch = failed.failure.tries, True
                asks = tries in ("asked", "never")
                self._set_leg(ConnectionState(up=False, why=str(failed.failure.error), asks=asks))
                if asks:
                    await self._person(
                        f"{self.record.ap} wants you to log in again."
                        if tries == "asked"
                        else str(failed.failure.error)
                    )
                    attempt, batch = 0, False

    async def _use(self, link: AgentClient) -> None:
        """Follow log and tunnel over one connection until the job has ended; raises LinkLostError."""
        log = asyncio.create_task(self._follow_log(link))
        inner = asyncio.create_task(self._keep_tunnel(link))
        try:
            done, _ = await asyncio.wait((log, inner), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (log, inner):
                task.cancel()
            await asyncio.gather(log, inner, return_exceptions=True)

    async def _follow_log(self, link: AgentClient) -> None:
        """Read the log anew, from its beginning: what it says does not depend on what was seen before."""
        async with contextlib.aclosing(follow(link, self.record)) as courses:
            async for course in courses:
                self._set_course(course)

    async def _keep_tunnel(self, link: AgentClient) -> None:
        """Hold a tunnel into the job whenever its server is ready."""
        while True:
            while self.course.phase not in (Phase.READY, Phase.LOST, Phase.SUSPENDED) or not self.course.port:
                await self._news_of()
            wanted = (self.course.starts, self.course.port)
            holding = asyncio.create_task(self._hold(link, self.course.port))
            try:
                while (self.course.starts, self.course.port) == wanted and not holding.done():
                    news = asyncio.create_task(self._news_of())
                    await asyncio.wait((holding, news), return_when=asyncio.FIRST_COMPLETED)
                    news.cancel()
                if holding.done():
                    holding.result()
            finally:
                holding.cancel()
                await asyncio.gather(holding, return_exceptions=True)
                self.gate.cut()

    async def _hold(self, link: AgentClient, port: int) -> None:
        """Try until a tunnel stands, and stay while it does; then try again."""
        attempt = silent = 0
        while True:
            async with contextlib.aclosing(
                link.stream("follow", argv=tunnel.command(self.record.job, port))
            ) as answers:
                async for answer in answers:
                    if "error" in answer and not self.token:
                        raise LauncherError(f"{self.record.ap} could not open the tunnel: {answer['error']}.")
                    if found := tunnel.URL.search(answer.get("line", "")):
                        if not await link.leads():
                            silent += 1
                            if silent == _TRIES:
                                raise PolicyError(messages.describe_forbidden_forward(self.record.ap))
                            break
                        attempt, silent, self.token = 0, 0, found[2]
                        self.gate.lead(link.port, self.token)
                        self._changed()
                    elif "status" in answer and (refusal := tunnel.policy(answer["err"])):
                        raise PolicyError(messages.describe_policy(self.record, refusal))
            if self.gate.up:
                self.gate.cut()
                self._changed()
            await asyncio.sleep(tunnel.delay(attempt))
            attempt += 1

    async def _watch_clock(self) -> None:
        """After this machine has slept, its connection is dead more often than not: don't wait for it to find out."""
        before = time.time() - time.monotonic()
        while True:
            await asyncio.sleep(1)
            now = time.time() - time.monotonic()
            if now - before > 20 and self.link and self.record.ap != HERE:
                self.link.kill()
            before = now

    async def _news_of(self) -> None:
        self._news.clear()
        await self._news.wait()

    def _set_course(self, course: JobProgress) -> None:
        if course != self.course:
            self.course = course
            self._news.set()
            self._changed()

    def _set_leg(self, leg: ConnectionState) -> None:
        if leg != self.leg:
            self.leg = leg
            self._changed()


async def follow(link: AgentClient, record: Record) -> AsyncGenerator[JobProgress, None]:
    """Yield what a job's log says of it, anew whenever that changes, up to its end; raises LinkLostError."""
    reader, course, before = EventReader(), JobProgress(), None
    async with contextlib.aclosing(link.stream("tail", path=record.log)) as answers:
        async for answer in answers:
            if "error" in answer:
                raise LauncherError(f"The job's log can't be followed: {answer['error']}.")
            for line in answer.get("lines", ()):
                event = reader.feed(line)
                if event and event.job == record.job:
                    course = apply_event(course, event)
            if not answer.get("more") and course != before:
                before = course
                yield course
            if course.phase is Phase.ENDED:
                return
