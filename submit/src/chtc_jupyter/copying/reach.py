"""The way to the other end of a copy, which is found again after it broke."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib.resources
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from chtc_jupyter import store
from chtc_jupyter.copying.remote import BrokenError, Remote
from chtc_jupyter.errors import LauncherError, NoSuchSessionError
from chtc_jupyter.proxy import control
from chtc_jupyter.session import Session
from chtc_jupyter.ssh.agent_client import AgentClient, LinkLostError, Way
from chtc_jupyter.ssh.reconnecting import reconnect
from chtc_jupyter.store import Record

_log = logging.getLogger(__name__)
#: Seconds between two looks whether the way leads somewhere.
PAUSE = 0.5

WaitForPerson = Callable[[str], Awaitable[bool]]


class Reach(Protocol):
    """Leads to the other end."""

    async def open(self) -> Remote:
        """Return the way. Raises BrokenError if there is none now, and LauncherError if there will be none."""
        ...

    async def close(self) -> None:
        """End what this has opened."""


class SessionReach:
    """Leads to a session by the launcher that has it open on this machine, or else by a connection of its own.

    `connect` opens a connection to the session's access point.
    """

    def __init__(
        self, record: Record, connect: Callable[[], Awaitable[AgentClient]], wait_for_person: WaitForPerson
    ) -> None:
        self._record = record
        self._connect = connect
        self._wait_for_person = wait_for_person
        self._session: Session | None = None
        self._following: asyncio.Task[None] | None = None

    async def open(self) -> Remote:
        """Return the way, as Reach has it."""
        address = await self._find_address()
        parts = urlsplit(address)
        route = functools.partial(asyncio.open_connection, "127.0.0.1", parts.port)
        remote = Remote(route, parse_qs(parts.query)["token"][0])
        facts = await remote.ask_launcher()
        headline = str(facts.get("headline", ""))
        if facts.get("up") is True:
            return remote
        if facts.get("over") is True or (self._following and self._following.done()):
            await self.close()
            raise NoSuchSessionError(f"{headline.rstrip('.')}: nothing can be copied any more.")
        raise BrokenError(headline)

    async def _find_address(self) -> str:
        if self._session is None:
            opened = store.load_opened(self._record.name)
            if opened and (address := await control.ask(opened, control.PROGRAM)):
                return address
            await self._follow()
        assert self._session  # noqa: S101
        if self._following and self._following.done() and not self._following.cancelled():
            self._following.result()  # why it can't be opened
        return self._session.proxy.build_program_address()

    async def _follow(self) -> None:
        """Open the session as `connect` does, but for this command alone."""
        link = await self._connect()
        self._session = Session(
            self._record,
            on_change=lambda: None,
            wait_for_person=self._wait_for_person,
            on_misuse=lambda visit: _log.debug("somebody asked for an address that nobody was given: %s", visit),
        )
        await self._session.proxy.listen(0)
        self._following = asyncio.create_task(self._session.follow(link))

    async def close(self) -> None:
        """End the connection."""
        if self._following:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        if self._session:
            await self._session.proxy.close()


class AccessPointReach:
    """Leads to a receiver on the access point, which is started there for as long as this lasts."""

    def __init__(self, link: AgentClient, wait_for_person: WaitForPerson) -> None:
        self._link: AgentClient | None = link
        self._ap = link.ap
        self._wait_for_person = wait_for_person
        self._connecting: asyncio.Task[AgentClient] | None = None
        self._why = ""
        self._ready = False

    async def open(self) -> Remote:
        """Return the way, as Reach has it."""
        if self._link and self._link.lost.is_set():
            await self._link.close()
            self._link, self._ready = None, False
        if self._link is None:
            self._link = await self._connect_again()
        try:
            if not self._ready:
                await self._start(self._link)
        except LinkLostError:
            raise BrokenError(f"Lost the connection to {self._ap}") from None
        return Remote(self._link.open_forward)

    async def _connect_again(self) -> AgentClient:
        if self._connecting is None:
            self._why = f"Lost the connection to {self._ap}"
            self._connecting = asyncio.create_task(reconnect(self._ap, self._hear, self._wait_for_person))
        done, _ = await asyncio.wait((self._connecting,), timeout=PAUSE)
        if not done:
            raise BrokenError(self._why)
        link, self._connecting = self._connecting.result(), None
        return link

    def _hear(self, why: str, asks: bool) -> None:  # noqa: FBT001 - a callback
        _log.debug("can't connect again (a login is needed: %s): %s", asks, why)
        self._why = why

    async def _start(self, link: AgentClient) -> None:
        """Start the receiver, and find the way to it. Raises LauncherError if there is none."""
        source = importlib.resources.files("chtc_jupyter.copying").joinpath("receiver.py").read_text(encoding="utf-8")
        code = "import sys; exec(sys.stdin.read())"
        answers = link.stream("follow", argv=["{python}", "-IS", "-c", code, f"{link.folder}/lab"], input=source)
        async for answer in answers:
            if "line" in answer:
                break
            why = str(answer.get("err") or answer.get("error") or "it gave no reason").strip()
            raise LauncherError(f"{self._ap} can't take files ({why[-300:]}).")
        link.keep(answers)
        if await link.choose_way() is Way.NONE:
            raise LauncherError(f"{self._ap} can't take files: nothing answers there through the connection.")
        self._ready = True

    async def close(self) -> None:
        """End the connection, and the receiver with it."""
        if self._connecting:
            self._connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError, LauncherError):
                await self._connecting
        if self._link:
            await self._link.close()
