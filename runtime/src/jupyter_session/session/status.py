"""The status of a session: one frozen value, which the supervisor replaces at each change."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jupyter_session.activity.sample import Sample
from jupyter_session.condor.attributes import End, State
from jupyter_session.condor.connection import Connection
from jupyter_session.idle.monitor import Finding


@dataclass(frozen=True, kw_only=True)
class SessionStatus:
    """What a session does, and what is known about its end.

    Times are in epoch seconds, except those of `samples` and `last_activity`, which are on the session's clock.
    `stop_at` is when the session ends if nothing changes, `earliest_stop_at` before which it can't end by itself, and
    `deadline` when it ends even if it is in use. `idle_timeout` is in seconds; `keep_alive_until` is set by `extend`.
    `idle_seconds` counts all starts of the job. `verdict` says why the session goes on, `receipt` what it used; both
    are sentences or empty.
    """

    state: State = State.STARTING
    reason: str = ""
    end: End | None = None
    connection: Connection | None = None
    verdict: str = ""
    receipt: str = ""
    stop_at: int | None = None
    earliest_stop_at: int | None = None
    keep_alive_until: int | None = None
    deadline: int | None = None
    idle_timeout: int | None = None
    idle_seconds: float = 0.0
    last_activity: float = 0.0
    samples: Sequence[Sample] = ()
    warnings: tuple[str, ...] = ()

    @property
    def has_ended(self) -> bool:
        """Whether this is the last status of the session."""
        return self.state in (State.STOPPED, State.FAILED)

    @property
    def published_stop_at(self) -> int | None:
        """When the session ends, as far as that is certain enough for the job ad.

        The end for inactivity counts only when it is near: before, it moves with every key pressed.
        """
        return {State.EXPIRING: self.stop_at, State.READY: self.deadline}.get(self.state)

    def after_look(self, finding: Finding, keep_alive_until: float | None, now: float) -> SessionStatus:
        """Return the status after a look at what works in the session; times are on its clock, which shows `now`."""
        verdict = finding.verdict
        kept = keep_alive_until is not None and keep_alive_until > now
        return replace(
            self,
            samples=finding.samples,
            idle_seconds=finding.idle_seconds,
            verdict=verdict.sentence,
            stop_at=to_epoch(verdict.stop_at, now),
            earliest_stop_at=to_epoch(verdict.earliest_stop_at, now),
            keep_alive_until=to_epoch(keep_alive_until, now) if kept else None,
            last_activity=verdict.last_activity,
        )

    def as_message(
        self,
        now: float,
        *,
        saving: Mapping[str, Any],
        packages: Mapping[str, Any],
        slot: Mapping[str, Any],
        problem: str,
    ) -> dict[str, Any]:
        """Return all that the user's commands show; the address in it has the token.

        `now` is on the session's clock, `saving` is the report of save-back, `packages` says where pip installs to,
        `slot` what the slot has, `problem` what can't be published.
        """
        connection = self.connection
        return {
            "state": self.state.value,
            "reason": self.reason,
            "verdict": self.verdict,
            "receipt": self.receipt,
            "stop_at": self.stop_at,
            "earliest_stop_at": self.earliest_stop_at,
            "keep_alive_until": self.keep_alive_until,
            "deadline": self.deadline,
            "idle_for": round(max(0.0, now - self.last_activity), 1),
            "port": connection.port if connection else None,
            "url": connection.secret_url if connection else None,
            "host": connection.host if connection else None,
            "job": connection.job if connection else None,
            "host_key": connection.host_key if connection else None,
            "connect": connection.connect_line if connection else None,
            "sources": [
                {
                    "source": sample.source,
                    "active": sample.active,
                    "detail": sample.detail,
                    "error": sample.error,
                    "idle_for": None if sample.last is None else round(now - sample.last, 1),
                    "since": None if sample.since is None else round(now - sample.since, 1),
                }
                for sample in self.samples
            ],
            "save": saving,
            "slot": slot,
            "packages": packages,
            "warnings": list(self.warnings),
            "problem": problem,
        }


def to_epoch(at: float | None, now: float) -> int | None:
    """Return a time of the session's clock, which shows `now`, as people's clocks will show it."""
    return None if at is None else round(time.time() + at - now)


def round_seconds(seconds: float | None) -> int | None:
    """Return whole seconds, or None."""
    return None if seconds is None else round(seconds)
