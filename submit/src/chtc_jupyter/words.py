"""What the person is told: sentences for the terminal and for the page, and the next step."""

from __future__ import annotations

import re

from chtc_jupyter.events import Course, Phase
from chtc_jupyter.http import Notice
from chtc_jupyter.records import Record


def progress(course: Course) -> str:
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
        Phase.HELD: f"on hold: {held(course)}",
        Phase.ENDED: ended(course),
    }[course.phase]


def held(course: Course) -> str:
    """Say why a job is on hold, and what its last machine said."""
    why = course.why.rstrip(".")
    return f"{why} ({course.trouble})" if course.trouble and course.trouble not in why else why


def ended(course: Course) -> str:
    """Say why a job ended."""
    if course.state in ("stopped", "failed", "stopping") and course.reason and not course.removed:
        return f"ended: {course.reason.rstrip('.')}"
    if course.removed:
        return f"was removed: {course.why or 'by somebody'}"
    if course.exit_status:
        return f"ended with exit status {course.exit_status}: its error file on the access point says why"
    return "ended"


def notice(record: Record, course: Course, *, why: str, asks: bool) -> Notice:
    """Return what the address answers while it does not lead to JupyterLab."""
    kept = f"The notebooks are on {record.ap}, in {record.notebooks}."
    if course.phase is Phase.ENDED:
        again = f"Start again with: chtc-jupyter start {record.name}"
        return Notice(_sentence(progress(course)), (kept, again), over=True)
    if why:
        what = (
            "Go to the terminal of chtc-jupyter and press Enter." if asks else "It is being made again by itself; wait."
        )
        return Notice(
            f"No connection to {record.ap}", (why, what, "The session goes on meanwhile, with all its kernels.")
        )
    if course.phase is Phase.HELD:
        return Notice("The job is on hold", (f"{held(course)}.", hold_advice(held(course), record)))
    if course.phase is Phase.READY:
        return Notice("JupyterLab is ready, and the way to it is being opened", ("This page goes on by itself.",))
    lines = ("This page goes on by itself.", kept) if course.starts > 0 else ("This page goes on by itself.",)
    return Notice(_sentence(f"The session is {progress(course)}"), lines)


def policy(record: Record, said: str) -> str:
    """Say that the pool lets nobody into the job, and what can be done."""
    last = [line.strip() for line in said.splitlines() if line.strip()]
    return (
        f"This pool does not let you ssh into the job {record.job} ({last[-1] if last else 'refused'}): some allow it "
        f"only into interactive jobs, so `chtc-jupyter stop {record.name}`, then start it with --interactive."
    )


def hold_advice(why: str, record: Record) -> str:
    """Say what to do about a job on hold."""
    low = why.lower()
    stop = f"chtc-jupyter stop {record.name}"
    if re.search(r"memory", low):
        return f"It needs more memory: `{stop}`, then start it with a larger --memory."
    if re.search(r"disk|no space|quota", low):
        return f"It needs more disk: make room, or `{stop}` and start it with a larger --disk."
    if re.search(r"image|\.sif|singularity|apptainer|container", low):
        return f"The image can't be used: `{stop}`, then start it with an --image that is there."
    if "transfer" in low:
        return f"A file could not be moved: see that folder and image are there, then `condor_release {record.job}`."
    if "via condor_hold" in low:
        return f"Somebody held it: `condor_release {record.job}` on the access point lets it go on."
    return f"`condor_release {record.job}` on the access point tries again; `{stop}` gives it up."


def duration(seconds: int | None) -> str:
    """Write a duration: `2h05m`."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds}s"
    minutes, hours = seconds // 60 % 60, seconds // 3600
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
