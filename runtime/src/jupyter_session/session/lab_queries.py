"""Questions to the Jupyter server whose answers count, asked so that a server that hangs delays nothing for long."""

from __future__ import annotations

import time
from typing import Any

from jupyter_session.jupyter.lab import Lab, LabError

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
        asked = time.monotonic()
        if asked < self._deaf_until:
            raise LabError("JupyterLab does not answer")
        try:
            return self._lab.request("GET", path, timeout=_PATIENCE)
        except LabError:
            if time.monotonic() - asked >= _PATIENCE:
                self._deaf_until = time.monotonic() + self._pause
            raise

    def sessions(self) -> Any:
        """Return Jupyter's list of sessions, which names the kernels; asking isn't activity. Raises LabError."""
        return self._lab.request("GET", "/api/sessions?no_track_activity=1", timeout=_QUICK)
