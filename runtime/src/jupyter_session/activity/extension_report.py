"""What our server extension has seen of JupyterLab's use, asked once for all sources that look at the same time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyter_session.jupyter.lab import LabError

#: Sends `GET path` to the Jupyter server and returns the JSON of its answer. Raises LabError if that fails.
Get = Callable[[str], Any]
#: Returns what the extension says at a time of the session's clock. Raises LabError if it doesn't answer.
Told = Callable[[float], Any]


class ExtensionReport:
    """Asks by `ask`, which raises LabError. Each answer has the parts that `jupyter.extension.report` names."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        self._ask_extension = ask
        self._asked_at: float | None = None
        self._answer: Any = None
        self._failed: LabError | None = None

    def part(self, name: str) -> Told:
        """Return what reads one part."""
        return lambda now: self._ask(now)[name]

    def _ask(self, now: float) -> Any:
        if now != self._asked_at:
            self._asked_at, self._answer, self._failed = now, None, None
            try:
                self._answer = self._ask_extension()
            except LabError as error:
                self._failed = error
        if self._failed:
            raise self._failed
        return self._answer
