"""The time that a session has for its end: whatever hangs then, the job exits before HTCondor kills it."""

from __future__ import annotations

import os
import signal
import time
from typing import NoReturn

from jupyter_session.condor.job_ad import Job

#: Seconds between SIGTERM and SIGKILL unless the job, or the machine, says otherwise.
#: https://htcondor.readthedocs.io/en/latest/man-pages/condor_submit.html (job_max_vacate_time)
_VACATE_TIME = 30.0
_MARGIN = 4.0  # for the container's own end
_LEAST = 2.0


class ShutdownDeadline:
    """So many seconds from `began` on, by the monotonic clock.

    Each step may take until a share of them is over; what it leaves is the next one's.
    A step that hangs nevertheless ends the process, with exit status `status`, once all of them are over.
    """

    def __init__(self, seconds: float, status: int, began: float | None = None) -> None:
        now = time.monotonic()
        self._began = now if began is None else began
        self._seconds = seconds

        def leave(*_: object) -> NoReturn:
            os._exit(status)  # no cleaning up: that is what may hang

        signal.signal(signal.SIGALRM, leave)
        signal.setitimer(signal.ITIMER_REAL, max(_LEAST, self._began + seconds - now))

    @classmethod
    def of(cls, job: Job | None, status: int, *, began: float | None = None) -> ShutdownDeadline:
        """Return what HTCondor grants this job, from `began` on, when it was told to end; or from now on."""
        granted = [_VACATE_TIME]
        if job:
            granted += [
                value
                for value in (job.attributes.get("jobmaxvacatetime"), job.machine.get("machinemaxvacatetime"))
                if isinstance(value, (int, float)) and not isinstance(value, bool)
            ]
        return cls(max(_LEAST, min(granted) - _MARGIN), status, began)

    def left(self, *, until: float) -> float:
        """Return the seconds that are left until the share `until` of the whole is over, at least 0."""
        return max(0.0, self._began + until * self._seconds - time.monotonic())
