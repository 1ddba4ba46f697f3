"""What JupyterLab reports about its use: requests that need a person, and traffic through its proxy."""

from __future__ import annotations

from jupyter_session.activity.extension_report import Told
from jupyter_session.activity.sample import Sample


class _Reported:
    """A source that asks our server extension when something last happened, and what.

    Its times are on the wall clock, which can jump, so only their changes matter.
    """

    name: str
    nothing: str

    def __init__(self, told: Told) -> None:
        self._told = told
        self._at: float | None = None
        self._last: float | None = None

    def sample(self, now: float) -> Sample:
        """Ask once. Raises LabError, or another error, if the answer is not correct."""
        answer = self._told(now)
        if answer["at"] not in (None, self._at):
            self._at, self._last = answer["at"], now
        error = answer.get("lacks", "")
        return Sample(
            source=self.name, active=False, last=self._last, detail=answer["what"] or self.nothing, error=error
        )


class Requests(_Reported):
    """Requests that need a person, such as opening, saving, and creating; not an open tab's polling."""

    name = "requests"
    nothing = "none yet"


class Proxy(_Reported):
    """What a person does in a page behind jupyter-server-proxy; see `jupyter.extension.proxy_traffic`."""

    name = "proxy"
    nothing = "no traffic"
