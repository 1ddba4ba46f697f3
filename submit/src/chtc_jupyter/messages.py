"""What the person is told: sentences for the terminal and for the page, and the next step."""

from __future__ import annotations

from chtc_condor.hold_advice import Commands, advise_on_hold
from chtc_jupyter.condor.job_progress import JobProgress, Phase
from chtc_jupyter.proxy.http_head import Notice
from chtc_jupyter.store import Record


def describe_progress(course: JobProgress) -> str:
    """Say in a few words where a job is."""
    at = f" on {course.host}" if course.host else ""
    if course.phase is Phase.QUEUED and course.starts:
        return f"queued again ({course.why}): the notebooks are kept, kernels start anew"
    return {
        Phase.QUEUED: "queued",
        Phase.TRANSFER: "a machine was found; the image is on its way there",
        Phase.RUNNING: f"starting{at}",
        Phase.READY: f"ready{at}",
        Phase.STOPPING: f"ending: {course.reason}",
        Phase.SUSPENDED: f"suspended{at}: the machine's owner has gone first",
        Phase.LOST: f"HTCondor has lost touch with the machine{at}, and tries again",
        Phase.HELD: f"on hold: {describe_hold(course)}",
        Phase.ENDED: describe_end(course),
    }[course.phase]


def describe_hold(course: JobProgress) -> str:
    """Say why a job is on hold, and what its last machine said."""
    why = course.why.rstrip(".")
    return f"{why} ({course.trouble})" if course.trouble and course.trouble not in why else why


def describe_end(course: JobProgress) -> str:
    """Say why a job ended."""
    told = not (course.removed and "SIGTERM" in course.reason)  # else HTCondor says more of it
    if course.state in ("stopped", "failed", "stopping") and course.reason and told:
        return f"ended: {course.reason.rstrip('.')}"
    if course.removed:
        return f"was removed: {course.why or 'by somebody'}"
    if course.exit_status:
        return f"ended with exit status {course.exit_status}: its error file on the access point says why"
    return "ended"


def describe_leaving(record: Record, course: JobProgress) -> str:
    """Say, as the launcher goes, what goes on without it."""
    if record.interactive or course.phase is Phase.ENDED:
        return f"Job {record.job} ends; the notebooks come back to {record.ap}, into {record.notebooks}."
    if course.phase is Phase.HELD:
        return f"Job {record.job} stays on hold: `chtc-jupyter status {record.name}` says why and what to do."
    if not course.was_ready:
        return f"Job {record.job} stays in the queue: `chtc-jupyter connect {record.name}` waits for it again."
    return f"The session goes on: `chtc-jupyter connect {record.name}` opens it again."


def describe_past_session(record: Record, course: JobProgress) -> str:
    """Say of a session that is over how and when it ended, where its notebooks are, and how to start again."""
    how = describe_end(course) if course.at else "is not in the queue any more"
    when = f" at {course.at}" if course.at else ""
    return (
        f"{record.name} (job {record.job}) {how}{when}. {describe_notebooks(record, course)} `chtc-jupyter start "
        f"{record.name}` starts it again."
    )


def describe_notebooks(record: Record, course: JobProgress) -> str:
    """Say where the notebooks are, and whether all of them are."""
    if course.lost:
        return (
            f"Not all notebooks came back ({course.lost.rstrip('.')}): what was saved while it ran is on {record.ap}, "
            f"in {record.notebooks}."
        )
    return f"The notebooks are on {record.ap}, in {record.notebooks}."


def build_notice(record: Record, course: JobProgress, *, why: str, asks: bool) -> Notice:
    """Return what the address answers while it does not lead to JupyterLab."""
    kept = describe_notebooks(record, course)
    if course.phase is Phase.ENDED:
        again = f"Start again with: chtc-jupyter start {record.name}"
        return Notice(f"The session {record.name} {describe_end(course)}", (kept, again), over=True)
    if why:
        what = (
            "Go to the terminal of chtc-jupyter and press Enter." if asks else "It is being made again by itself; wait."
        )
        meanwhile = (
            "An interactive session ends when its connection is lost for long; the notebooks come back as saved."
            if record.interactive
            else "The session goes on meanwhile, with all its kernels."
        )
        return Notice(f"No connection to {record.ap}", (why, what, meanwhile))
    if course.phase is Phase.HELD:
        return Notice(
            "The job is on hold",
            (f"{describe_hold(course)}.", hold_advice(describe_hold(course), record, course.hold_code)),
        )
    if course.phase is Phase.READY:
        return Notice("JupyterLab is ready, and the way to it is being opened", ("This page goes on by itself.",))
    lines = ("This page goes on by itself.", kept) if course.starts > 0 else ("This page goes on by itself.",)
    return Notice(_sentence(f"The session is {describe_progress(course)}"), lines)


def describe_policy(record: Record, said: str) -> str:
    """Say that the pool lets nobody into the job, and what can be done."""
    stop = f"`chtc-jupyter stop {record.name}`"
    if record.interactive:
        return f"This pool lets you into no job, not even this interactive one ({said}): {stop}, and ask its operators."
    return (
        f"This pool does not let you ssh into job {record.job} ({said}): some allow it only into interactive jobs, so "
        f"{stop}, then start it with --interactive."
    )


def describe_forbidden_forward(ap: str) -> str:
    """Say that the access point's sshd lets nobody forward to a socket."""
    return (
        f"{ap} does not let ssh forward to a socket: ask its operators for `AllowStreamLocalForwarding yes` in "
        "sshd_config; the session goes on meanwhile."
    )


def hold_advice(why: str, record: Record, code: int | None = None) -> str:
    """Return what to do about a job on hold, for a reason of HTCondor's and a HoldReasonCode, if it is known."""
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


def format_duration(seconds: int | None) -> str:
    """Write a duration: `2h05m`."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds}s"
    minutes, hours = seconds // 60 % 60, seconds // 3600
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
