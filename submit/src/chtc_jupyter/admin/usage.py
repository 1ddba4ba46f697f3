"""What one job ad says of a session's use of the pool.

Whoever submits a job can write into its ad, so nothing in it is taken on trust.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from chtc_condor.codes import JobStatus
from chtc_jupyter.condor.job_ads import ACTIVE, Ad

#: What is asked of the queue and of the history.
ATTRIBUTES = (
    "Owner,JobStatus,JobStartDate,JobCurrentStartDate,ShadowBday,EnteredCurrentStatus,RemoteWallClockTime,"
    "RequestGPUs,GPUsProvisioned,ExitCode,ExitBySignal,RemoveReason,NumHoldsByReason,NumVacatesByReason,"
    "JupyterState,JupyterEnd,JupyterIdleSeconds,JupyterDeadline"
)
#: What a session in the queue can be doing.
STATES = ("queued", "starting", "ready", "expiring", "stopping", "suspended", "held")
#: What can end a session, or a start of it: the last two leave the job in the queue.
ENDS = ("idle stop", "deadline", "stopped", "removed", "ceiling", "failed", "other", "held", "evicted")
_STATES_OF_JOBS: Mapping[int, str] = {
    JobStatus.IDLE: "queued",
    JobStatus.HELD: "held",
    JobStatus.TRANSFERRING_OUTPUT: "stopping",
    JobStatus.SUSPENDED: "suspended",
}
_OWN_ENDS = {"idle": "idle stop", "deadline": "deadline", "user": "stopped"}
#: Reasons in NumVacatesByReason that are no evictions: https://htcondor.readthedocs.io/en/latest/codes-other-values/
#: A hold by a policy has the second; a start that was refused never ran.
_NO_EVICTIONS = ("JobRemoved", "ClaimDeactivated", "ActivationRefused")


@dataclass(frozen=True, kw_only=True)
class Usage:
    """A session of `user`; seconds are those of all its starts.

    `state` is what it does now, or None once it has left the queue. `gpus` are those that it holds now. `saved_seconds`
    are those for which an idle stop gave the slot back before the session would have had to end; None where there was
    no idle stop, or nothing would have ended it.
    """

    user: str
    state: str | None
    gpus: int = 0
    seconds: float = 0.0
    gpu_seconds: float = 0.0
    idle_seconds: float = 0.0
    saved_seconds: float | None = None
    ends: Mapping[str, int] = field(default_factory=Counter)


def read(ad: Ad, now: float, ceiling: float | None = None) -> Usage:
    """Read a job ad; `now` is the access point's clock, `ceiling` the most seconds that the pool lets a job run.

    A start counts from the moment at which HTCondor began with it, transfers included: the slot is taken for so long.
    """
    status = int(_number(ad, "JobStatus"))
    began = _number(ad, "ShadowBday") or _number(ad, "JobCurrentStartDate")
    running = max(0.0, now - began) if status in ACTIVE and began else 0.0
    seconds = _number(ad, "RemoteWallClockTime") + running
    gpus = int(_number(ad, "GPUsProvisioned") or _number(ad, "RequestGPUs"))
    ends = _ends(ad, status)
    return Usage(
        user=str(ad.get("Owner", "?")),
        state=_state(ad, status),
        gpus=gpus if status in ACTIVE else 0,
        seconds=seconds,
        gpu_seconds=gpus * seconds,
        idle_seconds=min(seconds, _number(ad, "JupyterIdleSeconds")),
        saved_seconds=_saved(ad, seconds, ceiling) if ends["idle stop"] else None,
        ends=ends,
    )


def _state(ad: Ad, status: int) -> str | None:
    told = ad.get("JupyterState")
    if status == JobStatus.RUNNING:
        return told if told in ("ready", "expiring") else "stopping" if told in ("stopping", "stopped") else "starting"
    return _STATES_OF_JOBS.get(status)


def _ends(ad: Ad, status: int) -> Counter[str]:
    ends = Counter[str]()
    holds, vacates = (_counts(ad, f"Num{what}ByReason") for what in ("Holds", "Vacates"))
    ends["held"] = int(any(holds.values()))  # a hold by a policy may be counted several times
    # A hold by a person is a vacate too, of the same name.
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
    """Return how much longer the session could have held its slot, idle: up to its own deadline, or the ceiling."""
    left = []
    if deadline := _number(ad, "JupyterDeadline"):
        left.append(deadline - _number(ad, "EnteredCurrentStatus"))
    if ceiling is not None:
        left.append(ceiling - seconds)
    return max(0.0, min(left)) if left else None


def _number(ad: Ad, name: str) -> float:
    """Return a number that is not negative and not beyond all measure; 0 for anything else."""
    value = ad.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return 0.0
    return float(value) if 0 <= value < 1e12 else 0.0


def _counts(ad: Ad, name: str) -> dict[str, int]:
    found = ad.get(name)
    return {why: int(_number(found, why)) for why in found} if isinstance(found, dict) else {}
