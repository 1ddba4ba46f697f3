"""The messages to one page: by its connection's own channel, or at first by the recorder's, but never by both."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from typing import Any

from jupyter_session.recorder.backlog import Parts
from jupyter_session.recorder.subscription import Cause, read_cause

#: Seconds in which what the page has may still come by the connection's own channel.
_LATEST = 60.0
Split = Callable[[list[Any]], Parts]
Native = tuple[Any, list[Any]]  # the channel and the message of a connection


class Outgoing:
    """Decides of each message on iopub by which way it comes.

    Three states: all pass; they wait until the page has said what it missed; or the connection *joins*: the recorder
    passes on what it hears, until the connection's own channel is seen to bring the same. ZeroMQ drops what is sent
    before a subscription has reached the kernel, and jupyter_server doesn't wait for that if the kernel is busy.
    """

    def __init__(self) -> None:
        self._waiting: list[Native] | None = None
        self._is_joining = False
        self._requests: set[str] | None = set()  # whose messages are concerned, None for all
        self._has: set[str] = set()  # the messages that the page has, by another way
        self._early: dict[str, Native] = {}  # came by the connection's own channel before the recorder heard them
        self._until = 0.0

    @property
    def is_waiting(self) -> bool:
        """Whether messages wait."""
        return self._waiting is not None

    def pause(self) -> None:
        """Have messages wait from now on."""
        self._waiting = self._waiting or []

    def give_up(self) -> list[Native]:
        """Let all pass; return what has waited."""
        waiting, self._waiting = self._waiting or [], None
        return waiting

    def join(self, known: Collection[str], requests: Collection[str] | None, split: Split) -> list[Native]:
        """Join, for a page that has the messages `known` of some requests, or of all; return what can pass now."""
        self._requests = None if requests is None or self._requests is None else self._requests | set(requests)
        self._has |= set(known)
        self._is_joining = True
        return [(stream, message) for stream, message in self.give_up() if self.admit(stream, message, split)]

    def admit(self, stream: Any, message: list[Any], split: Split) -> bool:
        """Return whether a message of the connection's own channel passes."""
        if self._waiting is None and not self._is_joining and not self._has:
            return True
        cause = read_cause(json.loads, split(message))
        if self._waiting is not None:
            if cause.is_kept:
                self._waiting.append((stream, message))
            return not cause.is_kept
        if not self._concerns(cause):
            return True
        if self._is_joining:
            if cause.name in self._has:
                self._end_joining()
            else:
                self._early[cause.name] = (stream, message)
            return False
        if time.monotonic() > self._until:
            self._has.clear()
            self._requests = set()
        return cause.name not in self._has

    def relay(self, cause: Cause) -> list[Native] | None:
        """Return None if a message that the recorder heard is there or comes by itself, else what passes after it."""
        if not self._is_joining or not self._concerns(cause) or cause.name in self._has:
            return None
        self._has.add(cause.name)
        if cause.name not in self._early:
            return []
        names = list(self._early)
        later = [self._early[name] for name in names[names.index(cause.name) + 1 :] if name not in self._has]
        self._end_joining()
        return later

    def _concerns(self, cause: Cause) -> bool:
        return cause.is_kept and (self._requests is None or cause.request in self._requests)

    def _end_joining(self) -> None:
        self._is_joining = False
        self._early.clear()
        self._until = time.monotonic() + _LATEST
