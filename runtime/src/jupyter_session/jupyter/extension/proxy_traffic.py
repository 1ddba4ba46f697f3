"""Traffic through jupyter-server-proxy: what in it shows a person at work in the page behind it.

An open page asks without anyone there: TensorBoard fetches the same paths again, RStudio waits in a POST for news, an
editor keeps its WebSocket alive by messages of a few bytes. So a request counts if the same (method, path, body) was
not made in the last hour; and a WebSocket's messages to the server count when they add up to more than keepalives do:
one key typed in VS Code sends some hundred bytes.
"""

from __future__ import annotations

import time
from collections import deque
from hashlib import blake2b
from typing import Any

#: Seconds after which a request that is made again is news.
REMEMBERED = 3600.0
#: Bytes to the server by WebSockets within `MINUTE` that take a person.
TYPED, MINUTE = 2048, 60.0
_LARGE = 1 << 20  # bytes of a body that is not compared: nobody polls with so much


class Traffic:
    """Knows when there was last a person, `at` (None: never), and by what, `what`. Times are seconds of one clock."""

    def __init__(self) -> None:
        self.at: float | None = None
        self.what: str | None = None
        self._asked: dict[tuple[str, str, bytes], float] = {}
        self._sent: deque[tuple[float, int]] = deque()

    def request(self, method: str, path: str, body: bytes, now: float) -> None:
        """Note a request; `path` is without the query."""
        asked = method, path, blake2b(body[:_LARGE], digest_size=16).digest()
        before = self._asked.pop(asked, None)
        self._asked[asked] = now  # the dict is in the order of the last request
        for oldest, at in list(self._asked.items()):
            if now - at <= REMEMBERED:
                break
            del self._asked[oldest]
        if before is None or now - before > REMEMBERED or len(body) > _LARGE:
            self.at, self.what = now, f"{method} {path}"

    def message(self, path: str, size: int, now: float) -> None:
        """Note a message of `size` bytes from a page to the server."""
        self._sent.append((now, size))
        while now - self._sent[0][0] > MINUTE:
            self._sent.popleft()
        if sum(size for _, size in self._sent) > TYPED:
            self.at, self.what = now, f"WebSocket {path}"


class Observer:
    """Sees what jupyter-server-proxy relays; `lacks` says what it can't see, "" for nothing."""

    def __init__(self, traffic: Traffic) -> None:
        self.lacks = ""
        self._traffic = traffic
        self._handler: Any = ()
        try:
            from jupyter_server_proxy.handlers import ProxyHandler  # noqa: PLC0415 - an image may be without it

            relay = ProxyHandler.on_message
        except (ImportError, AttributeError) as error:
            self.lacks = f"jupyter-server-proxy can't be watched: {error}"
            return

        def on_message(handler: Any, message: str | bytes) -> Any:
            if not _is_left_out(handler):
                traffic.message(handler.request.path, len(message), time.time())
            return relay(handler, message)

        ProxyHandler.on_message = on_message
        self._handler = ProxyHandler

    def saw(self, handler: Any) -> None:
        """Note a request that was answered, if it was relayed. The opening of a WebSocket says nothing of a person."""
        if isinstance(handler, self._handler) and handler.get_status() not in range(100, 200):
            request = handler.request
            if handler.get_status() < 400 and not _is_left_out(handler):
                self._traffic.request(request.method, request.path, request.body or b"", time.time())


def _is_left_out(handler: Any) -> bool:
    """Say whether the configuration of a named server says itself that this is no activity."""
    if getattr(handler, "update_last_activity", True) is False:
        return True
    patterns = getattr(handler, "exclude_last_activity_patterns", None) or ()
    return any(pattern.match(handler.request.path) for pattern in patterns)
