"""What the extension has seen of JupyterLab's use, for the supervisor."""

from __future__ import annotations

import json
import logging
import socket
from typing import Any

from tornado.netutil import add_accept_handler, bind_unix_socket

from jupyter_session.jupyter.extension.accepting import PatientListener
from jupyter_session.jupyter.extension.kernel_tracker import KernelTracker
from jupyter_session.jupyter.extension.person_requests import PersonRequests
from jupyter_session.jupyter.extension.proxy_traffic import Traffic

_LOG = logging.getLogger(__name__)
_PATIENCE = 1.0  # seconds; what is told of some kernels fits into the socket's buffer


class Report:
    """Tells what was seen of JupyterLab's use.

    `requests` is `{"at": epoch seconds or null, "what": "PUT /api/contents/a.ipynb"}`, the last request that needed a
    person. `proxy` is the same of pages behind the proxy, with `"lacks"`: what can't be seen, or "". `kernels` is as
    `GET /api/kernels` answers, with what `KernelTracker.report` adds; null if that can't be told.
    """

    def __init__(self, requests: PersonRequests, traffic: Traffic, kernels: KernelTracker) -> None:
        self._requests, self._traffic, self._kernels = requests, traffic, kernels

    def render(self) -> str:
        """Return all of it as JSON."""
        requests, traffic = self._requests, self._traffic
        return json.dumps(
            {
                "requests": {"at": requests.at, "what": requests.what},
                "proxy": {"at": traffic.at, "what": traffic.what, "lacks": traffic.lacks},
                "kernels": self._list_kernels(),
            }
        )

    def listen(self, path: str) -> None:
        """Send it to all who connect to a socket, which lies in the session's private folder.

        The supervisor asks every few seconds, and a request of HTTP takes several times as much of the processor.
        """
        try:
            listener = bind_unix_socket(path)
        except (OSError, ValueError) as error:
            _LOG.warning("The supervisor has to ask by HTTP, as %s can't be made: %s", path, error)
            return
        add_accept_handler(PatientListener(listener), self._send)

    def _send(self, connection: socket.socket, _address: object) -> None:
        with connection:
            connection.settimeout(_PATIENCE)
            try:
                connection.sendall(self.render().encode())
            except OSError as error:
                _LOG.debug("who asked has gone: %s", error)

    def _list_kernels(self) -> list[dict[str, Any]] | None:
        try:
            return self._kernels.report()
        except Exception:  # noqa: BLE001 - the rest can be told
            _LOG.warning("What the kernels do can't be told.", exc_info=True)
            return None
