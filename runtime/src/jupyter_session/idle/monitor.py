"""Whether a session goes on: looks at what works in it, and decides by its policy, deadlines, and extension."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jupyter_session.activity.monitor import ActivityMonitor
from jupyter_session.activity.sample import Sample
from jupyter_session.idle.culler import Policy, Verdict, decide
from jupyter_session.idle.deadlines import Deadlines
from jupyter_session.idle.extension import Extension
from jupyter_session.idle.idle_time import IdleTime


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one look showed. `idle_seconds` counts all starts of the job."""

    samples: Sequence[Sample]
    verdict: Verdict
    idle_seconds: float


class IdleMonitor:
    """Looks after the use of one session that opened at `opened`, on the session's clock.

    `already` is how many seconds earlier starts of the job were idle.
    """

    def __init__(
        self,
        activity: ActivityMonitor,
        policy: Policy,
        deadlines: Deadlines,
        extension: Extension,
        *,
        opened: float,
        already: float,
    ) -> None:
        self._activity = activity
        self._policy = policy
        self._deadlines = deadlines
        self._extension = extension
        self._opened = opened
        self._idle = IdleTime(opened, already=already)

    def look(self, now: float) -> Finding:
        """Ask every source, and decide."""
        samples = self._activity.look(now)
        verdict = decide(
            samples,
            self._policy,
            started=self._opened,
            now=now,
            keep_alive_until=self._extension.until,
            deadline=self._deadlines.next(now),
        )
        return Finding(samples=samples, verdict=verdict, idle_seconds=self._idle.look(samples, now))
