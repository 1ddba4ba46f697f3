"""The session's control socket: how `status`, `stop` and `hold` talk to the supervisor. One JSON line a message."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jupyter_session.errors import SessionError

_MAX_LINE = 65536
_PATIENCE = 1.0

Message = Mapping[str, Any]


class ControlServer:
    """Listens on a 0600 socket in the session's private folder; only the session's own user is heard."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            self.socket.bind(str(path))
        finally:
            os.umask(mask)
        self.socket.listen(16)

    def accept(self) -> tuple[socket.socket, Message] | None:
        """Take one client and its request; None when it is a stranger or talks nonsense."""
        client, _ = self.socket.accept()
        client.settimeout(_PATIENCE)
        try:
            _pid, uid, _gid = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            if uid in (os.getuid(), 0):
                return client, _read(client)
        except (OSError, ValueError):
            pass
        client.close()
        return None


def send(client: socket.socket, message: Message) -> bool:
    """Send a message; False when the client has gone or does not read."""
    try:
        client.sendall(json.dumps(message).encode() + b"\n")
    except OSError:
        return False
    return True


def connect(path: Path, verb: str) -> socket.socket:
    """Send a request to the supervisor; SessionError when no session lives here."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        server.connect(str(path))
    except OSError:
        server.close()
        raise SessionError(
            "No session runs here: say it inside the job (condor_ssh_to_job JOB jupyter-session ...)."
        ) from None
    send(server, {"verb": verb})
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


def ask(path: Path, verb: str) -> Iterator[Message]:
    """Send a request and yield the messages that answer it."""
    with connect(path, verb) as server:
        yield from messages(server)


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
