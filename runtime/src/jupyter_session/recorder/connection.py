"""Let the recorder see which cells a browser runs, and whether it is connected."""

from __future__ import annotations

import logging
from typing import Any

from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from jupyter_session.recorder.recorder import Recorder

_LOG = logging.getLogger(__name__)
_V1 = "v1.kernel.websocket.jupyter.org"


def make_connection_class(usual: Any, recorder: Recorder) -> Any:
    """Return the class of the browsers' connections to kernels, `usual`, with the recorder in it.

    Raises TypeError if it isn't jupyter_server's own or based on it: the recorder can't see what passes there.
    """
    if not issubclass(usual, ZMQChannelsWebsocketConnection):
        raise TypeError(f"{usual.__name__} is not a connection that can be recorded")

    class RecordedConnection(usual):
        """A connection whose requests are noted."""

        _is_noted = False

        def connect(self) -> Any:
            """Connect the browser to the kernel."""
            try:
                recorder.note_connected(self.kernel_id, self.session.session)
                self._is_noted = True
            except Exception:  # noqa: BLE001 - nothing here may disturb Jupyter
                _LOG.warning("Kernel %s is not recorded.", self.kernel_id, exc_info=True)
            return super().connect()

        def disconnect(self) -> Any:
            """Note that the browser has gone."""
            if self._is_noted:
                self._is_noted = False
                recorder.note_gone(self.kernel_id, self.session.session)
            return super().disconnect()

        def handle_incoming_message(self, incoming_msg: Any) -> None:
            """Pass a message of the browser's on to the kernel."""
            try:
                self._note(incoming_msg)
            except Exception:  # noqa: BLE001
                _LOG.warning("A request of a browser is not recorded.", exc_info=True)
            super().handle_incoming_message(incoming_msg)

        def _note(self, incoming: Any) -> None:
            if self.subprotocol != _V1:
                return
            channel, parts = deserialize_msg_from_ws_v1(incoming)
            if channel != "shell" or b"execute_request" not in parts[0]:
                return
            header, metadata, content = (self.session.unpack(parts[at]) for at in (0, 2, 3))
            cell = metadata.get("cellId")
            if header.get("msg_type") == "execute_request" and cell and not content.get("silent"):
                asker = self.session.session
                recorder.note_request(self.kernel_id, header["msg_id"], str(cell), content["code"], asker)

    return RecordedConnection
