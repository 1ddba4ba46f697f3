"""The launcher's local port: an address for the browser that outlives the connections underneath."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Mapping

import h11

from chtc_jupyter.errors import LauncherError, PortError
from chtc_jupyter.proxy import pages, peer
from chtc_jupyter.proxy.access import Access, Caller, Login
from chtc_jupyter.proxy.connections import Connections
from chtc_jupyter.proxy.control import CONTROL, Control
from chtc_jupyter.proxy.http_connection import ConnectionEndedError, HttpConnection, relay
from chtc_jupyter.proxy.http_head import Fields, Head, Request, read_head
from chtc_jupyter.proxy.login import log_in
from chtc_jupyter.proxy.one_time import BRIEF, PREFIX, OneTimeAddresses, Visit
from chtc_jupyter.proxy.pages import Notice
from chtc_jupyter.proxy.peer import Peer

_log = logging.getLogger(__name__)
#: Path at which the launcher itself answers the page that waits.
STATUS = "/chtc-jupyter/status"
#: Seconds for which a request waits while there is no connection. A WebSocket waits for nearly as long as browsers
#: allow: JupyterLab tries again only a few times, and would have given up after some minutes. A request that changes
#: something waits as long as it takes: JupyterLab would ask what to do about a notebook that it could not save.
_WAIT, _WAIT_SOCKET, _WAIT_CHANGE = 4.0, 220.0, float("inf")
#: Seconds for the head of a request to come, and for which a connection may be without one between two requests.
_HEAD, _IDLE = 10.0, 300.0
#: How often a free port is looked for.
_TRIES = 20
_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))

#: Opens a connection to JupyterLab.
Route = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class _Visitor:
    """A browser's connection, and the one to JupyterLab that was made for it."""

    def __init__(self, browser: HttpConnection) -> None:
        self.browser = browser
        self.server: HttpConnection | None = None

    @functools.cached_property
    def peer(self) -> Peer:
        """Whose the connection is. A socket keeps its user, so that one look is enough."""
        return peer.identify(self.browser.writer.get_extra_info("socket"))

    def leave_server(self) -> None:
        if self.server:
            self.server.close()
        self.server = None

    def close(self) -> None:
        self.browser.close()
        self.leave_server()


