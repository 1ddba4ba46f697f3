"""What wakes the supervisor: signals, its server's end, its user's commands; or nothing, until it is time to look."""

from __future__ import annotations

import functools
import os
import selectors
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Protocol

from jupyter_session.condor.contract import End, Ending


class _HasDescriptor(Protocol):
    def fileno(self) -> int: ...


class Loop:
    """Waits for file descriptors and signals.

    `ending` is how the session is to end, if it is to, and `stop_wanted_at` since when, on the monotonic clock.
    """

    def __init__(self) -> None:
        self.ending: Ending | None = None
        self.stop_wanted_at: float | None = None
        self._selector = selectors.DefaultSelector()

    def watch_signals(self) -> None:
        """Take the signals that end a session for wishes to stop."""
        self._wakeup, wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wakeup)
        for number, words in _SIGNALS.items():
            signal.signal(number, functools.partial(self._heard, words))
        self.watch(self._wakeup, lambda: os.read(self._wakeup, 64))

    def want_stop(self, ending: Ending) -> None:
        """End the session soon; the first that wants it is the one that counts."""
        if not self.ending:
            self.ending, self.stop_wanted_at = ending, time.monotonic()

    def _heard(self, words: str, _number: int, _frame: FrameType | None) -> None:
        self.want_stop(Ending(End.SIGNAL, f"The session was ended by {words}."))

    def watch(self, descriptor: int | _HasDescriptor, heard: Callable[[], object]) -> None:
        """Call `heard` whenever there is something to read."""
        self._selector.register(descriptor, selectors.EVENT_READ, heard)

    def forget(self, descriptor: int | _HasDescriptor) -> None:
        """Wait for it no longer; nothing happens if nobody did."""
        with suppress(KeyError):
            self._selector.unregister(descriptor)

    def turn(self, timeout: float) -> None:
        """Wait for something to happen, at most `timeout` seconds, and handle it."""
        for key, _ in self._selector.select(max(0.0, timeout)):
            key.data()


_SIGNALS = {
    signal.SIGTERM: "SIGTERM: removed, held, vacated or stopped by HTCondor",
    signal.SIGINT: "Ctrl-C",
    signal.SIGHUP: "SIGHUP: its terminal was closed",
}
