"""HTTP over one connection, by h11, and how an exchange is passed on from one connection to another."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from http import HTTPStatus

import h11

from chtc_jupyter.proxy.http_head import LONGEST_HEAD, Fields

_log = logging.getLogger(__name__)
_BLOCK = 1 << 16
#: Seconds of an answer after which the browser may have left without waiting for it.
_LONG = 1.0

RewriteAnswer = Callable[[Fields], Fields]


class ConnectionEndedError(Exception):
    """One side has closed the connection, or broken off."""


class HttpConnection:
    """One connection to a browser or to JupyterLab. `role` is ours: h11.SERVER or h11.CLIENT."""

    def __init__(
        self, role: type[h11.SERVER | h11.CLIENT], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.http = h11.Connection(role, max_incomplete_event_size=LONGEST_HEAD)

    async def receive(self) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
        """Return the next event, or PAUSED. Raises OSError, or h11.RemoteProtocolError if it isn't HTTP."""
        while True:
            event = self.http.next_event()
            if event is not h11.NEED_DATA:
                return event
            self.http.receive_data(await self.reader.read(_BLOCK))

    async def send(self, event: h11.Event) -> None:
        """Send an event. Raises OSError."""
        await self.write(self.http.send(event) or b"")

    async def write(self, data: bytes) -> None:
        """Send bytes. Raises OSError."""
        if data:
            self.writer.write(data)
            await self.writer.drain()

    async def wait_for_end(self) -> None:
        """Return when the other side has closed the connection; what it sends before is for the next request."""
        while self.http.trailing_data == (b"", False):
            self.http.receive_data(await self.reader.read(_BLOCK))
        if not self.http.trailing_data[1]:
            await asyncio.Event().wait()

    def close(self) -> None:
        """Close it."""
        self.writer.close()


async def relay(browser: HttpConnection, server: HttpConnection, request: h11.Request, rewrite: RewriteAnswer) -> bool:
    """Pass on one request, whose head has been received, and its answer; return whether both are ready for the next.

    Raises OSError, ConnectionEndedError, or h11.ProtocolError if either side ends or breaks off.
    """
    await server.send(request)
    has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in request.headers)
    sending = asyncio.create_task(_send_body(browser, server)) if has_body else None
    if sending is None:
        await _send_body(browser, server)
    answering = asyncio.create_task(_pass_answer(browser, server, rewrite))
    try:
        await _wait_for_answer(browser, sending, answering)
        switches = answering.result()
        if switches:
            await _pump_both(browser, server)
            return False
        if sending and not sending.done():
            return False
        if sending:
            sending.result()
        ends = (browser.http.our_state, browser.http.their_state, server.http.our_state, server.http.their_state)
        if any(state is not h11.DONE for state in ends):
            return False
        browser.http.start_next_cycle()
        server.http.start_next_cycle()
        return True
    finally:
        await _end(*([sending] if sending else []), answering)


async def _wait_for_answer(
    browser: HttpConnection, sending: asyncio.Task[None] | None, answering: asyncio.Task[bool]
) -> None:
    """Wait for the answer. Raises ConnectionEndedError if the browser leaves before it."""
    if sending:
        await asyncio.wait((sending, answering), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            sending.result()
    await asyncio.wait((answering,), timeout=_LONG)
    if answering.done():
        return
    leaving = asyncio.create_task(browser.wait_for_end())
    try:
        await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            leaving.result()
            raise ConnectionEndedError
    finally:
        await _end(leaving)


async def _end(*tasks: asyncio.Task[bool] | asyncio.Task[None]) -> None:
    """End tasks, and drop what they raise."""
    for task in tasks:
        task.cancel()
    if any(not task.done() or task.cancelled() or task.exception() for task in tasks):
        await asyncio.gather(*tasks, return_exceptions=True)


async def _send_body(browser: HttpConnection, server: HttpConnection) -> None:
    """Pass on the body of a request."""
    while True:
        event = await browser.receive()
        if isinstance(event, h11.Data):
            await server.send(h11.Data(data=event.data))
        elif isinstance(event, h11.EndOfMessage):
            await server.send(event)
            return
        else:
            raise ConnectionEndedError


async def _pass_answer(browser: HttpConnection, server: HttpConnection, rewrite: RewriteAnswer) -> bool:
    """Pass on an answer; return whether the two go on with another protocol."""
    data = b""
    while True:
        event = server.http.next_event()
        if event is h11.NEED_DATA:
            await browser.write(data)
            data = b""
            server.http.receive_data(await server.reader.read(_BLOCK))
            continue
        if isinstance(event, h11.InformationalResponse | h11.Response):
            fields = list(event.headers.raw_items())
            if isinstance(event, h11.Response):
                fields = rewrite(fields)
            event = type(event)(status_code=event.status_code, headers=fields, reason=event.reason)
        elif not isinstance(event, h11.Data | h11.EndOfMessage):
            raise ConnectionEndedError
        data += browser.http.send(event) or b""
        switches = isinstance(event, h11.InformationalResponse) and event.status_code == HTTPStatus.SWITCHING_PROTOCOLS
        if switches or isinstance(event, h11.EndOfMessage):
            await browser.write(data)
            return switches


async def _pump_both(browser: HttpConnection, server: HttpConnection) -> None:
    """Copy in both directions until either side closes."""
    tasks = [asyncio.create_task(_pump(browser, server)), asyncio.create_task(_pump(server, browser))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _end(*tasks)


async def _pump(source: HttpConnection, to: HttpConnection) -> None:
    data, _ = source.http.trailing_data
    try:
        while data := data or await source.reader.read(_BLOCK):
            to.writer.write(data)
            await to.writer.drain()
            data = b""
    except OSError as error:
        _log.debug("Relaying stopped: %r", error)
    with contextlib.suppress(OSError, RuntimeError):  # it is closed already
        to.writer.close()