class LocalProxy:
    """Listens on this machine's loopback, and relays requests to JupyterLab, or answers why there is none."""

    def __init__(
        self,
        access: Access,
        notice: Callable[[], Notice],
        facts: Callable[[], Mapping[str, object]],
        on_misuse: Callable[[Visit], None] = lambda _: None,
        connections: Connections | None = None,
    ) -> None:
        self.port = 0
        self.requests = 0
        self.access = access
        self.control = Control(self)
        self._on_misuse = on_misuse
        self._one_time = OneTimeAddresses()
        self._notice = notice
        self._facts = facts
        self._route: Route | None = None
        self._login: Login | None = None
        self._up = asyncio.Event()
        self._lost = -_WAIT
        self._servers: list[asyncio.Server] = []
        self._connections = Connections() if connections is None else connections

    async def listen(self, port: int) -> None:
        """Listen on a port (0: any free one); raises PortError if another program uses it.

        It is taken for IPv6 as well: a browser asks there first, and whoever had that port would get its cookie.
        """
        for attempt in range(1 if port else _TRIES):
            listeners = _bind(port)
            if listeners:
                break
            _log.debug("No port for both protocols at attempt %d", attempt + 1)
        else:
            raise PortError(f"Another program on this machine uses port {port}.")
        self.port = int(listeners[0].getsockname()[1])
        asyncio.get_running_loop().set_exception_handler(_log_quietly)
        for listener in listeners:
            self._servers.append(await asyncio.start_server(self._serve, sock=listener, limit=1 << 16))

    async def lead(self, route: Route, token: str) -> None:
        """Relay requests by a route from now on; the JupyterLab behind it accepts `token`. Raises LauncherError."""
        if self._login is None or self._login.token != token:
            try:
                server = HttpConnection(h11.CLIENT, *await route())
            except OSError as error:
                raise LauncherError(f"Can't reach JupyterLab: {error}.") from None
            with contextlib.closing(server):
                self._login = await log_in(server, f"{self.access.host}:{self.port}", token)
        self._route = route
        self._up.set()

    def cut(self) -> None:
        """Relay nothing from now on."""
        if self._route is not None:
            self._route, self._lost = None, time.monotonic()
            self._up.clear()
            self._connections.cancel_all()

    def give_out_address(self, *, briefly: bool = False) -> str:
        """Return an address that signs a browser in once, if `briefly` within two minutes. No token is in it."""
        path = self._one_time.give_out(BRIEF) if briefly else self._one_time.give_out()
        return f"{self.origin}{path}"

    def build_program_address(self) -> str:
        """Return an address for a program, with a token that is good while this launcher runs."""
        return f"http://127.0.0.1:{self.port}/?token={self.access.token}"

    @property
    def origin(self) -> str:
        """The address without a path."""
        return f"http://{self.access.host}:{self.port}"

    @property
    def up(self) -> bool:
        """Whether requests reach JupyterLab."""
        return self._route is not None

    async def close(self) -> None:
        """Close the port."""
        self._route = None
        for server in self._servers:
            server.close()
        await asyncio.gather(*self._connections.cancel_all(), return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task  # noqa: S101
        visitor = _Visitor(HttpConnection(h11.SERVER, reader, writer))
        try:
            if self._connections.admit(task):
                await self._answer_all(visitor, task)
            else:
                writer.write(pages.render_busy())
        except (OSError, ConnectionEndedError, asyncio.CancelledError) as error:
            _log.debug("A connection to the local port ended: %r", error)
        except (h11.ProtocolError, asyncio.TimeoutError) as error:
            _log.debug("Dropping a connection to the local port: %r", error)
        finally:
            self._connections.discard(task)
            visitor.close()

    async def _answer_all(self, visitor: _Visitor, task: asyncio.Task[None]) -> None:
        """Answer the requests of one connection."""
        browser, patience = visitor.browser, _HEAD
        while request := await _receive(browser, task, patience):
            head = read_head(request)
            caller = self.access.identify(head)
            if answer := self._answer(head, caller, visitor):
                browser.writer.write(answer)
                return await browser.writer.drain()
            self._connections.trust(task)
            self.requests += 1
            if not await self._pass_on(visitor, head, caller):
                return None
            patience = _IDLE
        return None

    def _answer(self, head: Head, caller: Caller, visitor: _Visitor) -> bytes | None:
        """Return the launcher's own answer to a request; None if JupyterLab must answer it."""
        controls = head.path == CONTROL and head.host == "127.0.0.1"
        if not controls and not self.access.takes_host(head, caller):
            return pages.render_foreign_host()
        if visitor.peer is not Peer.OURS:  # what somebody asked for who has gone must not be done
            if visitor.peer is Peer.OTHERS:
                self._on_misuse(Visit.STRANGER)
            return pages.render_refusal(pages.SIGN_IN, page=head.wants_page)
        if controls:
            return self.control.answer(head)
        if head.path.startswith(PREFIX):
            return self._answer_one_time(head, caller)
        if caller is Caller.UNKNOWN:
            return pages.render_refusal(pages.SIGN_IN, page=head.wants_page)
        if head.path == STATUS:
            return pages.render_json(self._facts())
        return None

    def _answer_one_time(self, head: Head, caller: Caller) -> bytes:
        """Return the answer to a one-time address: the way to JupyterLab, once or for who is signed in."""
        if head.method != "GET":
            return pages.render_refusal(pages.USED, page=head.wants_page)
        if caller is Caller.BROWSER:
            return pages.render_entrance()
        visit = self._one_time.take(head.path)
        if visit is Visit.FIRST:
            return pages.render_entrance(self.access.build_cookie())
        if visit is Visit.AGAIN:
            self._on_misuse(visit)
        return pages.render_refusal(pages.USED, page=head.wants_page)

    async def _pass_on(self, visitor: _Visitor, head: Head, caller: Caller) -> bool:
        """Have JupyterLab answer a request; return whether the connection is ready for the next."""
        if visitor.server is None or visitor.server.reader.at_eof():
            visitor.leave_server()
            route = await self._wait(head)
            try:
                visitor.server = HttpConnection(h11.CLIENT, *await route()) if route else None
            except OSError as error:
                _log.debug("JupyterLab can't be reached: %r", error)
        login = self._login
        if visitor.server is None or login is None:
            visitor.browser.writer.write(pages.render_notice(self._notice(), page=head.wants_page))
            await visitor.browser.writer.drain()
            return False

        def rewrite(fields: Fields) -> Fields:
            return self.access.build_answer(fields, head, login)

        target, fields = self.access.build_request(head, caller, login)
        request = Request(head.method.encode(), target.encode("latin-1"), fields)
        again = await relay(visitor.browser, visitor.server, request, rewrite)
        if head.path == "/logout":
            self.access.sign_out()
        return again

    async def _wait(self, head: Head) -> Route | None:
        """Return the route for a request, or None if there is no connection in time."""
        started = time.monotonic()
        recently = started - self._lost < 60
        patience = _WAIT_CHANGE if head.changes else _WAIT_SOCKET if head.upgrade else _WAIT if recently else 0.0
        while not self.up and time.monotonic() - started < patience and not self._notice().over:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._up.wait(), 0.5)
        return self._route


async def _receive(browser: HttpConnection, task: asyncio.Task[None], patience: float) -> Request | None:
    """Return what is asked next from a browser; cancels its task if nothing does in time."""
    timer = asyncio.get_running_loop().call_later(patience, task.cancel)
    try:
        return await browser.receive_request()
    finally:
        timer.cancel()


def _bind(port: int) -> list[socket.socket]:
    """Return sockets that have a port of this machine's loopback for both protocols; none if either is taken."""
    bound: list[socket.socket] = []
    for family, address in _LOOPBACK:
        try:
            listener = socket.create_server((address, port), family=family, backlog=100)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # its connections inherit it
        except OSError as error:
            if bound and not _has(family, address):
                _log.debug("This machine has no %s: %s", address, error)
                continue
            for other in bound:
                other.close()
            return []
        bound.append(listener)
        port = int(listener.getsockname()[1])
    return bound


def _has(family: int, address: str) -> bool:
    """Return whether this machine has an address."""
    try:
        with socket.create_server((address, 0), family=family):
            return True
    except OSError:
        return False


def _log_quietly(_: asyncio.AbstractEventLoop, context: Mapping[str, object]) -> None:
    """Keep what a flood of connections does to the event loop out of the terminal."""
    _log.debug("The event loop reports: %s", context)
