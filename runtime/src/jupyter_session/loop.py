"""What wakes the supervisor: signals, its server's end, its user's commands; or nothing, until it is time to look."""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol


class _HasDescriptor(Protocol):
    def fileno(self) -> int: ...


class Loop:
    """Waits for file descriptors and signals.

    `stop_wanted` is why the session is to end, or empty, and `stop_wanted_at` since when, on the monotonic clock.
    """

    def __init__(self) -> None:
        self.stop_wanted = ""
        self.stop_wanted_at: float | None = None
        self._selector = selectors.DefaultSelector()

    def watch_signals(self) -> None:
        """Take the signals that end a session for wishes to stop."""
        self._wakeup, wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wakeup)
        for number, words in _SIGNALS.items():
            signal.signal(number, lambda *_, words=words: self.want_stop(f"The session was ended by {words}."))
        self.watch(self._wakeup, lambda: os.read(self._wakeup, 64))

    def want_stop(self, reason: str) -> None:
        """End the session soon; the first reason is the one that counts."""
        if not self.stop_wanted:
            self.stop_wanted, self.stop_wanted_at = reason, time.monotonic()

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
