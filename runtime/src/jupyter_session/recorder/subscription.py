"""A subscription of our own to all that one kernel publishes."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import zmq
from jupyter_client.session import DELIM, Session

from jupyter_session.recorder.backlog import Parts

_LOG = logging.getLogger(__name__)
#: Messages that may wait for us before any is dropped, while the server is busy. ZeroMQ's default is 1000.
_MOST_WAITING = 100_000


#: What causes output, and what widgets say: the messages that a browser that was away must hear, too.
_CAUSES = frozenset({"execute_request", "comm_open", "comm_msg", "comm_close"})
# What a thread of an earlier cell prints belongs to the last request of all for ipykernel 7.4, whoever sent that.
_SILENT = frozenset(
    f"{name}_request" for name in ("kernel_info", "comm_info", "history", "is_complete", "complete", "inspect")
)
_OUTPUTS = frozenset({"stream", "display_data"})


@dataclass(frozen=True)
class Message:
    """A message of a kernel: its type, the request that caused it ("": unknown), what it says, its size in bytes."""

    kind: str
    request: str
    content: dict[str, Any] = field(repr=False)
    size: int


@dataclass(frozen=True)
class Cause:
    """What is known of a message without its content: its ID, its type, the kernel's session, and its request."""

    name: str
    kind: str
    session: str
    request: str
    is_kept: bool  # for browsers that are away
    is_stray: bool = False  # its request causes no output: it is from a thread, and names the last request of all


def read_cause(unpack: Callable[[bytes], Any], parts: Parts) -> Cause:
    """Return what is known of a message without its content. Raises an error if it isn't correct."""
    header, parent = unpack(parts[0]), unpack(parts[1]) or {}
    return Cause(
        name=str(header["msg_id"]),
        kind=str(header["msg_type"]),
        session=str(header.get("session", "")),
        request=str(parent.get("msg_id", "")),
        is_kept=parent.get("msg_type") in _CAUSES,
        is_stray=parent.get("msg_type") in _SILENT and header["msg_type"] in _OUTPUTS,
    )


def read_name(parts: Parts) -> str:
    """Return the ID of a message."""
    return str(json.loads(parts[0])["msg_id"])


def read_request(parts: Parts) -> str:
    """Return the ID of the request that caused a message."""
    return str((json.loads(parts[1]) or {}).get("msg_id", ""))


def split_frames(frames: list[bytes]) -> list[bytes]:
    """Return the parts of a message that came by ZeroMQ, without its signature. Raises ValueError if it isn't one."""
    return frames[frames.index(DELIM) + 2 :]


class Subscription:
    """Calls `hear` for each message, and `note` for each that `hear` returned True for; no error leaves it.

    `kernel` is jupyter_server's manager of one kernel. Raises an error if it isn't reached by ZeroMQ.
    """

    def __init__(self, kernel: Any, hear: Callable[[Cause, Parts], bool], note: Callable[[Message], None]) -> None:
        self._kernel = kernel
        self._hear = hear
        self._note = note
        self._session = Session(config=kernel.session.config, key=kernel.session.key)
        self._address = _find_address(kernel)
        usual = dict(kernel.context.sockopts)
        kernel.context.setsockopt(zmq.RCVHWM, _MOST_WAITING)  # of sockets that are made from now on
        try:
            self._stream = kernel.connect_iopub()
        finally:
            kernel.context.sockopts = usual
        self._stream.on_recv(self._take)

    def is_current(self) -> bool:
        """Return whether the kernel still publishes there: one that restarts by itself may do so elsewhere."""
        return not self._stream.closed() and self._address == _find_address(self._kernel)

    def close(self) -> None:
        """End it."""
        if not self._stream.closed():
            self._stream.close(linger=0)

    def _take(self, frames: list[bytes]) -> None:
        try:
            parts = split_frames(frames)
            cause = read_cause(self._session.unpack, parts)
            if self._hear(cause, parts):
                size = sum(len(frame) for frame in frames)
                request = "" if cause.is_stray else cause.request
                self._note(Message(cause.kind, request, self._session.unpack(parts[3]), size))
        except Exception:  # noqa: BLE001 - a message that isn't correct
            _LOG.warning("A message of a kernel is not recorded.", exc_info=True)


def _find_address(kernel: Any) -> tuple[str, str, int]:
    return (str(kernel.transport), str(kernel.ip), int(kernel.iopub_port))
