"""Questions to the Jupyter server whose answers count, asked so that a server that hangs delays nothing for long."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from jupyter_session.jupyter.lab import Lab, LabError

_LOG = logging.getLogger(__name__)
_PATIENCE = 3.0  # seconds for an answer that counts; the supervisor handles no signal meanwhile
_QUICK = 1.0  # and for one that doesn't count much


class LabQueries:
    """Asks `lab`. When it hangs, it isn't asked again for `pause` seconds."""

    def __init__(self, lab: Lab, pause: float) -> None:
        self._lab = lab
        self._pause = pause
        self._deaf_until = 0.0  # on the monotonic clock

    def get(self, path: str) -> Any:
        """Return the answer to a GET request. Raises LabError if there is none."""
        return self._ask(lambda: self._lab.request("GET", path, timeout=_PATIENCE))

    def tell_use(self) -> Any:
        """Return what our server extension has seen of JupyterLab's use. Raises LabError if it doesn't tell."""
        return self._ask(lambda: self._lab.ask_extension(_PATIENCE))

    def _ask(self, ask: Callable[[], Any]) -> Any:
        asked = time.monotonic()
        if asked < self._deaf_until:
            raise LabError("JupyterLab does not answer")
        try:
            return ask()
        except LabError:
            if time.monotonic() - asked >= _PATIENCE:
                self._deaf_until = time.monotonic() + self._pause
            raise

    def sessions(self) -> Any:
        """Return Jupyter's list of sessions, which names the kernels; asking isn't activity. Raises LabError.

        If our extension follows a kernel, `execution_state` is what that says, because Jupyter's is often wrong.
        """
        found = self._lab.request("GET", "/api/sessions?no_track_activity=1", timeout=_QUICK)
        at_work = self._list_at_work()
        for session in found:
            kernel = session["kernel"]
            if at_work.get(kernel["id"]) is not None:
                kernel["execution_state"] = "busy" if at_work[kernel["id"]] else "idle"
        return found

    def _list_at_work(self) -> dict[str, bool | None]:
        try:
            told = self._lab.ask_extension(_QUICK)
        except LabError as error:
            _LOG.debug("the extension says nothing of kernels: %s", error)
            return {}
        return {kernel["id"]: kernel["at_work"] for kernel in told["kernels"] or ()}
