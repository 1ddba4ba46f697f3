"""What may hang is done in a thread of its own, so that nobody waits for it for longer than they want."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

_LOG = logging.getLogger(__name__)
_MOST = 20
_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class InBackground(Generic[_Arguments]):
    """Calls `do` in a thread, one call after another. While one hangs, the newest few wait."""

    def __init__(self, do: Callable[_Arguments, object]) -> None:
        self._do = do
        self._waiting: deque[Callable[[], object]] = deque(maxlen=_MOST)
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __call__(self, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
        """Call it soon."""
        with self._wake:
            self._waiting.append(lambda: self._do(*args, **kwargs))
            self._wake.notify()
        if self._thread.ident is None:
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._waiting)
                call = self._waiting.popleft()
            try:
                call()
            except Exception:  # noqa: BLE001 - the next one is called all the same
                _LOG.debug("a call in the background failed", exc_info=True)


def call_in_time(do: Callable[[], _Result], seconds: float) -> _Result:
    """Return what `do` returns, or raise what it raises. Raises TimeoutError if that takes too long; `do` goes on."""
    results: list[_Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(do())
        except BaseException as error:  # noqa: BLE001 - it is raised below
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError
    return results[0]
