"""The sentences of the launcher, for the terminal and for the page: what happens, and the next step."""

from __future__ import annotations

from chtc_condor.hold_advice import Commands, advise_on_hold
from chtc_condor.notebook_look import Looked, clean, describe
from chtc_jupyter.condor.job_progress import JobProgress, Phase
from chtc_jupyter.proxy.pages import Notice
from chtc_jupyter.store import Record

#: Why the job of a session that has ended may still run.
KEPT_ON_MACHINE = "the job hasn't left its machine, maybe because somebody is logged in to it with condor_ssh_to_job"


def describe_progress(progress: JobProgress) -> str:
    """Return in a few words where a job is."""
    at = f" on {progress.host}" if progress.host else ""
    if progress.phase is Phase.QUEUED and progress.starts:
        after = ": it goes on with the notebooks as saved, but kernels will start over" if progress.was_ready else ""
        return f"queued again ({progress.why}){after}"
    return {
        Phase.QUEUED: "queued",
        Phase.TRANSFER: _describe_transfer(progress),
        Phase.RUNNING: f"starting{at}",
        Phase.READY: f"ready{at}",
        Phase.STOPPING: f"stopping: {progress.reason}{_describe_output(progress)}",
        Phase.SUSPENDED: f"suspended{at}: the machine's owner is using it",
        Phase.LOST: f"HTCondor lost the connection to the machine{at} and is reconnecting",
        Phase.HELD: f"on hold: {describe_hold(progress)}",
        Phase.ENDED: describe_end(progress),
    }[progress.phase]


def _describe_transfer(progress: JobProgress) -> str:
    if progress.doing.startswith("Entered queue"):
        return "matched; waiting for the access point's turn to transfer the image"
    return "matched; the image is there" if progress.doing.startswith("Finished") else "matched; transferring the image"


def _describe_output(progress: JobProgress) -> str:
    if "output" not in progress.doing or progress.doing.startswith("Finished"):
        return ""
    waits = progress.doing.startswith("Entered queue")
    return f" ({'waiting for its turn to copy' if waits else 'copying'} the notebooks back)"


def describe_hold(progress: JobProgress) -> str:
    """Return why a job is on hold, and what its last machine reported."""
    why = progress.why.rstrip(".")
    return f"{why} ({progress.trouble})" if progress.trouble and progress.trouble not in why else why


def describe_held_job(record: Record, progress: JobProgress) -> str:
    """Return that a job is on hold, why, and what to do about it."""
    why = describe_hold(progress)
    return f"Job {record.job} is on hold: {why}. {get_hold_advice(why, record, progress.hold_code)}"


def describe_end(progress: JobProgress) -> str:
    """Return why a job ended."""
    told = not (progress.removed and "SIGTERM" in progress.reason)  # else HTCondor says more of it
    if progress.state in ("stopped", "failed", "stopping") and progress.reason and told:
        return f"ended: {progress.reason.rstrip('.')}"
    if progress.removed:
        return f"was removed: {progress.why or 'HTCondor gave no reason'}"
    if progress.exit_status:
        return f"ended with exit status {progress.exit_status}: see its error file on the access point"
    return "ended"


def describe_leaving(record: Record, progress: JobProgress) -> str:
    """Return what goes on after the launcher exits."""
    if record.interactive or progress.phase is Phase.ENDED:
        return f"Job {record.job} is ending: `chtc-jupyter status {record.name}` then says where its notebooks are."
    if progress.phase is Phase.HELD:
        return f"Job {record.job} stays on hold: `chtc-jupyter status {record.name}` says why and what to do."
    if not progress.was_ready:
        return f"Job {record.job} stays in the queue: `chtc-jupyter connect {record.name}` waits for it again."
    return f"The session keeps running: `chtc-jupyter connect {record.name}` opens it again."


def describe_past_session(record: Record, progress: JobProgress, looked: Looked | None) -> str:
    """Return how and when a session ended, where its notebooks are, and how to start it again."""
    how = describe_end(progress) if progress.at else "is no longer in the queue"
    when = f" at {progress.at}" if progress.at else ""
    return (
        f"{record.name} (job {record.job}) {how}{when}. {describe_notebooks(record, progress, looked)} `chtc-jupyter "
        f"start {record.name}` starts it again."
    )


def describe_notebooks(record: Record, progress: JobProgress, looked: Looked | None) -> str:
    """Return where the notebooks are and what is missing, as it was seen on the access point after the job's end."""
    if progress.removed and not progress.starts:
        return "It never ran."
    if not progress.lost:
        return describe(looked, record.notebooks, record.ap)
    lost = f"Some notebooks couldn't be copied back ({clean(progress.lost, 300).rstrip('.')})."
    if looked and looked.folder and looked.saved:
        return f"{lost} Those saved while the session ran are on {record.ap}, in {record.notebooks}."
    return lost if looked and looked.receipt else f"{lost} {describe(looked, record.notebooks, record.ap)}"


def build_notice(
    record: Record, progress: JobProgress, looked: Looked | None = None, *, why: str, asks: bool
) -> Notice:
    """Return what the local address answers while it doesn't lead to JupyterLab; `looked` is of the job's end."""
    if progress.phase is Phase.ENDED:
        kept = describe_notebooks(record, progress, looked)
        again = f"To start it again, run: chtc-jupyter start {record.name}"
        return Notice(f"The session {record.name} {describe_end(progress)}", (kept, again), over=True)
    if why:
        what = "Go to the terminal of chtc-jupyter and press Enter." if asks else "Reconnecting automatically..."
        meanwhile = (
            "An interactive session ends when its connection is lost for long. The notebooks are kept as last saved."
            if record.interactive
            else "The session keeps running, with all of its kernels."
        )
        return Notice(f"No connection to {record.ap}", (why, what, meanwhile))
    if progress.phase is Phase.HELD:
        why = describe_hold(progress)
        return Notice("The job is on hold", (f"{why}.", get_hold_advice(why, record, progress.hold_code)))
    if progress.phase is Phase.READY:
        return Notice("JupyterLab is ready; opening the tunnel...", (_RELOADS,))
    return Notice(_capitalize(f"The session is {describe_progress(progress)}"), (_RELOADS,))


_RELOADS = "This page reloads by itself."


def describe_policy(record: Record, said: str) -> str:
    """Return that the pool allows nobody into the job, and what the user can do."""
    stop = f"`chtc-jupyter stop {record.name}`"
    if record.interactive:
        return (
            f"This pool doesn't allow ssh into any job, not even this interactive one ({said}). Run {stop}, and ask "
            "the operators of the pool."
        )
    return (
        f"This pool doesn't allow ssh into job {record.job} ({said}). Some pools allow it only for interactive jobs: "
        f"run {stop}, then start the session with --interactive."
    )


def get_hold_advice(why: str, record: Record, code: int | None = None) -> str:
    """Return what to do about a job on hold, by HTCondor's reason and by its HoldReasonCode, if that is known."""
    stop = f"`chtc-jupyter stop {record.name}`"
    commands = Commands(
        release=f"`condor_release {record.job}` on the access point",
        remove=stop,
        more_memory=f"run {stop}, then start it with a larger --memory",
        more_disk=f"run {stop}, then start it with a larger --disk",
        another_image=f"run {stop}, then start it with another --image",
        access_point=record.ap,
    )
    return advise_on_hold(why, commands, code)


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]
