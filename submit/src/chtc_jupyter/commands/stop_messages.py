"""The sentences of `stop`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chtc_condor.codes import JobStatus
from chtc_condor.notebook_look import Looked
from chtc_jupyter import messages
from chtc_jupyter.condor.job_ads import ACTIVE
from chtc_jupyter.condor.job_progress import JobProgress, Phase
from chtc_jupyter.condor.stopping import Inside
from chtc_jupyter.durations import format_duration
from chtc_jupyter.store import Record


def describe_stopping(inside: Inside, progress: JobProgress, *, removed: bool) -> str:
    """Return what `stop` waits for."""
    if progress.phase is Phase.ENDED:
        return "ended"
    if progress.returning:
        return "stopped; copying the notebooks back"
    if removed:
        return "removing it from the queue" if not progress.starts else "HTCondor removes it; waiting for its end"
    return {
        Inside.UNASKED: "the session is ending already",
        Inside.ASKED: "asking the session to stop",
        Inside.STOPPING: "stopping: the session ends its kernels and saves the notebooks",
        Inside.STOPPED: "stopped; waiting for HTCondor to copy the notebooks back",
        Inside.REFUSED: "the session can't be asked; looking whether it ends by itself",
        Inside.FORBIDDEN: "the session can't be asked; looking whether it ends by itself",
    }[inside]


def describe_removal(job: str, inside: Inside, progress: JobProgress, refusal: str) -> str:
    """Return why HTCondor removes a running job, and what that means."""
    if progress.phase is Phase.LOST:
        return (
            f"HTCondor has lost the connection to the machine of job {job}, so the job is removed: what was saved "
            "before is on the access point."
        )
    if inside is Inside.STOPPED:
        return (
            f"The session in job {job} has ended, but {messages.KEPT_ON_MACHINE}, so HTCondor removes the job, and "
            "copies back what the submit file says."
        )
    why = {
        Inside.FORBIDDEN: f"This pool doesn't allow ssh into job {job}",
        Inside.REFUSED: f"The session in job {job} can't be asked to stop ({refusal.rstrip('.')})",
        Inside.ASKED: f"The session in job {job} didn't answer",
        Inside.STOPPING: f"The session in job {job} doesn't end",
    }.get(inside, f"Job {job} goes on")
    return f"{why}, so HTCondor removes the job: it ends the session, and copies back what the submit file says."


def describe_unsaved_stop(job: str) -> str:
    """Return that a job can't be stopped without a loss."""
    return (
        f"This pool doesn't allow ssh into job {job}, and with its submit file nothing comes back from a job that is "
        "removed: choose File > Shut Down in JupyterLab, or use --force to remove the job and lose what isn't saved."
    )


def describe_unsaved_removal(job: str, ad: Mapping[str, Any], inside: Inside) -> str:
    """Return that a removal would lose files, and how the session can end without that."""
    if ad.get("JobStatus") not in ACTIVE:
        return (
            f"Job {job} doesn't run now, and what its session left is in HTCondor's spool, which goes with the job "
            f"(its submit file lacks `My.SpoolOnEvict = false`): let it run again (a job on hold, with "
            f"condor_release {job}), then run stop; or use --force to give those files up."
        )
    if inside is Inside.STOPPED:
        return (
            f"The session in job {job} has ended, but {messages.KEPT_ON_MACHINE}: end that login, and its files are "
            "copied back. With its submit file nothing comes back from a job that is removed; --force removes it, and "
            "loses what isn't saved."
        )
    why = "is suspended" if ad.get("JobStatus") == JobStatus.SUSPENDED else "can't be reached"
    why = "didn't end by itself" if inside in (Inside.ASKED, Inside.STOPPING) else why
    return (
        f"The session in job {job} {why}, and with its submit file nothing comes back from a job that is removed: "
        "try again later, or use --force to remove the job and lose what isn't saved."
    )


def describe_slow_stop(job: str, seconds: float) -> str:
    """Return that a job takes long to end."""
    return (
        f"Job {job} is stopped, but has not left the queue within {format_duration(seconds)}: it goes on ending "
        "without this command, and `chtc-jupyter list` shows when it has ended."
    )


def describe_left_stop(job: str, *, asked: bool) -> str:
    """Return what goes on after Ctrl-C."""
    if asked:
        return f"Job {job} goes on ending: `chtc-jupyter status {job}` says how it ended."
    return f"Job {job} was not stopped."


def describe_stop(job: str, record: Record | None, progress: JobProgress, looked: Looked | None, *, ran: bool) -> str:
    """Return how a job was stopped; of one that never ran there are no notebooks to speak of."""
    if not ran:
        return f"Job {job} was removed before it ran."
    return f"Job {job} has ended.{' ' + messages.describe_notebooks(record, progress, looked) if record else ''}"
