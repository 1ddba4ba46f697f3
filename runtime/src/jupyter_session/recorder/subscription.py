"""A subscription of our own to all that one kernel publishes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import zmq
from jupyter_client.session import DELIM, Session

_LOG = logging.getLogger(__name__)
#: Messages that may wait for us before any is dropped, while the server is busy. ZeroMQ's default is 1000.
_MOST_WAITING = 100_000


@dataclass(frozen=True)
class Message:
    """A message of a kernel: its type, the request that caused it, what it says, and its size in bytes."""

    kind: str
    request: str
    content: dict[str, Any] = field(repr=False)
    size: int


class Subscription:
    """Calls `note` for each message that `wants` a request's ID; no error leaves it.

    `kernel` is jupyter_server's manager of one kernel. Raises an error if it isn't reached by ZeroMQ.
    """

    def __init__(self, kernel: Any, wants: Callable[[str, str], bool], note: Callable[[Message], None]) -> None:
        self._kernel = kernel
        self._wants = wants
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
            at = frames.index(DELIM)
            header, parent, _, content = frames[at + 2 : at + 6]
            kind = str(self._session.unpack(header)["msg_type"])
            request = str((self._session.unpack(parent) or {}).get("msg_id", ""))
            if self._wants(kind, request):
                size = sum(len(frame) for frame in frames)
                self._note(Message(kind, request, self._session.unpack(content), size))
        except Exception:  # noqa: BLE001 - a message that isn't correct
            _LOG.warning("A message of a kernel is not recorded.", exc_info=True)


def _find_address(kernel: Any) -> tuple[str, str, int]:
    return (str(kernel.transport), str(kernel.ip), int(kernel.iopub_port))
