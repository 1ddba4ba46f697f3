"""What the queue says of a job, for when its event log doesn't say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chtc_condor.codes import JobStatus
from chtc_jupyter.condor.ad_values import find_port
from chtc_jupyter.condor.job_progress import JobProgress, Phase

_PHASES = {
    JobStatus.IDLE: Phase.QUEUED,
    JobStatus.RUNNING: Phase.RUNNING,
    JobStatus.REMOVED: Phase.ENDED,
    JobStatus.COMPLETED: Phase.ENDED,
    JobStatus.HELD: Phase.HELD,
    JobStatus.TRANSFERRING_OUTPUT: Phase.STOPPING,
    JobStatus.SUSPENDED: Phase.SUSPENDED,
}
_STATES = {"starting": Phase.RUNNING, "ready": Phase.READY, "expiring": Phase.READY}
#: How far a job has come.
_ORDER = (Phase.QUEUED, Phase.TRANSFER, Phase.RUNNING, Phase.READY)


def read_ad(ad: Mapping[str, Any] | None) -> JobProgress:
    """Return where a job is by its ad; None is that of a job that has left the queue."""
    if ad is None:
        return JobProgress(Phase.ENDED, starts=1)
    phase = _PHASES.get(JobStatus(ad["JobStatus"]), Phase.QUEUED) if ad.get("JobStatus") in _PHASES else Phase.QUEUED
    state = str(ad.get("JupyterState", "")) if phase is Phase.RUNNING else ""
    port = find_port(ad.get("JupyterURL", ""))
    phase = _STATES.get(state, Phase.STOPPING) if state else phase
    if ad.get("JobStatus") == JobStatus.REMOVED and ad.get("RemoteHost"):  # its files are on their way back
        phase = Phase.STOPPING
    return JobProgress(
        phase,
        state=state,
        reason=str(ad.get("JupyterReason", "")) if state else "",
        why=str(ad.get("HoldReason") or ad.get("RemoveReason") or ""),
        hold_code=ad.get("HoldReasonCode") if phase is Phase.HELD else None,
        host=str(ad.get("JupyterHost") or str(ad.get("RemoteHost", "")).rpartition("@")[2]),
        port=port if phase is Phase.READY else None,
        starts=int(ad.get("NumJobStarts") or 0),
        started=str(ad.get("JobCurrentStartDate") or ""),
        removed=ad.get("JobStatus") == JobStatus.REMOVED,
        was_ready=phase is Phase.READY,
    )


def look_beyond(log: JobProgress, ad: Mapping[str, Any] | None) -> JobProgress | None:
    """Return what the queue knows of a job that its log doesn't say; None if the log says as much or more.

    While files are transferred to it, a job's ad says that it runs.
    """
    queue = read_ad(ad)
    if queue.phase is log.phase and (queue.state, queue.port) in ((log.state, log.port), ("", None)):
        return None
    if queue.phase is Phase.READY and queue.port is None:
        return None
    ahead = queue.phase in _ORDER and log.phase in _ORDER and _ORDER.index(queue.phase) > _ORDER.index(log.phase)
    past = queue.phase in (Phase.HELD, Phase.ENDED) and log.phase not in (Phase.HELD, Phase.ENDED)
    if not past and not ahead:
        return None
    # What a session has published is still in the ad while the next start waits for its files.
    if log.phase is Phase.TRANSFER and not past and (log.starts or not queue.state):
        return None
    return replace(
        queue,
        at=log.at,
        starts=max(queue.starts, log.starts),
        started=log.started or queue.started,
        host=queue.host or log.host,
        trouble=log.trouble,
        was_ready=log.was_ready or queue.was_ready,
    )
