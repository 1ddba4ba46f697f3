"""The session's control socket: how the user's commands talk to the supervisor. One JSON line a message."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jupyter_session.core.event_loop import Loop
from jupyter_session.errors import SessionError

_MAX_LINE = 65536
_PATIENCE = 1.0

Message = Mapping[str, Any]
Verb = Callable[[Message], Message]


class ControlServer:
    """Listens on a 0600 socket in the session's private folder; only the session's own user is heard.

    Every request is answered by the session's status. Who asks for one of `staying` is told each change from then on.
    """

    staying = ("wait", "stop")

    def __init__(self, path: Path, loop: Loop, status: Callable[[], Message]) -> None:
        self._loop = loop
        self._status = status
        self._verbs: dict[str, Verb] = {"status": lambda _: {}, "wait": lambda _: {}}
        self._staying: set[socket.socket] = set()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            self._socket.bind(str(path))
        finally:
            os.umask(mask)
        self._socket.listen(16)
        loop.watch(self._socket, self._serve)

    def offer(self, name: str, verb: Verb) -> None:
        """Answer requests `name` by `verb`: it gets the request and returns what is to be added to the status."""
        self._verbs[name] = verb

    def tell(self) -> None:
        """Send the status to all that stay."""
        for client in tuple(self._staying):
            if not _send(client, self._status()):
                self._drop(client)

    def _serve(self) -> None:
        client, _ = self._socket.accept()
        client.settimeout(_PATIENCE)
        try:
            _pid, uid, _gid = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            request = _read(client) if uid in (os.getuid(), 0) else None
        except (OSError, ValueError):
            request = None
        if request is None:
            client.close()
            return
        name = request.get("verb")
        verb = self._verbs.get(name) if isinstance(name, str) else None
        answer = {**self._status(), **verb(request)} if verb else {"error": f"The session does not know {name!r}."}
        _send(client, answer)
        if verb and name in self.staying:
            self._staying.add(client)
            self._loop.watch(client, lambda: self._drop(client))
        else:
            client.close()

    def _drop(self, client: socket.socket) -> None:
        self._staying.discard(client)
        self._loop.forget(client)
        client.close()


def connect(path: Path, verb: str, **details: Any) -> socket.socket:
    """Send a request to the supervisor; SessionError when no session lives here."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        server.connect(str(path))
    except OSError:
        server.close()
        raise SessionError(
            "No session runs here: say it inside the job (condor_ssh_to_job JOB jupyter-session ...)."
        ) from None
    _send(server, {"verb": verb, **details})
    return server


def messages(server: socket.socket) -> Iterator[Message]:
    """Yield the supervisor's messages until it hangs up."""
    with server.makefile("rb", buffering=0) as lines:
        while True:
            try:
                line = lines.readline()
            except OSError:
                return
            if not line.endswith(b"\n"):
                return
            yield json.loads(line)


def ask(path: Path, verb: str, **details: Any) -> Iterator[Message]:
    """Send a request and yield the messages that answer it; SessionError when it was refused."""
    with connect(path, verb, **details) as server:
        for message in messages(server):
            if "error" in message:
                raise SessionError(message["error"])
            yield message


def _send(client: socket.socket, message: Message) -> bool:
    """Send a message; False when the client has gone or does not read."""
    try:
        client.sendall(json.dumps(message).encode() + b"\n")
    except OSError:
        return False
    return True


def _read(client: socket.socket) -> Message:
    data = b""
    while not data.endswith(b"\n"):
        part = client.recv(4096)
        if not part or len(data) > _MAX_LINE:
            raise ValueError("not a line")
        data += part
    message = json.loads(data)
    if not isinstance(message, dict):
        raise ValueError("not an object")  # noqa: TRY004
    return message
