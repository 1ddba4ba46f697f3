"""Traffic through jupyter-server-proxy, and what in it shows a person at work in the page behind the proxy.

An open page makes requests without anyone there: TensorBoard fetches the same paths again, RStudio waits in a POST for
news, and an editor keeps its WebSocket alive with messages of a few bytes. So a request counts if the same (method,
path, body) was not made in the last hour; and a WebSocket's messages to the server count if they add up to more than
keepalives do: one key typed in VS Code sends several hundred bytes.

A page's timer may send something new each time, such as the counter of Dash's Interval, or all of a page's state, as a
Streamlit page that reruns itself does. So nothing counts that comes in a rhythm (see `rhythm`).
"""

from __future__ import annotations

from collections import deque
from hashlib import blake2b

from jupyter_session.jupyter.extension.rhythm import Rhythms, drop_counters

#: Seconds after which a request that is made again is new.
REMEMBERED = 3600.0
#: Bytes to the server over WebSockets within `MINUTE` that need a person.
TYPED, MINUTE = 2048, 60.0
_LARGE = 1 << 20  # bytes of a body that is not compared: nobody polls with that much
_PLACE = 3  # parts of a path that name a server behind the proxy: /proxy/8050/
_SIMILAR = 64  # bytes by which two messages of a timer may differ


class Traffic:
    """Remembers when there was last a person, `at` (None: never), and `what` showed it. Times are seconds of one clock.

    `lacks` is what can't be seen, or "".
    """

    def __init__(self) -> None:
        self.at: float | None = None
        self.what: str | None = None
        self.lacks = ""
        self._asked: dict[tuple[str, str, bytes], float] = {}
        self._rhythms = Rhythms(REMEMBERED)
        self._sent: deque[tuple[float, int]] = deque()

    def note_request(self, method: str, path: str, body: bytes, now: float) -> None:
        """Note a request; `path` is without the query."""
        asked = method, path, blake2b(body[:_LARGE], digest_size=16).digest()
        before = self._asked.pop(asked, None)
        self._asked[asked] = now  # the dict is in the order of the last request
        for oldest, at in list(self._asked.items()):
            if now - at <= REMEMBERED:
                break
            del self._asked[oldest]
        is_large = len(body) > _LARGE
        is_new = before is None or now - before > REMEMBERED
        if is_large or (not self._is_in_rhythm(method, path, body, now) and is_new):
            self.at, self.what = now, f"{method} {path}"

    def _is_in_rhythm(self, method: str, path: str, body: bytes, now: float) -> bool:
        *place, rest = path.split("/", _PLACE)
        kind = blake2b(drop_counters(rest.encode()) + b"\0" + drop_counters(body), digest_size=16).digest()
        return self._rhythms.note((method, *place, kind), now)

    def note_message(self, path: str, size: int, now: float) -> None:
        """Note a message of `size` bytes from a page to the server."""
        is_timer = self._rhythms.note((path, size // _SIMILAR), now)
        self._sent.append((now, 0 if is_timer else size))
        while now - self._sent[0][0] > MINUTE:
            self._sent.popleft()
        if sum(size for _, size in self._sent) > TYPED:
            self.at, self.what = now, f"WebSocket {path}"

    def note_input(self, path: str, now: float) -> None:
        """Note a key or a movement of the pointer in a remote desktop."""
        self.at, self.what = now, f"remote desktop {path}"
