"""HTTP over one connection, and how an exchange is passed on from one connection to another.

It is h11's but for the common messages (`plain_http`): h11 sees a plain request only if its answer isn't plain.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from http import HTTPStatus

import h11

from chtc_jupyter.proxy import plain_http
from chtc_jupyter.proxy.http_head import LONGEST_HEAD, Fields, Request

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
        #: A plain request whose answer hasn't begun, and which h11 hasn't seen.
        self.plain_request = b""

    async def receive_request(self) -> Request | None:
        """Return the next request; None if none comes. Raises as `receive`."""
        if self.http.trailing_data == (b"", False):
            data = await self.reader.read(_BLOCK)
            if found := plain_http.read_request(data):
                self.plain_request = data
                return Request(b"GET", *found)
            self.http.receive_data(data)
        event = await self.receive()
        if not isinstance(event, h11.Request):
            return None
        return Request(event.method, event.target, list(event.headers.raw_items()))

    def show_plain_request(self) -> None:
        """Have h11 go on with a plain request, if there is one."""
        if self.plain_request:
            self.http.receive_data(self.plain_request)
            self.plain_request = b""
            self.http.next_event()

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


async def relay(browser: HttpConnection, server: HttpConnection, request: Request, rewrite: RewriteAnswer) -> bool:
    """Pass on one request, whose head has been received, and its answer; return whether both are ready for the next.

    Raises OSError, ConnectionEndedError, or h11.ProtocolError if either side ends or breaks off.
    """
    sent = plain_http.write_request(request.target, request.fields) if browser.plain_request else None
    if sent:
        await server.write(sent)
        if await _watch(browser, None, _pass_plain_answer(browser, server, rewrite)):
            return True
    browser.show_plain_request()
    head = h11.Request(method=request.method, target=request.target, headers=request.fields)
    rest = server.http.send(head) or b""
    await server.write(b"" if sent else rest)
    has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in head.headers)
    sending = asyncio.create_task(_send_body(browser, server)) if has_body else None
    if sending is None:
        await _send_body(browser, server)
    try:
        if await _watch(browser, sending, _pass_answer(browser, server, rewrite)):
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
        if sending:
            await _end(sending)


async def _watch(
    browser: HttpConnection, sending: asyncio.Task[None] | None, answer: Coroutine[object, object, bool]
) -> bool:
    """Return what passing on the answer does. Raises ConnectionEndedError if the browser leaves before its end."""
    watch = _Watch(browser, sending)
    try:
        return await answer
    except asyncio.CancelledError:
        if watch.browser_left:
            raise ConnectionEndedError from None
        raise
    finally:
        await watch.stop()


class _Watch:
    """Breaks off the exchange of the current task when the browser leaves before an answer that takes long.

    Most answers come before it begins, so that they cost no task.
    """

    def __init__(self, browser: HttpConnection, sending: asyncio.Task[None] | None) -> None:
        self.browser_left = False
        self._browser = browser
        self._sending = sending
        self._exchange = asyncio.current_task()
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(_LONG, self._begin)

    async def stop(self) -> None:
        """Watch no longer."""
        self._timer.cancel()
        if self._task:
            await _end(self._task)

    def _begin(self) -> None:
        self._browser.show_plain_request()
        self._task = asyncio.create_task(self._wait())

    async def _wait(self) -> None:
        try:
            if self._sending:
                await asyncio.shield(self._sending)
            await self._browser.wait_for_end()
        except (OSError, ConnectionEndedError, h11.ProtocolError) as error:
            _log.debug("The browser left in an exchange: %r", error)
        if self._exchange:
            self.browser_left = True
            self._exchange.cancel()


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


async def _pass_plain_answer(browser: HttpConnection, server: HttpConnection, rewrite: RewriteAnswer) -> bool:
    """Pass on a plain answer to a plain request; return whether it is one. h11 is given what else has come."""
    data = await server.reader.read(_BLOCK)
    answer = plain_http.read_answer(data) if browser.plain_request else None
    written = plain_http.write_answer(answer, rewrite(answer.fields)) if answer else None
    if answer is None or written is None:
        server.http.receive_data(data)
        return False
    browser.plain_request = b""
    await browser.write(written)
    to_come = answer.to_come
    while to_come:
        data = await server.reader.read(min(to_come, _BLOCK))
        if not data:
            raise ConnectionEndedError
        await browser.write(data)
        to_come -= len(data)
    return True


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
            fields = rewrite(list(event.headers.raw_items()))
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
