"""What the launcher says of a wait that has become long: what it waits for, and until when."""

from __future__ import annotations

from chtc_jupyter import messages
from chtc_jupyter.condor.job_ads import SESSION_ENDED
from chtc_jupyter.condor.job_progress import JobProgress, Phase
from chtc_jupyter.store import Record

#: Seconds after which a wait is explained.
_LONG = 20
#: Of a job that runs and has announced nothing.
NOT_YET = "its program has not started the session yet"
MUTE = "it has announced nothing since its start: asking the job itself"


def describe_wait(record: Record, job: JobProgress, waited: float, *, tunnel: str, megabytes: object) -> str:
    """Return why a step takes so long, and what ends it; "" while it doesn't.

    `tunnel` is what the last attempt to open the tunnel printed, `megabytes` the size of what a job gets, if known.
    """
    if waited < _LONG:
        return ""
    size = f"{megabytes} MB" if isinstance(megabytes, int) and megabytes > 0 else "its files"
    return {
        Phase.TRANSFER: f"{size} go to the machine first, which takes minutes for a large image",
        Phase.RUNNING: (
            f"JupyterLab has 180 s to start; `chtc-jupyter logs {record.name} --supervisor` shows what happens"
        ),
        Phase.READY: _describe_tunnel(record, tunnel),
        Phase.STOPPING: (
            f"the session has ended, but {messages.KEPT_ON_MACHINE}: HTCondor waits for the end of such a login"
            if job.state in SESSION_ENDED and not job.returning
            else "HTCondor copies the notebooks back, which takes longer the larger they are"
        ),
        Phase.SUSPENDED: (
            "the machine continues it, or sends it back to the queue with the notebooks saved; "
            f"`chtc-jupyter stop {record.name}` ends it"
        ),
        Phase.LOST: "if HTCondor doesn't find it again within the job's lease (40 min by default), it starts anew",
    }.get(job.phase, "")


def describe_suspension(said: str) -> str:
    """Return that a job suspended for a moment isn't continued yet, by what HTCondor `said`; "" if that is empty."""
    return said and (
        f"it was suspended for a moment, to be reached sooner, and HTCondor hasn't continued it yet ({said[-200:]}). "
        "The access point goes on trying, also without this connection"
    )


def _describe_tunnel(record: Record, tunnel: str) -> str:
    said = " ".join(tunnel.split())[-200:]
    why = f"condor_ssh_to_job says: {said}" if said else "condor_ssh_to_job has no answer from the machine yet"
    return f"{why}. It is tried again; `chtc-jupyter doctor --ap {record.ap}` checks the way"


def describe_silent_session(record: Record, *, asked: bool) -> str:
    """Return that a session can't announce itself; `asked` if its submit file asks for chirp."""
    if asked:
        return (
            f"The machine of job {record.job} doesn't let jobs use chirp, HTCondor's channel to the access point. The "
            "session is opened all the same, but its notebooks are not saved while it runs: they come back at its end."
        )
    return (
        f"Job {record.job} is a session that can't announce itself: add `want_io_proxy = true` to its submit file. "
        "It is opened all the same, but its notebooks are not saved while it runs."
    )


def describe_foreign_job(record: Record, job: JobProgress, said: str) -> str:
    """Return that a job is no session of ours."""
    on = f" on {job.host}" if job.host else ""
    return (
        f"Job {record.job} runs{on}, but is no session: `jupyter-session` doesn't run in it "
        f"({' '.join(said.split())[-160:]}). Its submit file needs the image as container_image, no executable, and "
        f"`want_io_proxy = true`. The job runs on: `chtc-jupyter stop {record.job}` ends it."
    )
