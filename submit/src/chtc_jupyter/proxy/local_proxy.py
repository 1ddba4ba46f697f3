"""The launcher's local port: an address for the browser that outlives the connections underneath."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping

from chtc_jupyter.errors import PortError
from chtc_jupyter.proxy import http_head
from chtc_jupyter.proxy.http_head import Head, Notice
from chtc_jupyter.proxy.one_time import PREFIX, OneTimeAddress, Visit, find_peer

_log = logging.getLogger(__name__)
#: Seconds for which a request waits while there is no connection. A WebSocket waits for nearly as long as browsers
#: allow: JupyterLab tries again only a few times, and would have given up after some minutes. A request that changes
#: something waits as long as it takes: JupyterLab would ask what to do about a notebook that it could not save.
_WAIT, _WAIT_SOCKET, _WAIT_CHANGE = 4.0, 220.0, float("inf")
_BLOCK = 1 << 16
_USED = Notice(
    "This address was good once",
    ("It has been used, or is too old. Open the address that the terminal of chtc-jupyter shows.",),
)


class LocalProxy:
    """Listens on 127.0.0.1, and relays requests to the tunnel's port, or answers why there is none."""

    def __init__(
        self,
        notice: Callable[[], Notice],
        facts: Callable[[], Mapping[str, object]],
        on_misuse: Callable[[Visit], None] = lambda _: None,
    ) -> None:
        self.port = 0
        self.requests = 0
        self._on_misuse = on_misuse
        self._one_time = OneTimeAddress()
        self._notice = notice
        self._facts = facts
        self._route: int | None = None
        self._tokens: list[str] = []
        self._up = asyncio.Event()
        self._lost = -_WAIT
        self._server: asyncio.Server | None = None
        self._relays: set[asyncio.Task[None]] = set()

    async def listen(self, port: int) -> None:
        """Listen on a port (0: any free one); raises PortError if another program uses it."""
        try:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=http_head.LONGEST_HEAD)
        except OSError:
            raise PortError(f"Another program on this machine uses port {port}.") from None
        self.port = int(self._server.sockets[0].getsockname()[1])

    def lead(self, route: int, token: str) -> None:
        """Relay requests to a port of this machine from now on; the server behind it accepts `token`."""
        if token in self._tokens:
            self._tokens.remove(token)
        self._tokens.append(token)
        self._route = route
        self._up.set()

    def cut(self) -> None:
        """Relay nothing from now on."""
        if self._route is not None:
            self._route, self._lost = None, time.monotonic()
            self._up.clear()
            self._end_relays()

    def give_out_address(self) -> str:
        """Return an address that leads a browser to JupyterLab once, within two minutes; the token isn't in it."""
        return f"http://127.0.0.1:{self.port}{self._one_time.give_out()}"

    def _end_relays(self) -> None:
        for relay in self._relays:
            relay.cancel()

    @property
    def up(self) -> bool:
        """Whether requests reach JupyterLab."""
        return self._route is not None

    async def close(self) -> None:
        """Close the port."""
        self._route = None
        if self._server:
            self._server.close()
        self._end_relays()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task  # noqa: S101
        self._relays.add(task)
        try:
            await self._requests(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError) as error:
            _log.debug("A connection to the local port ended: %r", error)
        except (ValueError, asyncio.LimitOverrunError) as error:
            _log.debug("Dropping a connection to the local port: %s", error)
        finally:
            self._relays.discard(task)
            writer.close()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of a browser: its requests, over one connection to the server."""
        there: asyncio.StreamWriter | None = None
        back: asyncio.Task[None] | None = None
        try:
            while True:
                head = http_head.parse_head(await reader.readuntil(b"\r\n\r\n"))
                if head.path == http_head.STATUS:
                    writer.write(http_head.render_status(self._facts() if _is_ours(head) else {}))
                    return await writer.drain()
                if head.path.startswith(PREFIX):
                    writer.write(self._answer_one_time(head, writer))
                    return await writer.drain()
                self.requests += 1
                if there is None or back is None:
                    route = await self._wait(head)
                    if route is None:
                        writer.write(http_head.render_notice(self._notice(), page=head.wants_page))
                        return await writer.drain()
                    answers, there = await asyncio.open_connection("127.0.0.1", route)
                    back = asyncio.create_task(_pump(answers, writer))
                there.write(http_head.replace_tokens(head.raw, self._tokens[:-1], self._tokens[-1]))
                await (_pump(reader, there) if head.raw_follows else _copy(reader, there, head.length))
                if head.raw_follows:
                    return await back
        except asyncio.IncompleteReadError:
            return None  # the browser has closed it
        finally:
            if there is not None:
                there.close()
            if back is not None:
                back.cancel()

    def _answer_one_time(self, head: Head, writer: asyncio.StreamWriter) -> bytes:
        """Return the answer to a one-time address: the way to JupyterLab, for this machine's own user and once."""
        if head.method != "GET" or not _is_ours(head):
            return http_head.render_notice(_USED, page=head.wants_page, again=False)
        visit = self._one_time.take(head.path, find_peer(writer.get_extra_info("socket")))
        if visit is Visit.FIRST and self._tokens:
            return http_head.render_redirect(f"/lab?token={self._tokens[-1]}")
        if visit in (Visit.AGAIN, Visit.STRANGER):
            self._on_misuse(visit)
        return http_head.render_notice(_USED, page=head.wants_page, again=False)

    async def _wait(self, head: Head) -> int | None:
        """Return the port for a request, or None if there is no connection in time."""
        started = time.monotonic()
        recently = started - self._lost < 60
        patience = _WAIT_CHANGE if head.changes else _WAIT_SOCKET if head.upgrade else _WAIT if recently else 0.0
        while not self.up and time.monotonic() - started < patience and not self._notice().over:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._up.wait(), 0.5)
        return self._route


def _is_ours(head: Head) -> bool:
    """Return True if a request addresses this machine by its own name: one of a foreign page wouldn't."""
    return head.host in ("127.0.0.1", "localhost")


async def _pump(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    """Copy everything, and close the other end."""
    try:
        while data := await source.read(_BLOCK):
            to.write(data)
            await to.drain()
    except OSError as error:
        _log.debug("Relaying stopped: %r", error)
    with contextlib.suppress(OSError, RuntimeError):  # it is closed already
        to.close()


async def _copy(source: asyncio.StreamReader, to: asyncio.StreamWriter, length: int) -> None:
    """Copy `length` bytes; raises EOFError if there are fewer."""
    while length > 0:
        data = await source.read(min(length, _BLOCK))
        if not data:
            raise EOFError
        to.write(data)
        length -= len(data)
        await to.drain()
    await to.drain()
