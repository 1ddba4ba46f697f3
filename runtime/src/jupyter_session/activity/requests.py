"""What Jupyter itself tells of its use: requests of a person, traffic through its proxy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyter_session.activity.sample import Sample

#: Sends `GET path` to the Jupyter server and returns the JSON of its answer; LabError if that fails.
Get = Callable[[str], Any]


class _Told:
    """A source that our server extension tells when something last happened, and what.

    Its times are on the wall clock, which can jump; that they changed is certain.
    """

    name: str
    path: str
    nothing: str

    def __init__(self, get: Get) -> None:
        self._get = get
        self._at: float | None = None
        self._last: float | None = None

    def sample(self, now: float) -> Sample:
        """Ask once; LabError, or another error, when the answer is not as it should be."""
        answer = self._get(self.path)
        if answer["at"] not in (None, self._at):
            self._at, self._last = answer["at"], now
        error = answer.get("lacks", "")
        return Sample(
            source=self.name, active=False, last=self._last, detail=answer["what"] or self.nothing, error=error
        )


class Requests(_Told):
    """Requests that take a person: opening, saving, creating; not an open tab's polling."""

    name = "requests"
    path = "/jupyter-session/requests?no_track_activity=1"
    nothing = "none yet"


class Proxy(_Told):
    """What a person does in a page behind jupyter-server-proxy; `proxy_traffic` says what is taken for that."""

    name = "proxy"
    path = "/jupyter-session/proxy?no_track_activity=1"
    nothing = "no traffic"
