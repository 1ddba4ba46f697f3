"""Read from a job ad what a session used of the pool.

Anyone who submits a job can write anything into its ad, so implausible values are ignored.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from chtc_condor import suspension
from chtc_condor.codes import JobStatus
from chtc_jupyter.condor.job_ads import ACTIVE, Ad

#: The attributes to query.
ATTRIBUTES = (
    "Owner,JobStatus,JobStartDate,JobCurrentStartDate,ShadowBday,EnteredCurrentStatus,RemoteWallClockTime,"
    "RequestGPUs,GPUsProvisioned,ExitCode,ExitBySignal,RemoveReason,NumHoldsByReason,NumVacatesByReason,"
    "JupyterState,JupyterEnd,JupyterIdleSeconds,JupyterDeadline,JupyterEarlyEntry,JupyterStart"
)
#: States of a session in the queue.
STATES = ("queued", "starting", "ready", "expiring", "stopping", "suspended", "held")
#: How a session, or one start of it, can end: the last two leave the job in the queue.
ENDS = ("idle stop", "deadline", "stopped", "removed", "ceiling", "failed", "other", "held", "evicted")
_STATES_OF_JOBS: Mapping[int, str] = {
    JobStatus.IDLE: "queued",
    JobStatus.HELD: "held",
    JobStatus.TRANSFERRING_OUTPUT: "stopping",
    JobStatus.SUSPENDED: "suspended",
}
_OWN_ENDS = {"idle": "idle stop", "deadline": "deadline", "user": "stopped"}
#: Reasons in NumVacatesByReason that are not evictions: https://htcondor.readthedocs.io/en/latest/codes-other-values/
#: ClaimDeactivated comes with a hold by a policy; a start that was refused never ran.
_NO_EVICTIONS = ("JobRemoved", "ClaimDeactivated", "ActivationRefused")


@dataclass(frozen=True, kw_only=True)
class Usage:
    """A session of `user`; seconds are those of all its starts.

    `state` is None once the session has left the queue. `gpus` is how many GPUs it has now. `saved_seconds` is the time
    from an idle stop until the session would have had to end; None if there was no idle stop, or no time limit.
    """

    user: str
    state: str | None
    gpus: int = 0
    seconds: float = 0.0
    gpu_seconds: float = 0.0
    idle_seconds: float = 0.0
    saved_seconds: float | None = None
    ends: Mapping[str, int] = field(default_factory=Counter)


def read_usage(ad: Ad, now: float, ceiling: float | None = None) -> Usage:
    """Read a job ad; `now` is the access point's clock, `ceiling` the longest time that a job may run in the pool.

    A start counts from the time when HTCondor began it, file transfer included: the slot is taken from then on.
    """
    status = int(_number(ad, "JobStatus"))
    began = _number(ad, "ShadowBday") or _number(ad, "JobCurrentStartDate")
    running = max(0.0, now - began) if status in ACTIVE and began else 0.0
    seconds = _number(ad, "RemoteWallClockTime") + running
    gpus = int(_number(ad, "GPUsProvisioned") or _number(ad, "RequestGPUs"))
    ends = _ends(ad, status)
    return Usage(
        user=str(ad.get("Owner", "?")),
        state=_state(ad, status, now),
        gpus=gpus if status in ACTIVE else 0,
        seconds=seconds,
        gpu_seconds=gpus * seconds,
        idle_seconds=min(seconds, _number(ad, "JupyterIdleSeconds")),
        saved_seconds=_saved(ad, seconds, ceiling) if ends["idle stop"] else None,
        ends=ends,
    )


def _state(ad: Ad, status: int, now: float) -> str | None:
    own_state = ad.get("JupyterState")
    if status == JobStatus.SUSPENDED and suspension.is_moment(ad, now):
        return "starting"
    if status == JobStatus.RUNNING:
        if own_state in ("ready", "expiring"):
            return str(own_state)
        return "stopping" if own_state in ("stopping", "stopped") else "starting"
    return _STATES_OF_JOBS.get(status)


def _ends(ad: Ad, status: int) -> Counter[str]:
    ends = Counter[str]()
    holds, vacates = (_counts(ad, f"Num{what}ByReason") for what in ("Holds", "Vacates"))
    ends["held"] = int(any(holds.values()))  # HTCondor may count a hold by a policy several times
    # HTCondor counts a hold by a person as a vacate of the same name, too.
    ends["evicted"] = sum(
        count for why, count in vacates.items() if why not in holds and not why.startswith(_NO_EVICTIONS)
    )
    if status == JobStatus.REMOVED:
        # A person's: "via condor_rm (by user alice)"; a policy's: "The system macro SYSTEM_PERIODIC_REMOVE ...".
        ends["removed" if "(by user " in str(ad.get("RemoveReason", "")) else "ceiling"] = 1
    elif status == JobStatus.COMPLETED:
        failed = ad.get("ExitCode") != 0 or ad.get("ExitBySignal") is True
        ends["failed" if failed else _OWN_ENDS.get(str(ad.get("JupyterEnd")), "other")] = 1
    return +ends


def _saved(ad: Ad, seconds: float, ceiling: float | None) -> float | None:
    """Return how much longer the session could have kept its slot, idle: until its own deadline, or the ceiling."""
    left = []
    if deadline := _number(ad, "JupyterDeadline"):
        left.append(deadline - _number(ad, "EnteredCurrentStatus"))
    if ceiling is not None:
        left.append(ceiling - seconds)
    return max(0.0, min(left)) if left else None


def _number(ad: Ad, name: str) -> float:
    """Return a plausible number, not negative and not huge; 0 for anything else."""
    value = ad.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return 0.0
    return float(value) if 0 <= value < 1e12 else 0.0


def _counts(ad: Ad, name: str) -> dict[str, int]:
    found = ad.get(name)
    return {why: int(_number(found, why)) for why in found} if isinstance(found, dict) else {}
