"""A warning that is given once for as long as its cause lasts."""

from __future__ import annotations

from collections.abc import Callable


class WarnOnce:
    """Calls `warn` when a cause appears, and not again before it has gone."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._warned = False

    def update(self, sentence: str) -> None:
        """Take in the warning that there is now; empty if there is none."""
        if sentence and not self._warned:
            self._warn(sentence)
        self._warned = bool(sentence)
