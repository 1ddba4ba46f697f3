"""The times at which a session ends even if it is in use: the user's own limit, the job's, and the machine's."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from jupyter_session.idle.culler import Deadline
from jupyter_session.idle.machine_limits import Limit
from jupyter_session.units.durations import format_duration

#: Seconds before HTCondor would hold the job: time to end in order, so that the job completes instead.
#: HTCondor starts counting a little earlier than this program can.
MARGIN = 60.0
#: Seconds before the machine would end the job. A machine that ends it while its output is on the way loses the output.
MACHINE_MARGIN = 300.0


def _boot_time() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class _RealTimeLimit:
    at: float  # seconds of the boot clock
    length: float
    why: str


class Deadlines:
    """Knows the next deadline of a session.

    The user's `max_runtime` is on the session's clock, which stands still while the job is suspended. HTCondor's limits
    are in real time: they use the clock that also counts a machine's sleep and never jumps.
    """

    def __init__(
        self,
        max_runtime: float | None,
        warning: float,
        job_ad: Mapping[str, object],
        limits: Sequence[Limit] = (),
        *,
        clock: Callable[[], float] = _boot_time,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._max_runtime = max_runtime
        self._warning = warning
        self._clock = clock
        self._limits = [limit for name in _LIMITS if (limit := _limit(name, job_ad, clock(), wall()))]
        self._limits += [_convert(limit, clock(), wall()) for limit in limits]

    def next(self, now: float) -> Deadline | None:
        """Return the earliest deadline in seconds of the session's clock, which shows `now`; None if there is none."""
        found = []
        if self._max_runtime is not None:
            why = f"--max-runtime is {format_duration(self._max_runtime)}"
            found.append(Deadline(at=self._max_runtime, warning=self._warn(self._max_runtime), why=why))
        found += [
            Deadline(at=now + limit.at - self._clock(), warning=self._warn(limit.length), why=limit.why)
            for limit in self._limits
        ]
        return min(found, key=lambda deadline: deadline.at, default=None)

    def _warn(self, length: float) -> float:
        return min(self._warning, length / 2)


#: When each limit of the job ad starts to count: allowed_job_duration when the job starts, with its transfer, and
#: allowed_execute_duration when its program starts, which is about when this one starts.
#: https://htcondor.readthedocs.io/en/latest/man-pages/condor_submit.html
_LIMITS = {
    "allowed_job_duration": ("allowedjobduration", "jobcurrentstartdate"),
    "allowed_execute_duration": ("allowedexecuteduration", None),
}


def _limit(name: str, job_ad: Mapping[str, object], clock: float, wall: float) -> _RealTimeLimit | None:
    limit, start = _LIMITS[name]
    seconds = job_ad.get(limit)
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    began = job_ad.get(start) if start else None
    # The clocks are on two machines: ignore what can't be true.
    used = max(0.0, wall - began) if isinstance(began, (int, float)) and wall - began < seconds else 0.0
    length = seconds - used
    at = clock + length - min(MARGIN, length / 4)
    return _RealTimeLimit(at, length, f"{name} in the submit file is {format_duration(seconds)}")


def _convert(limit: Limit, clock: float, wall: float) -> _RealTimeLimit:
    length = limit.at - wall
    return _RealTimeLimit(clock + length - min(MACHINE_MARGIN, length / 4), length, limit.why)
