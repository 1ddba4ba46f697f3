"""The API by which `chtc-jupyter cp` copies files into the session and out of it, in stretches that can be resumed.

Paths are whole, or relative to the notebook folder. An error is `{"message": one sentence}`; with `"again": true`, the
copy can go on once both ends have been compared. Jupyter's own authentication applies: who has the token may also open
a terminal, so that no file is closed to them here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import stat
from collections.abc import Callable
from typing import Any, NoReturn

from jupyter_server.base.handlers import APIHandler
from tornado.web import Finish, authenticated, stream_request_body

from jupyter_session.copying import incoming, pieces
from jupyter_session.errors import SessionError

_LOG = logging.getLogger(__name__)
#: Most bytes of one stretch: whoever copies a large file makes a request now and then, which keeps the session alive.
LONGEST_STRETCH = 64 << 20
_BLOCK = 1 << 18


class _Handler(APIHandler):
    """What the handlers have in common. `_writers` has who writes the partial file of each path now."""

    def initialize(self, root: str, writers: dict[str, object]) -> None:
        """Take the notebook folder, and who writes what."""
        self._root = root
        self._writers = writers

    def _path(self) -> str:
        return incoming.resolve_path(self._root, self.get_argument("path", strip=False))

    def _number(self, name: str) -> int:
        text = self.get_argument(name)
        if not text.isascii() or not text.isdecimal():
            self._refuse(f"{name} must be a number.")
        return int(text)

    def _refuse(self, sentence: str, status: int = 400, **facts: Any) -> NoReturn:
        self.set_status(status)
        self.finish(json.dumps({"message": sentence, **facts}))
        raise Finish

    async def _do(self, work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Return what a function returns that may take a while; refuse with the error that it raises."""
        try:
            return await asyncio.to_thread(work, *arguments, **named)
        except SessionError as error:
            self._refuse(str(error), again=not isinstance(error, incoming.RefusedError))
        except (OSError, ValueError) as error:
            self._refuse(_describe(error))


class LookHandler(_Handler):
    """Answers `{"path": whole, "kind": "file", "folder", "none", or "other", "size", "mode", "mtime", "version"}`."""

    @authenticated
    async def get(self) -> None:
        """Say what there is at a path."""
        self.finish(json.dumps(await self._do(_look, self._path())))


class SumsHandler(_Handler):
    """Answers `{"size": bytes of the file, "sums": [SHA-256 of each piece from `at` on]}`."""

    @authenticated
    async def get(self) -> None:
        """Sum up a file, or with `part=1` what there is of one that is being copied here."""
        path = self._path()
        if self.get_argument("part", ""):
            self._writers.pop(path, None)  # a connection that may be dead writes no longer
            path = incoming.name_partial(path, os.environ)
        size, sums = await self._do(pieces.sum_pieces, path, self._number("at"), self._number("upto"))
        self.finish(json.dumps({"size": size, "sums": sums}))


class FinishHandler(_Handler):
    """Takes `{"size", "mode", "mtime"}` of a file that has been copied here and compared."""

    @authenticated
    async def post(self) -> None:
        """Give the file its name."""
        path, facts = self._path(), self.get_json_body() or {}
        partial = incoming.name_partial(path, os.environ)
        size, mode, mtime = (facts.get(name) for name in ("size", "mode", "mtime"))
        if not isinstance(size, int) or not isinstance(mode, int) or not isinstance(mtime, int | float):
            self._refuse("A size, a mode, and an mtime are needed.")
        self._writers.pop(path, None)
        await self._do(incoming.finish_incoming, path, partial, size=size, mode=mode, mtime=mtime)
        self.finish(json.dumps({"path": path}))


@stream_request_body
class DataHandler(_Handler):
    """A stretch of a file: GET from the session, PUT into it."""

    _incoming: incoming.Incoming | None = None

    async def prepare(self) -> None:
        """Check who asks before any of the body is taken, and make ready for it."""
        await super().prepare()
        if self._finished or self.request.method != "PUT":
            return
        if not self.current_user:
            self._refuse("Forbidden", 403)
        self._to = self._path()
        partial = incoming.name_partial(self._to, os.environ)
        at, total = self._number("at"), self._number("total")
        self._incoming = await self._do(incoming.Incoming, self._to, partial, at, total)
        self._writers[self._to] = self

    def data_received(self, chunk: bytes) -> None:
        """Write what has come."""
        if not self._incoming:
            return
        try:
            if self._writers.get(self._to) is not self:
                self._stop(f"Another copy to {self._to} has begun.")
            else:
                self._incoming.write(chunk)
        except OSError as error:
            self._stop(_describe(error))

    def _stop(self, sentence: str) -> None:
        """Refuse the rest of the body, while it still comes."""
        self._close()
        with contextlib.suppress(Finish):
            self._refuse(sentence)

    @authenticated
    async def put(self) -> None:
        """Answer once the whole stretch has come."""
        self._close()
        if not self._finished:
            self.finish("{}")

    @authenticated
    async def get(self) -> None:
        """Send a stretch of a file, as long as it is the `version` that was looked at."""
        path, at = self._path(), self._number("at")
        length = min(self._number("length"), LONGEST_STRETCH)
        found = await self._do(_look, path)
        if found["kind"] != "file":
            self._refuse(f"{path} is no file in the session.")
        if found["version"] != self.get_argument("version"):
            self._refuse(f"{path} has changed in the session.", 409, again=True)
        length = max(0, min(length, found["size"] - at))
        file = await self._do(open, path, "rb")
        with file:
            file.seek(at)
            self.set_header("Content-Type", "application/octet-stream")
            self.set_header("Content-Length", str(length))
            while length:
                data = await asyncio.to_thread(file.read, min(_BLOCK, length))
                if not data:
                    return _LOG.info("%s has become shorter while it was copied", path)
                length -= len(data)
                self.write(data)
                await self.flush()
        self.finish()
        return None

    def on_connection_close(self) -> None:
        """Keep what has come."""
        self._close()
        super().on_connection_close()

    def on_finish(self) -> None:
        """Leave nothing open."""
        self._close()
        super().on_finish()

    def _close(self) -> None:
        if self._incoming:
            self._incoming.close()
            self._incoming = None


def _look(path: str) -> dict[str, Any]:
    try:
        about = os.stat(path)
    except FileNotFoundError:
        return {"path": path, "kind": "none", "size": 0, "mode": 0, "mtime": 0, "version": ""}
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder"}
    return {
        "path": path,
        "kind": kinds.get(stat.S_IFMT(about.st_mode), "other"),
        "size": about.st_size,
        "mode": about.st_mode & 0o777,
        "mtime": about.st_mtime,
        "version": f"{about.st_ino}-{about.st_size}-{about.st_mtime_ns}",
    }


def _describe(error: OSError | ValueError) -> str:
    if not isinstance(error, OSError):
        return f"The session can't do this: {error}."
    where = f" ({error.filename})" if error.filename else ""
    return f"The session can't do this: {error.strerror or error}{where}."
