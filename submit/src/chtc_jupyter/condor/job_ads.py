"""Query job ads as `condor_q -json` prints them, and show them as rows of the list."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chtc_condor import suspension
from chtc_condor.codes import JobStatus
from chtc_condor.notebook_folder import find_folder
from chtc_condor.ownership import constrain, quote_string
from chtc_jupyter.condor import architecture
from chtc_jupyter.condor.ad_values import check_ad
from chtc_jupyter.errors import CondorError
from chtc_jupyter.json_text import load_json
from chtc_jupyter.store import Record

#: The attributes to query.
ATTRIBUTES = (
    "ClusterId,ProcId,Owner,JobStatus,QDate,JobCurrentStartDate,RemoteHost,RequestGPUs,RequestMemory,RequestCpus,"
    "RequestDisk,GPUsMinMemory,HoldReason,HoldReasonCode,Iwd,UserLog,Out,Err,TransferOutput,LastRejMatchReason,"
    "NumJobStarts,JobStartDate,InteractiveJob,WhenToTransferOutput,SpoolOnEvict,EnteredCurrentStatus,CompletionDate,ExitCode,"
    "RemoveReason,TransferInputSizeMB,JobMaxVacateTime,TransferOutputRemaps,PreserveRelativePaths,Arguments,Args,"
    "Environment,Requirements,JupyterNotebooks,WantIOProxy,"
    "JupyterName,JupyterState,JupyterReason,JupyterStopAt,JupyterDeadline,JupyterIdleTimeout,JupyterKeptUntil,"
    "JupyterHost,JupyterURL,JupyterConnect,JupyterEarlyEntry,JupyterStart"
)
#: Characters of what condor_q says when it fails.
_LONGEST_REASON = 300
#: The condition of what a session has said since its job started; an older image doesn't say which start it was.
OF_THIS_START = "(JupyterStart ?: JobCurrentStartDate) =?= JobCurrentStartDate"
#: The states of a session that has ended.
SESSION_ENDED = ("stopped", "failed")
#: The condition of a session.
SESSIONS = "JupyterName isnt undefined || JupyterState isnt undefined"
#: The condition of a job that has ended and that `leave_in_queue` keeps in the queue.
ENDED = f"JobStatus == {JobStatus.COMPLETED:d} || (JobStatus == {JobStatus.REMOVED:d} && RemoteHost is undefined)"
#: The condition of a session in the queue that has not ended.
PRESENT = f"({SESSIONS}) && !({ENDED})"
_STATES: Mapping[int, str] = {
    JobStatus.IDLE: "queued",
    JobStatus.RUNNING: "running",
    JobStatus.REMOVED: "removed",
    JobStatus.COMPLETED: "ended",
    JobStatus.HELD: "held",
    JobStatus.TRANSFERRING_OUTPUT: "ending",
    JobStatus.SUSPENDED: "suspended",
}
#: The job has a slot.
ACTIVE = (JobStatus.RUNNING, JobStatus.TRANSFERRING_OUTPUT, JobStatus.SUSPENDED)

Ad = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """A session in the list. Times are in seconds: `running` since its start, `stops` since 1970.

    `stops` is when the session ends if nothing changes, or at the latest; None if nothing would end it then. Once it
    isn't used, it ends after `idle_timeout` (None: it doesn't), but not before `kept_until`. `arch` is the one that the
    job asks for, if that is one.
    """

    name: str
    job: str
    state: str
    machine: str
    gpus: int
    running: int | None
    stops: int | None
    why: str
    idle_timeout: int | None = None
    kept_until: int | None = None
    arch: str = ""


def build_query(owner: str, condition: str) -> list[str]:
    """Return the command that queries a user's jobs that meet a condition."""
    return ["condor_q", "-constraint", constrain(owner, condition), "-json", "-attributes", ATTRIBUTES]


def build_removal(owner: str, job: str, condition: str = "") -> list[str]:
    """Return the command that removes a user's job: with a bare ID, a queue superuser would remove another user's.

    With a condition, the schedd removes it only if it meets that at that moment.
    """
    also = f" && ({condition})" if condition else ""
    return ["condor_rm", "-constraint", constrain(owner, match_job(job) + also)]


def match_job(job: str) -> str:
    """Return the condition of a job ID; a bare cluster stands for all of its jobs."""
    cluster, _, proc = job.partition(".")
    return f"ClusterId == {int(cluster)}" + (f" && ProcId == {int(proc)}" if proc else "")


def match_name(name: str) -> str:
    """Return the condition of the sessions with a name that haven't ended."""
    return f"JupyterName =?= {quote_string(name)} && !({ENDED})"


