"""Let the recorder see which cells a browser runs, and tell the browser what it missed."""

from __future__ import annotations

import logging
from collections import deque
from typing import Any

from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1, serialize_msg_to_ws_v1
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from tornado.ioloop import IOLoop

from jupyter_session.recorder.backlog import Parts
from jupyter_session.recorder.followed import Followed
from jupyter_session.recorder.outgoing import Native, Outgoing
from jupyter_session.recorder.pages import ANSWERS
from jupyter_session.recorder.playback import make_message
from jupyter_session.recorder.recorder import Recorder
from jupyter_session.recorder.server_buffer import find_buffer
from jupyter_session.recorder.subscription import Cause, read_request

_LOG = logging.getLogger(__name__)
_V1 = "v1.kernel.websocket.jupyter.org"
#: The requests of our extension of JupyterLab's, which no kernel hears (runtime/labextension/src/recorder.ts).
_CATCH_UP, _SAVED, _FOLLOWS = "jupyter_session_catch_up", "jupyter_session_saved", "jupyter_session_follows"
#: Seconds that a page has to ask for what it missed. JupyterLab asks kernels nothing for 3 s if one is busy.
_PATIENCE = 10.0
_MOST_ANSWERED = 1000


def make_connection_class(usual: Any, recorder: Recorder) -> Any:
    """Return the class of the browsers' connections to kernels, `usual`, with the recorder in it.

    Raises TypeError if it isn't jupyter_server's own or based on it: the recorder can't see what passes there.
    """
    if not issubclass(usual, ZMQChannelsWebsocketConnection):
        raise TypeError(f"{usual.__name__} is not a connection that can be recorded")

    class RecordedConnection(usual):
        """A connection whose requests are noted."""

        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self._followed: Followed | None = None  # None while it isn't connected
            self._outgoing = Outgoing()
            self._answered: deque[str] = deque(maxlen=_MOST_ANSWERED)  # the requests whose answers passed here

        def connect(self) -> Any:
            """Connect the browser to the kernel."""
            try:
                self._followed = recorder.follow(self.kernel_id)
                IOLoop.current().add_callback(recorder.learn_paths)  # another notebook may use the kernel from now on
                self._followed.retire(self.session.session)
                is_back = self._followed.note_connected(self.session.session, self)
                if is_back and self.subprotocol == _V1:
                    self._outgoing.pause()
                    IOLoop.current().call_later(_PATIENCE, self._give_up)
            except Exception:  # noqa: BLE001 - nothing here may disturb Jupyter
                _LOG.warning("Kernel %s is not recorded.", self.kernel_id, exc_info=True)
            return super().connect()

        def disconnect(self) -> Any:
            """Note that the browser has gone."""
            try:
                answer = super().disconnect()
                self._discard_buffer()
                return answer
            finally:
                if self._followed is not None:
                    followed, self._followed = self._followed, None
                    followed.note_gone(self.session.session, self)

        def handle_incoming_message(self, incoming_msg: Any) -> None:
            """Pass a message of the browser's on to the kernel, unless it is for the recorder."""
            try:
                if (
                    self.subprotocol == _V1
                    and self._followed
                    and self._take(self._followed, *deserialize_msg_from_ws_v1(incoming_msg))
                ):
                    return
            except Exception:  # noqa: BLE001
                _LOG.warning("A request of a browser is not recorded.", exc_info=True)
            super().handle_incoming_message(incoming_msg)

        def handle_outgoing_message(self, stream: Any, outgoing_msg: list[Any]) -> None:
            """Pass a message of the kernel's on to the browser, unless it must wait, or has it already."""
            try:
                channel = stream if isinstance(stream, str) else getattr(stream, "channel", None)
                if channel in ANSWERS:
                    if self._followed is not None:
                        parts = self._split(outgoing_msg)
                        self._followed.note_answer(parts, self)
                        if channel == "shell":
                            self._answered.append(read_request(parts))
                elif channel == "iopub" and not self._outgoing.admit(stream, outgoing_msg, self._split):
                    return
            except Exception:  # noqa: BLE001
                _LOG.warning("A message to a browser is not recorded.", exc_info=True)
            super().handle_outgoing_message(stream, outgoing_msg)

        def send(self, channel: str, parts: Parts) -> None:
            """Send a message as if it were the kernel's."""
            try:
                self.write_message(serialize_msg_to_ws_v1(list(parts), channel), binary=True)
            except Exception:  # noqa: BLE001 - it has gone
                _LOG.debug("a message can't be sent", exc_info=True)

        def retire(self) -> None:
            """Leave the kernel to a newer connection of the same session, before the server sees that this one is dead.

            ZeroMQ knows both by the same name, and each takes it from the other: a request may be lost by that.
            """
            for stream in list(self.channels.values()):
                if not stream.closed():
                    stream.on_recv(None)
                    stream.close()
            self.channels.clear()

        def _discard_buffer(self) -> None:
            """Have the server keep nothing for the page if it would by channels of a connection that has left.

            It gives them to the page when that comes back, which then isn't connected (seed 23 of the walks).
            """
            kept = find_buffer(self.multi_kernel_manager, self.kernel_id)
            if not self.channels and kept.get("channels") is self.channels:
                self.multi_kernel_manager.stop_buffering(self.kernel_id)

        def relay(self, cause: Cause, parts: Parts) -> None:
            """Send what the recorder heard, if the connection's own channel doesn't bring it yet."""
            later = self._outgoing.relay(cause)
            if later is not None:
                self.send("iopub", parts)
                self._pass(later)

        def _split(self, frames: list[Any]) -> Parts:
            return list(self.session.feed_identities(frames)[1][1:])

        def _take(self, followed: Followed, channel: str, parts: list[bytes]) -> bool:
            """Note a message; return whether it was for the recorder alone."""
            if channel == "stdin":
                followed.note_input(self.session.unpack(parts[1]), self.session.unpack(parts[3]))
                return False
            if channel != "shell" or not (b"execute_request" in parts[0] or b"jupyter_session_" in parts[0]):
                return False
            header, metadata, content = (self.session.unpack(parts[at]) for at in (0, 2, 3))
            if header.get("msg_type") == _CATCH_UP:
                self._catch_up(followed, header, content)
                return True
            if header.get("msg_type") == _SAVED:
                followed.runs.note_saved_since([str(name) for name in content.get("requests", ())])
                self._answer(header, {"status": "ok"}, followed.runs.session)
                return True
            if header.get("msg_type") == "execute_request" and metadata.get(_FOLLOWS):
                self._follow(followed, str(header["msg_id"]))
                return True
            cell = metadata.get("cellId")
            if header.get("msg_type") == "execute_request" and cell and not content.get("silent"):
                recorder.note_request(self.kernel_id, header, str(cell), content["code"], self.session.session)
            return False

        def _catch_up(self, followed: Followed, header: dict[str, Any], content: dict[str, Any]) -> None:
            asker = self.session.session
            if self._outgoing.is_waiting:
                seen = [str(name) for name in content.get("seen", ())]
                missed, known, requests = followed.catch_up(asker, seen)
                for channel, parts in missed:
                    if channel != "shell" or read_request(parts) not in self._answered:
                        self.send(channel, parts)
                # The page may have heard of its kernel what the recorder has not heard yet.
                self._pass(self._outgoing.join({*known, *seen}, requests, self._split))
            followed.note_caught_up(asker)
            offers = followed.offer(asker) if content.get("opens") else {"runs": [], "again": False}
            self._answer(header, {"status": "ok", **offers}, followed.runs.session)

        def _answer(self, header: dict[str, Any], content: dict[str, Any], session: str) -> None:
            """Answer a request that is for the recorder, as a kernel would."""
            self.send("shell", make_message(f"{header['msg_type']}_reply", content, header, session))
            self.send("iopub", make_message("status", {"execution_state": "idle"}, header, session))

        def _follow(self, followed: Followed, request: str) -> None:
            told, known = followed.show(self.session.session, request)
            for channel, parts in told:
                self.send(channel, parts)
            self._pass(self._outgoing.join(known, [request], self._split))

        def _give_up(self) -> None:
            self._pass(self._outgoing.give_up())

        def _pass(self, messages: list[Native]) -> None:
            for stream, message in messages if self._followed is not None else ():
                super().handle_outgoing_message(stream, message)

    return RecordedConnection
