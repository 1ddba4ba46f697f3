"""The time that a session has to shut down: even if a step hangs, the job exits before HTCondor kills it."""

from __future__ import annotations

import logging
import os
import signal
import time
from enum import Enum
from typing import NoReturn

from jupyter_session.condor.job_ad import Job

_LOG = logging.getLogger(__name__)
#: Seconds between SIGTERM and SIGKILL unless the job, or the machine, says otherwise.
#: https://htcondor.readthedocs.io/en/latest/man-pages/condor_submit.html (job_max_vacate_time)
_VACATE_TIME = 30.0
_MARGIN = 4.0  # for the container's own end
_LEAST = 2.0


class Step(Enum):
    """The shutdown schedule: each step, in order, with the share of the whole time at which it must be over.

    What a step leaves of its time is the next one's.
    """

    ASK_SERVER = 0.2  # JupyterLab answers the request to shut down
    SHUT_DOWN_SERVER = 0.45  # it ends with its kernels
    TERMINATE_SERVER = 0.53  # it ends on SIGTERM
    KILL_SERVER = 0.57  # it is gone after SIGKILL
    END_TMUX = 0.6  # tmux ends with its programs
    KEEP_PACKAGES = 0.75  # what pip has installed is packed
    SAVE = 0.85  # the last changes are saved on the access point
    CLEAR_WAY = 0.93  # what HTCondor can't carry is out of its way
    END_LOGINS = 0.96  # nobody is logged in any more
    PUBLISH = 1.0  # the job ad and the event log have the end


class ShutdownDeadline:
    """A number of seconds from `began` on, by the monotonic clock, which the steps of a shutdown share."""

    def __init__(self, seconds: float, began: float | None = None) -> None:
        self._began = time.monotonic() if began is None else began
        self._seconds = seconds

    @classmethod
    def of(cls, job: Job | None, *, began: float | None = None) -> ShutdownDeadline:
        """Return the time that HTCondor grants this job, from `began` on (now if None)."""
        granted = [_VACATE_TIME]
        if job:
            granted += [
                value
                for value in (job.attributes.get("jobmaxvacatetime"), job.machine.get("machinemaxvacatetime"))
                if isinstance(value, (int, float)) and not isinstance(value, bool)
            ]
        return cls(max(_LEAST, min(granted) - _MARGIN), began)

    def arm(self, status: int) -> None:
        """End the process with exit status `status` at the deadline, even if a step hangs then.

        Only for the supervisor: this uses the process's SIGALRM.
        """

        def leave(*_: object) -> NoReturn:
            os._exit(status)  # no cleanup: that is what may hang

        signal.signal(signal.SIGALRM, leave)
        left = max(_LEAST, self._began + self._seconds - time.monotonic())
        _LOG.debug("the process ends in %.1f s at the latest", left)
        signal.setitimer(signal.ITIMER_REAL, left)

    def left(self, step: Step) -> float:
        """Return the seconds that are left until `step` must be over, at least 0."""
        return max(0.0, self._began + step.value * self._seconds - time.monotonic())
