"""The supervisor's end of the control socket. It never blocks: neither a slow client nor a deaf one stops the loop."""

from __future__ import annotations

import logging
import os
import socket
import struct
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from jupyter_session.control.protocol import MAX_REQUEST, Message, decode, encode
from jupyter_session.core.event_loop import Loop

_LOG = logging.getLogger(__name__)
#: Seconds for a whole request, however it arrives.
PATIENCE = 2.0
#: Whoever sends one of these requests gets the status again at each change, until the session ends.
_STAYING = ("wait", "stop")

Verb = Callable[[Message], Message]


class ControlServer:
    """Listens on a 0600 socket in the session's private folder; only the session's own user, and root, are served.

    `status` returns the session's status, which answers every request. `verbs` maps a request to a function that gets
    the request and returns what to add to that.
    """

    def __init__(self, path: Path, loop: Loop, *, status: Callable[[], Message], verbs: Mapping[str, Verb]) -> None:
        self._path = path
        self._loop = loop
        self._status = status
        self._verbs: dict[str, Verb] = {"status": lambda _: {}, "wait": lambda _: {}, **verbs}
        self._staying: set[socket.socket] = set()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def listen(self) -> None:
        """Make the socket and serve it from now on."""
        mask = os.umask(0o177)
        try:
            self._socket.bind(str(self._path))
        finally:
            os.umask(mask)
        self._socket.setblocking(False)
        self._socket.listen(16)
        self._loop.watch(self._socket, self._accept)

    def send_status(self) -> None:
        """Send the status to all who wait for it."""
        for client in tuple(self._staying):
            if not _send(client, self._status()):
                self._drop(client)

    def close(self) -> None:
        """Hang up on everyone, and listen no longer."""
        for client in tuple(self._staying):
            self._drop(client)
        self._loop.forget(self._socket)
        self._socket.close()

    def _accept(self) -> None:
        try:
            client, _ = self._socket.accept()
        except OSError as error:
            _LOG.debug("a client has gone before it was accepted: %s", error)
            return
        client.setblocking(False)
        _pid, uid, _gid = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid not in (os.getuid(), 0):
            _LOG.warning("user %s is not allowed to use the control socket", uid)
            client.close()
            return
        _Request(client, self._loop, self._answer)

    def _answer(self, client: socket.socket, request: Message) -> None:
        name = request.get("verb")
        verb = self._verbs.get(name) if isinstance(name, str) else None
        _LOG.debug("request %r", name)
        answer = {**self._status(), **verb(request)} if verb else {"error": f"The session has no verb {name!r}."}
        if _send(client, answer) and verb and name in _STAYING:
            self._staying.add(client)
            self._loop.watch(client, lambda: self._drop(client))
        else:
            client.close()

    def _drop(self, client: socket.socket) -> None:
        self._staying.discard(client)
        self._loop.forget(client)
        client.close()


class _Request:
    """A request as it arrives: the whole of it within PATIENCE, or the client is dropped."""

    def __init__(self, client: socket.socket, loop: Loop, answer: Callable[[socket.socket, Message], None]) -> None:
        self._client = client
        self._loop = loop
        self._answer = answer
        self._data = b""
        self._timer = loop.call_at(time.monotonic() + PATIENCE, lambda: self._drop("it took too long"))
        loop.watch(client, self._read)

    def _read(self) -> None:
        try:
            part = self._client.recv(4096)
        except BlockingIOError:
            return
        except OSError as error:
            self._drop(str(error))
            return
        self._data += part
        if not part or len(self._data) > MAX_REQUEST:
            self._drop("not a line")
        elif self._data.endswith(b"\n"):
            try:
                request = decode(self._data)
            except ValueError as error:
                self._drop(str(error))
                return
            self._forget()
            self._answer(self._client, request)

    def _drop(self, why: str) -> None:
        _LOG.info("a request was dropped: %s", why)
        self._forget()
        self._client.close()

    def _forget(self) -> None:
        self._loop.cancel(self._timer)
        self._loop.forget(self._client)


def _send(client: socket.socket, message: Message) -> bool:
    """Send a message; return False if the client has gone or doesn't read."""
    line = encode(message)
    try:
        return client.send(line) == len(line)
    except OSError as error:
        _LOG.debug("a client can't be answered: %s", error)
        return False