def parse_ads(answer: Mapping[str, Any]) -> list[Ad]:
    """Return the ads that a query printed. Raises CondorError if it failed, so that no job is taken for gone."""
    output = str(answer["out"]).strip()
    if answer["status"]:
        why = " ".join(str(answer["err"]).partition("Extra Info:")[0].split())[:_LONGEST_REASON]
        raise CondorError(
            f"The schedd doesn't answer ({why or 'condor_q gave no reason'}). Try again in a minute, or give the "
            "right access point with --ap."
        )
    try:
        found = list(load_json(output)) if output else []
    except (ValueError, TypeError):
        raise CondorError(f"condor_q printed {output[:80]!r} instead of JSON.") from None
    ads = [check_ad(ad) for ad in found if isinstance(ad, dict)]
    return [ad for ad in ads if "ClusterId" in ad and "ProcId" in ad]


def has_ended(ad: Ad) -> bool:
    """Return True if a job has ended and `leave_in_queue` keeps it in the queue."""
    status = ad.get("JobStatus")
    return status == JobStatus.COMPLETED or (status == JobStatus.REMOVED and not ad.get("RemoteHost"))


def is_running(ad: Ad) -> bool:
    """Return True if a job runs on a machine."""
    return bool(ad.get("JobStatus") == JobStatus.RUNNING)


def is_over(ad: Ad) -> bool:
    """Return True if a job runs whose session has ended: its files come back next, or somebody's login keeps it."""
    checked = check_ad(ad)  # without what an earlier start has left, if the image is new enough to say which it was
    return is_running(ad) and "JupyterStart" in checked and checked.get("JupyterState") in SESSION_ENDED


def get_number(ad: Ad, name: str) -> float | None:
    """Return an attribute that is a number, or None."""
    found = ad.get(name)
    return found if isinstance(found, (int, float)) and not isinstance(found, bool) else None


def get_job_id(ad: Ad) -> str:
    """Return a job's id."""
    return f"{ad['ClusterId']}.{ad['ProcId']}"


def build_row(ad: Ad, now: float) -> Row:
    """Return a job's row in the list; `now` is the access point's clock."""
    ad = check_ad(ad)
    status = int(ad.get("JobStatus", 0))
    active = status in ACTIVE
    own_state = str(ad.get("JupyterState", "")) if active else ""
    lives = active and own_state not in SESSION_ENDED
    if status == JobStatus.SUSPENDED and suspension.is_moment(ad, now):
        status = JobStatus.RUNNING
    started = ad.get("JobCurrentStartDate")
    wanted = architecture.list_wanted(str(ad.get("Requirements", "")))
    is_mute = status == JobStatus.RUNNING and not own_state and "JupyterName" in ad
    mute = f"it has announced nothing: `chtc-jupyter status {get_job_id(ad)}` asks it" if is_mute else ""
    return Row(
        str(ad.get("JupyterName", "-")),
        get_job_id(ad),
        own_state if status == JobStatus.RUNNING and own_state else _STATES.get(status, "?"),
        str(ad.get("JupyterHost") or str(ad.get("RemoteHost", "")).rpartition("@")[2]) if active else "",
        int(ad.get("RequestGPUs") or 0) if isinstance(ad.get("RequestGPUs", 0), int) else 0,
        max(0, round(now - started)) if active and isinstance(started, (int, float)) else None,
        next(
            (ad[name] for name in ("JupyterStopAt", "JupyterDeadline") if lives and isinstance(ad.get(name), int)),
            None,
        ),
        str(ad.get("HoldReason", "") if status == JobStatus.HELD else ad.get("JupyterReason", mute) if active else ""),
        _get_seconds(ad, "JupyterIdleTimeout") if active else None,
        _get_seconds(ad, "JupyterKeptUntil") if active else None,
        wanted[0] if len(wanted) == 1 else "",
    )


def _get_seconds(ad: Ad, name: str) -> int | None:
    found = get_number(ad, name)
    return None if found is None else round(found)


def build_ended_row(found: Record, how: str) -> Row:
    """Return the row of a session that has left the queue."""
    return Row(found.name, found.job, "ended", "", 0, None, None, how)


def build_record(ad: Ad, ap: str) -> Record | None:
    """Return how to follow a job in the queue; None if it has no event log."""
    return build_past_record(ad, ap) if ad.get("UserLog") else None


def build_past_record(ad: Ad, ap: str) -> Record:
    """Return where a job's files are, whether or not it has an event log."""
    ad = check_ad(ad)
    home, log = str(ad.get("Iwd", "")), str(ad.get("UserLog") or "")
    return Record(
        str(ad.get("JupyterName") or get_job_id(ad).removesuffix(".0")),
        ap,
        get_job_id(ad),
        posixpath.join(home, log) if log else "",
        posixpath.join(home, find_folder(ad)),
        early_entry=ad.get(suspension.ALLOWED) is True,
    )


def list_output(ad: Ad) -> list[str]:
    """Return the paths of a job's output and errors."""
    names = [str(ad.get(attribute) or "") for attribute in ("Out", "Err")]
    return [posixpath.join(str(ad.get("Iwd", "")), name) for name in names if name]


def select_jobs(found: Sequence[Ad], name: str | None) -> list[Ad]:
    """Return the jobs that a name or a job id stands for; all jobs without one."""
    if name is None:
        return list(found)
    return [ad for ad in found if name in (ad.get("JupyterName"), get_job_id(ad), get_job_id(ad).removesuffix(".0"))]
