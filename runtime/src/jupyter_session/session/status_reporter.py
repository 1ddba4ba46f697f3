"""What a session says of itself: to the job ad and the event log, to open tunnels, to the job's output."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from jupyter_session.activity import Sample
from jupyter_session.condor import contract
from jupyter_session.condor.contract import Account, Connection, End, State
from jupyter_session.condor.publisher import JobAdPublisher

_MOST_WARNINGS = 20


class StatusReporter:
    """The session as others see it. `tell` is called at each change of state; `now` is the session's clock.

    `notify` shows a sentence to the person who is there, with the epoch second at which the session ends, or None.
    """

    def __init__(self, publisher: JobAdPublisher, now: Callable[[], float]) -> None:
        self._publisher = publisher
        self._now = now
        self.tell: Callable[[], None] = lambda: None
        self.notify: Callable[[str, int | None], None] = lambda _sentence, _stop_at: None
        self.warnings: deque[str] = deque(maxlen=_MOST_WARNINGS)
        self.connection: Connection | None = None
        self.state = State.STARTING
        self.reason = ""
        self.verdict = ""
        self.receipt = ""
        self.stop_at: int | None = None
        self.deadline: int | None = None
        self.idle_seconds = 0.0
        self.samples: Sequence[Sample] = ()
        self.saving: Callable[[], dict[str, Any]] = dict

    def enter(self, state: State, reason: str, *, quietly: bool = False, end: End | None = None) -> None:
        """Change the state, and tell everyone; with `quietly`, all but the job's output. `end` is how it ends."""
        self.state, self.reason = state, contract.one_line(reason)
        if not quietly:
            self.say(f"{state.value}: {self.reason}")
        # The idle stop only when it is near: before, it moves with every key pressed, and would be wrong in the ad.
        stop_at = {State.EXPIRING: self.stop_at, State.READY: self.deadline}.get(state)
        account = Account(idle_seconds=round(self.idle_seconds), deadline=self.deadline)
        values = contract.attributes(state, self.reason, stop_at, self.connection, end=end, account=account)
        files: dict[str, str | None] = {}
        if self.connection and self.connection.file_name:
            has_ended = state in (State.STOPPED, State.FAILED)
            files[self.connection.file_name] = None if has_ended else self.connection.as_json()
        self._publisher.publish(values, contract.render_event(values), files)
        self.tell()

    def warn(self, sentence: str) -> None:
        """Tell everyone something that needs to be known now, and that changes no state."""
        sentence = contract.one_line(sentence)
        self.warnings.append(sentence)
        self.say(sentence)
        self._publisher.publish({}, contract.render_warning(sentence))
        self.notify(sentence, None)

    def status(self) -> dict[str, Any]:
        """Return all that the user's commands show; the address in it has the token."""
        return {
            "state": self.state.value,
            "reason": self.reason,
            "verdict": self.verdict,
            "receipt": self.receipt,
            "stop_at": self.stop_at,
            "port": self.connection.port if self.connection else None,
            "url": self.connection.secret_url if self.connection else None,
            "host": self.connection.host if self.connection else None,
            "job": self.connection.job if self.connection else None,
            "sources": [
                {"source": s.source, "active": s.active, "detail": s.detail, "error": s.error,
                 "idle_for": None if s.last is None else round(self._now() - s.last, 1),
                 "since": None if s.since is None else round(self._now() - s.since, 1)}
                for s in self.samples
            ],
            "save": self.saving(),
            "problem": self._publisher.problem,
        }  # fmt: skip

    def say(self, line: str, *, to_stderr: bool = False) -> None:
        """Write a line into the job's output: never a secret, the file is readable by others on the access point."""
        with suppress(OSError):  # a disk that is full ends no session
            print(time.strftime("%Y-%m-%d %H:%M:%S"), line, flush=True)
            if to_stderr:
                print(f"jupyter-session: {line}", file=sys.stderr, flush=True)
