"""What wakes the supervisor: signals, its server's end, its user's commands, timers, or the time to look again."""

from __future__ import annotations

import functools
import logging
import os
import selectors
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Protocol

from jupyter_session.condor.attributes import End, Ending

_LOG = logging.getLogger(__name__)


class _HasDescriptor(Protocol):
    def fileno(self) -> int: ...


class Loop:
    """Waits for file descriptors, signals, and timers.

    `ending` is how the session is to end, if it is to, and `stop_wanted_at` since when, on the monotonic clock.
    """

    def __init__(self) -> None:
        self.ending: Ending | None = None
        self.stop_wanted_at: float | None = None
        self._selector = selectors.DefaultSelector()
        self._timers: dict[object, tuple[float, Callable[[], object]]] = {}

    def watch_signals(self) -> None:
        """Take the signals that end a session as requests to stop."""
        self._wakeup, wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wakeup)
        for number, reason in _REASONS.items():
            signal.signal(number, functools.partial(self._receive_signal, reason))
        self.watch(self._wakeup, lambda: os.read(self._wakeup, 64))

    def want_stop(self, ending: Ending) -> None:
        """End the session soon; the first reason counts."""
        if not self.ending:
            self.ending, self.stop_wanted_at = ending, time.monotonic()

    def _receive_signal(self, reason: str, _number: int, _frame: FrameType | None) -> None:
        self.want_stop(Ending(End.SIGNAL, reason))

    def watch(self, descriptor: int | _HasDescriptor, callback: Callable[[], object]) -> None:
        """Call `callback` whenever there is something to read."""
        self._selector.register(descriptor, selectors.EVENT_READ, callback)

    def forget(self, descriptor: int | _HasDescriptor) -> None:
        """Stop watching a descriptor; do nothing if it isn't watched."""
        try:
            self._selector.unregister(descriptor)
        except KeyError:
            _LOG.debug("descriptor %s was not watched", descriptor)

    def call_at(self, when: float, callback: Callable[[], object]) -> object:
        """Call `callback` once, when the monotonic clock reaches `when`; return a key for `cancel`."""
        key = object()
        self._timers[key] = when, callback
        return key

    def cancel(self, key: object) -> None:
        """Remove a timer; do nothing if it has run."""
        self._timers.pop(key, None)

    def turn(self, timeout: float) -> None:
        """Wait for something to happen, at most `timeout` seconds, and handle it."""
        if self._timers:
            timeout = min(timeout, min(when for when, _ in self._timers.values()) - time.monotonic())
        for key, _ in self._selector.select(max(0.0, timeout)):
            key.data()
        now = time.monotonic()
        for timer in [timer for timer, (when, _) in self._timers.items() if when <= now]:
            if found := self._timers.pop(timer, None):
                found[1]()


_REASONS = {
    signal.SIGTERM: "The job was removed, held, vacated, or stopped by HTCondor (SIGTERM).",
    signal.SIGINT: "The session was ended by Ctrl-C.",
    signal.SIGHUP: "The session's terminal was closed (SIGHUP).",
}
