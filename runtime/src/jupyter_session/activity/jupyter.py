"""What Jupyter itself knows of its use: kernels, terminals, requests."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from jupyter_session.activity import Sample

#: Sends `GET path` to the Jupyter server and returns the JSON of its answer; LabError if that fails.
Get = Callable[[str], Any]


class _Polled:
    """A source that asks Jupyter, and takes every change of what it is told for activity.

    Jupyter's own times are on the wall clock, which can jump; that they changed is certain.
    """

    name: str
    path: str

    def __init__(self, get: Get) -> None:
        self._get = get
        self._seen: Hashable = None
        self._last: float | None = None

    def sample(self, now: float) -> Sample:
        """Ask Jupyter once; LabError, or another error, when it does not answer as it should."""
        active, seen, detail = self.read(self._get(self.path))
        if active or (seen != self._seen and bool(seen)):
            self._last = now
        self._seen = seen
        return Sample(source=self.name, active=active, last=self._last, detail=detail)

    def read(self, answer: Any) -> tuple[bool, Hashable, str]:
        """Return whether it is active now, what must stay the same while it is not, and a few words."""
        raise NotImplementedError


class Kernels(_Polled):
    """Kernels: one that is busy, however silent, or that sent a message."""

    name = "kernels"
    path = "/api/kernels?no_track_activity=1"

    def read(self, answer: Any) -> tuple[bool, Hashable, str]:
        """Read `GET /api/kernels`."""
        busy = [kernel["name"] for kernel in answer if kernel["execution_state"] == "busy"]
        seen = frozenset((kernel["id"], kernel["last_activity"]) for kernel in answer)
        detail = f"{len(busy)} busy, {len(answer) - len(busy)} idle" if answer else "none"
        return bool(busy), seen, detail


class Terminals(_Polled):
    """Jupyter's terminals: someone types, or a program prints."""

    name = "terminals"
    path = "/api/terminals?no_track_activity=1"

    def read(self, answer: Any) -> tuple[bool, Hashable, str]:
        """Read `GET /api/terminals`."""
        seen = frozenset((terminal["name"], terminal["last_activity"]) for terminal in answer)
        return False, seen, f"{len(answer)} open" if answer else "none"


class Requests(_Polled):
    """Requests that take a person: opening, saving, creating; not an open tab's polling."""

    name = "requests"
    path = "/jupyter-session/requests?no_track_activity=1"

    def read(self, answer: Any) -> tuple[bool, Hashable, str]:
        """Read our server extension's answer."""
        return False, answer["at"], answer["what"] or "none yet"
