"""The client's end of the control socket: how the user's commands ask the supervisor."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jupyter_session.control.protocol import Message, decode, encode
from jupyter_session.errors import SessionError

_LOG = logging.getLogger(__name__)


def connect(path: Path, verb: str, **details: Any) -> socket.socket:
    """Send a request to the supervisor; return the open connection. Raises SessionError if no session lives here."""
    _LOG.info("asking the session at %s: %s", path, verb)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        server.connect(str(path))
        server.sendall(encode({"verb": verb, **details}))
    except OSError as error:
        server.close()
        _LOG.debug("%s: %s", path, error)
        raise SessionError(
            "No session runs here. Use this command inside the job (condor_ssh_to_job JOB jupyter-session ...)."
        ) from None
    return server


def messages(server: socket.socket) -> Iterator[Message]:
    """Yield the supervisor's messages until it hangs up."""
    with server.makefile("rb", buffering=0) as lines:
        while True:
            try:
                line = lines.readline()
            except OSError as error:
                _LOG.debug("the connection to the supervisor broke: %s", error)
                return
            if not line.endswith(b"\n"):
                return
            yield decode(line)


def ask(path: Path, verb: str, **details: Any) -> Iterator[Message]:
    """Send a request and yield the messages that answer it. Raises SessionError if it is refused."""
    with connect(path, verb, **details) as server:
        for message in messages(server):
            if "error" in message:
                raise SessionError(message["error"])
            yield message
