"""Decide how a job is stopped, from what the queue, its log, and the session in it say."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from chtc_condor.codes import JobStatus
from chtc_jupyter.condor.job_ads import SESSION_ENDED
from chtc_jupyter.condor.job_progress import Phase

#: Seconds in which a session that is asked to stop has answered, and in which one that has ended leaves its machine.
_ANSWER, _LEAVE = 30.0, 60.0
#: Seconds that HTCondor grants a job for its end by default, and those after them in which it has gone.
_VACATE, _MARGIN = 30.0, 30.0


class Inside(enum.Enum):
    """What has become of the request to the session."""

    UNASKED = "unasked"
    ASKED = "asked"
    STOPPING = "stopping"
    STOPPED = "stopped"
    REFUSED = "refused"
    FORBIDDEN = "forbidden"


class Step(enum.Enum):
    """What to do next."""

    ASK = "ask the session to stop"
    WAIT = "wait"
    REMOVE = "have HTCondor remove the job"
    DONE = "the job has ended"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A job that is being stopped.

    `status` is its JobStatus, None once it has left the queue or has ended in it. `state` is what the session published
    last, maybe in an earlier run. `returning`: its files are on their way back. `restarted`: it has started again since
    the session was asked. `waited` is the seconds since the last step, `vacate_time` those that it has for its end.
    `asked_since`: the queue has been asked since the last step.
    """

    status: int | None
    state: str = ""
    phase: Phase = Phase.RUNNING
    returning: bool = False
    inside: Inside = Inside.UNASKED
    restarted: bool = False
    interactive: bool = False
    removed: bool = False
    waited: float = 0.0
    vacate_time: float | None = None
    asked_since: bool = False

    @property
    def ends(self) -> bool:
        """Whether the session ends or has ended, as it published itself."""
        return self.state in ("stopping", *SESSION_ENDED)

    @property
    def time_to_end(self) -> float:
        """Seconds within which a session that ends has left its machine."""
        return (_VACATE if self.vacate_time is None else self.vacate_time) + _MARGIN


def choose_step(seen: Seen) -> Step:
    """Return what to do next. A job whose files are on their way back is never removed: they would be lost."""
    if seen.status is None or seen.phase is Phase.ENDED:
        return Step.DONE
    if seen.removed or seen.status in (JobStatus.REMOVED, JobStatus.TRANSFERRING_OUTPUT):
        return Step.WAIT
    if seen.status != JobStatus.RUNNING or seen.restarted:
        return Step.REMOVE
    if seen.returning:
        return Step.WAIT
    match seen.inside:
        case Inside.UNASKED:
            lost = seen.phase is Phase.LOST
            return Step.WAIT if seen.ends and seen.waited < _LEAVE else Step.REMOVE if lost else Step.ASK
        case Inside.ASKED:
            return Step.WAIT if seen.waited < (seen.time_to_end if seen.ends else _ANSWER) else Step.REMOVE
        case Inside.STOPPING:
            return Step.WAIT if seen.waited < seen.time_to_end else Step.REMOVE
        case Inside.STOPPED:
            return Step.WAIT if seen.waited < _LEAVE and not seen.interactive else Step.REMOVE
        case Inside.REFUSED | Inside.FORBIDDEN:  # maybe because another command, or a person in it, ends it
            unknown = not seen.asked_since and seen.waited < _ANSWER
            return Step.WAIT if unknown or (seen.ends and seen.waited < seen.time_to_end) else Step.REMOVE
