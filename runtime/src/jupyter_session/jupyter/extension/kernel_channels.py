"""The two channels that we have of our own to one process of a kernel: its status messages, and a shell to ask it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from jupyter_client.session import DELIM, Session
from zmq.eventloop.zmqstream import ZMQStream

from jupyter_session.jupyter.extension.kernel_work import Status

_LOG = logging.getLogger(__name__)
_ANSWER = "kernel_info_reply"
#: The kernels (`implementation`) that never answer on a shell on which a cell runs.
_SERIAL = frozenset({"ipython"})


class KernelChannels:
    """Calls `note_status` for each status message, and `note_answer` for each answer; no error leaves it.

    `kernel` is jupyter_server's manager of one kernel. Once a status message has shown its topic, only that topic is
    subscribed to: the kernel itself then keeps back all output, so that a flood of it costs nothing here and can't
    push an `idle` out of the queue. Raises TypeError, or another error, if the kernel isn't reached by ZeroMQ.
    """

    def __init__(self, kernel: Any, note_status: Callable[[Status], None], note_answer: Callable[[bool], None]) -> None:
        self._kernel = kernel
        self._note_status = note_status
        self._note_answer = note_answer
        self._session = Session(config=kernel.session.config, key=kernel.session.key)
        self._shell: Any = None
        self._topic = b""
        self._iopub = _expect_stream(kernel.connect_iopub())
        self._iopub.on_recv(self._take_status)

    def ask(self, shell: str | None) -> str:
        """Ask for the kernel's description, which changes nothing; return the request's ID."""
        if self._shell is None:
            self._shell = _expect_stream(self._kernel.connect_shell())
            self._shell.on_recv(self._take_answer)
        request = self._session.msg("kernel_info_request")
        if shell is not None:
            request["header"]["subshell_id"] = shell
        self._session.send(self._shell, request)
        return str(request["header"]["msg_id"])

    def hear_all(self) -> None:
        """Subscribe to all topics again, because the known one may be that of an older process."""
        self._listen(b"")

    def close(self) -> None:
        """Close both."""
        for stream in (self._iopub, self._shell):
            if stream is not None and not stream.closed():
                stream.close(linger=0)

    def _take_status(self, frames: list[bytes]) -> None:
        try:
            at = frames.index(DELIM)
            header, parent, _, content = frames[at + 2 : at + 6]
            if self._session.unpack(header)["msg_type"] != "status":
                return
            if at and frames[0].endswith(b"status"):
                self._listen(frames[0])
            cause = self._session.unpack(parent) or {}
            self._note_status(
                Status(
                    state=self._session.unpack(content)["execution_state"],
                    request=cause.get("msg_id", ""),
                    kind=cause.get("msg_type", ""),
                    shell=cause.get("subshell_id"),
                )
            )
        except Exception:  # noqa: BLE001 - a message that isn't correct
            _LOG.debug("a status message is passed over", exc_info=True)

    def _listen(self, topic: bytes) -> None:
        if topic != self._topic:
            self._iopub.socket.subscribe(topic)
            self._iopub.socket.unsubscribe(self._topic)
            self._topic = topic

    def _take_answer(self, frames: list[bytes]) -> None:
        try:
            _, message = self._session.feed_identities(frames)
            answer = self._session.deserialize(message)
            if answer["msg_type"] != _ANSWER:
                return
            # The answer "error" comes for a subshell that no longer exists.
            content = answer["content"]
            self._note_answer(content.get("status") == "error" or content.get("implementation") in _SERIAL)
        except Exception:  # noqa: BLE001 - a message that isn't correct
            _LOG.debug("an answer is passed over", exc_info=True)


def _expect_stream(channel: Any) -> Any:
    if not isinstance(channel, ZMQStream):
        raise TypeError(f"a channel is a {type(channel).__name__}, not a ZMQStream")
    return channel
