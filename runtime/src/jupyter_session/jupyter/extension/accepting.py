"""Accept connections calmly when there are too many of them.

Without a free file descriptor, tornado 6.6 raises in each turn of its loop, and each time the log grows by a traceback:
another user of the machine who opens a thousand connections would fill the disk of the job.
"""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Iterable
from typing import Any

from tornado.ioloop import IOLoop

_LOG = logging.getLogger(__name__)
#: Seconds without looking for new connections when there is no descriptor left for one.
_PAUSE = 1.0
_NONE_LEFT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class PatientListener:
    """A socket that listens, as tornado uses it; where it can't accept, it is left alone for a while."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._warned = False

    def fileno(self) -> int:
        """Return its descriptor."""
        return self._listener.fileno()

    def close(self) -> None:
        """Close it."""
        self._listener.close()

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection. Raises BlockingIOError if there is none, or none can be had now."""
        try:
            return self._listener.accept()
        except OSError as error:
            if error.errno not in _NONE_LEFT:
                raise
            if not self._warned:
                _LOG.warning("There are too many connections to this server: %s. New ones wait.", error)
            self._warned = True
            loop = IOLoop.current()
            loop.update_handler(self, 0)
            loop.call_later(_PAUSE, self._look_again, loop)
            raise BlockingIOError from None

    def _look_again(self, loop: IOLoop) -> None:
        if self.fileno() >= 0:
            loop.update_handler(self, IOLoop.READ)


def accept_patiently(server: Any) -> None:
    """Have a server of jupyter_server, which hasn't taken its port yet, accept in this way."""
    http_server = server.http_server
    add_sockets = http_server.add_sockets

    def add_patiently(sockets: Iterable[socket.socket]) -> None:
        add_sockets([PatientListener(listener) for listener in sockets])

    http_server.add_sockets = add_patiently
