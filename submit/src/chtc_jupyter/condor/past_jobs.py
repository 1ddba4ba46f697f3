"""Jobs that have ended: those in HTCondor's history, and those that `leave_in_queue` keeps in the queue."""

from __future__ import annotations

import time

from chtc_condor.codes import JobStatus
from chtc_condor.notebook_look import clean
from chtc_condor.ownership import constrain
from chtc_jupyter.condor import job_ads
from chtc_jupyter.condor.job_ads import Ad
from chtc_jupyter.condor.job_progress import JobProgress, Phase

#: Entries of the history that are looked at, the newest first: a busy access point has millions.
_MOST = 20_000
#: Characters of a reason.
_LONGEST = 1000


def build_history_query(owner: str, condition: str) -> list[str]:
    """Return the command that finds the user's job that left the queue last and meets a condition."""
    return [
        "condor_history",
        *("-constraint", constrain(owner, condition)),
        *("-limit", "1", "-scanlimit", str(_MOST)),
        *("-json", "-attributes", job_ads.ATTRIBUTES),
    ]


def read_end(ad: Ad) -> JobProgress:
    """Return how a job ended, as its ad says it; the time is this machine's."""
    at = job_ads.get_number(ad, "CompletionDate") or job_ads.get_number(ad, "EnteredCurrentStatus")
    started = job_ads.get_number(ad, "JobCurrentStartDate")
    code = job_ads.get_number(ad, "ExitCode")
    starts = job_ads.get_number(ad, "NumJobStarts")
    removed = ad.get("JobStatus") == JobStatus.REMOVED
    return JobProgress(
        Phase.ENDED,
        at=time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at)) if at else "",
        state=_read_text(ad, "JupyterState"),
        reason=_read_text(ad, "JupyterReason"),
        why=_read_text(ad, "RemoveReason") if removed else "",
        starts=int(starts) if starts else int(started is not None),
        started=str(started) if started else "",
        exit_status=None if code is None or removed else int(code),
        removed=removed,
        was_ready=bool(ad.get("JupyterURL")),
    )


def _read_text(ad: Ad, name: str) -> str:
    """Return an attribute that the job itself may have set."""
    return clean(str(ad.get(name) or ""), _LONGEST)
