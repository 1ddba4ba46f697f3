"""The other end of a copy, asked over HTTP: JupyterLab in the session, or the receiver on the access point."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import h11

from chtc_jupyter.copying.pieces import Sums
from chtc_jupyter.errors import FailedError
from chtc_jupyter.json_text import load_json
from chtc_jupyter.printable import make_printable
from chtc_jupyter.proxy.http_connection import ConnectionEndedError, HttpConnection
from chtc_jupyter.proxy.local_proxy import STATUS

#: Opens a connection to the other end.
Route = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
_PREFIX = "/jupyter-session/copy/"
#: Bytes of an answer that is no file, and characters of what it says.
_LONGEST, _LONGEST_SENTENCE = 1 << 20, 1000
_UNKNOWN_WORDS = "The session answered in words that this version of chtc-jupyter doesn't know."
#: What an image that is older than this command answers.
_UNKNOWN = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)


class BrokenError(ConnectionError):
    """The way to the other end is broken, or leads nowhere now; the copy can go on later."""


class AgainError(Exception):
    """What both ends have must be compared again."""


@dataclass(frozen=True)
class Entry:
    """What there is at a path of the other end: `kind` is file, folder, none, or other."""

    path: str
    kind: str
    size: int
    mode: int
    mtime: float
    version: str


class Remote:
    """Asks the other end. Each request has a connection of its own.

    Everything raises BrokenError, AgainError, or FailedError with what the other end says.
    """

    def __init__(self, route: Route, token: str = "") -> None:
        self._route = route
        self._token = token

    async def ask_launcher(self) -> dict[str, Any]:
        """Return what the launcher says of its connection, through whose local port this leads."""
        return await self._ask("GET", STATUS, {})

    async def look(self, path: str) -> Entry:
        """Return what there is at a path."""
        found = await self._ask("GET", "look", {"path": path})
        try:
            return Entry(
                str(found["path"]), str(found["kind"]), int(found["size"]), int(found["mode"]),
                float(found["mtime"]), str(found["version"]),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError):
            raise FailedError(_UNKNOWN_WORDS) from None

    async def sum_pieces(self, path: str, at: int, upto: int, *, part: bool = False) -> Sums:
        """Return the sums of a file's pieces; with `part`, of the one that is being copied to `path`."""
        query = {"path": path, "at": str(at), "upto": str(upto), **({"part": "1"} if part else {})}
        found = await self._ask("GET", "sums", query)
        try:
            return Sums(int(found["size"]), [str(each) for each in found["sums"]])
        except (KeyError, TypeError, ValueError):
            raise FailedError(_UNKNOWN_WORDS) from None

    async def finish(self, path: str, facts: dict[str, Any]) -> None:
        """Have the copied file get its name."""
        await self._ask("POST", "finish", {"path": path}, [json.dumps(facts).encode()])

    async def write(self, path: str, at: int, total: int, length: int, blocks: Iterable[bytes]) -> None:
        """Send a stretch of a file. The `blocks` have `length` bytes in all."""
        query = {"path": path, "at": str(at), "total": str(total)}
        await self._ask("PUT", "data", query, blocks, length)

    async def read(self, path: str, at: int, length: int, version: str) -> AsyncGenerator[bytes, None]:
        """Yield a stretch of a file, if the file still is of the `version` that was looked at."""
        query = {"path": path, "at": str(at), "length": str(length), "version": version}
        async with self._request("GET", "data", query, (), 0) as (connection, answer):
            if answer.status_code != HTTPStatus.OK:
                _raise_refused(answer, await _read_all(connection))
            async for data in _read_body(connection):
                yield data

    async def _ask(
        self, method: str, verb: str, query: dict[str, str], body: Iterable[bytes] = (), length: int | None = None
    ) -> dict[str, Any]:
        blocks = list(body) if length is None else body
        size = sum(map(len, blocks)) if length is None else length
        async with self._request(method, verb, query, blocks, size) as (connection, answer):
            said = await _read_all(connection)
            if answer.status_code != HTTPStatus.OK:
                _raise_refused(answer, said)
        try:
            return dict(load_json(said))
        except (ValueError, TypeError):
            raise BrokenError("it answered with something else") from None

    @contextlib.asynccontextmanager
    async def _request(
        self, method: str, verb: str, query: dict[str, str], blocks: Iterable[bytes], length: int
    ) -> AsyncIterator[tuple[HttpConnection, h11.Response]]:
        try:
            connection = HttpConnection(h11.CLIENT, *await self._route())
        except OSError as error:
            raise BrokenError(str(error)) from None
        fields = [("Host", "127.0.0.1"), ("Connection", "close"), ("Accept", "application/json")]
        fields += [("Authorization", f"token {self._token}")] if self._token else []
        fields += [("Content-Length", str(length))] if method != "GET" else []
        path = verb if verb.startswith("/") else f"{_PREFIX}{verb}"
        target = f"{path}?{urlencode(query, quote_via=quote, errors='surrogateescape')}"
        with contextlib.closing(connection):
            try:
                await connection.send(h11.Request(method=method, target=target, headers=fields))
                sending = asyncio.create_task(_send(connection, blocks))
                answering = asyncio.create_task(_receive_head(connection))
                try:
                    await asyncio.wait((sending, answering), return_when=asyncio.FIRST_COMPLETED)
                    if not answering.done():
                        with contextlib.suppress(OSError):  # then the answer may have come, a refusal
                            await sending
                    answer = await answering
                    yield connection, answer
                finally:
                    for task in (sending, answering):
                        task.cancel()
                    await asyncio.gather(sending, answering, return_exceptions=True)
            except (OSError, EOFError, ConnectionEndedError, h11.ProtocolError) as error:
                raise BrokenError(str(error) or type(error).__name__) from None


async def _send(connection: HttpConnection, blocks: Iterable[bytes]) -> None:
    for data in blocks:
        await connection.send(h11.Data(data=data))
    await connection.send(h11.EndOfMessage())


async def _receive_head(connection: HttpConnection) -> h11.Response:
    while not isinstance(event := await connection.receive(), h11.Response):
        if not isinstance(event, h11.InformationalResponse):
            raise ConnectionEndedError
    return event


async def _read_body(connection: HttpConnection) -> AsyncIterator[bytes]:
    while not isinstance(event := await connection.receive(), h11.EndOfMessage):
        if not isinstance(event, h11.Data):
            raise ConnectionEndedError
        yield bytes(event.data)


async def _read_all(connection: HttpConnection) -> bytes:
    found = b""
    async for data in _read_body(connection):
        found += data
        if len(found) > _LONGEST:
            raise ConnectionEndedError
    return found


def _raise_refused(answer: h11.Response, said: bytes) -> None:
    """Raise what an answer means that is no success."""
    try:
        found = dict(load_json(said))
    except (ValueError, TypeError):
        found = {}
    sentence = make_printable(str(found.get("message") or ""))[:_LONGEST_SENTENCE]
    if found.get("again") is True:
        raise AgainError(sentence)
    if answer.status_code in _UNKNOWN:
        raise FailedError(
            "The session's image is older than this command: build it again. Until then, use `scp`: see docs/ssh.md."
        )
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR and not sentence:
        raise BrokenError(f"it answers with status {answer.status_code}")
    raise FailedError(sentence or f"The session refused with status {answer.status_code}.")
