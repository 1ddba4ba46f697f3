#!/usr/bin/env -S python3 -B
"""Before a session: refuse, in one sentence, what can't succeed.

pre.py SUBMIT_FILE [NODE]

Exits with 0, or with 2 if nothing should be submitted and a retry would not help.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import condor
import notify
from chtc_condor.carry import describe_obstacles, list_obstacles
from chtc_condor.codes import JobStatus
from chtc_condor.dry_run import Ad
from chtc_condor.submission import SCRIPT_BYTES, describe_missing, find_script, review
from plan import Plan, read_ads

REFUSED = 2
#: Bytes that must be free for the notebooks in any case.
ROOM = 64 << 20
#: Lines that a submit file may lack.
TOLERATED = ("My.SpoolOnEvict",)
_STATUS: Mapping[int, str] = {
    JobStatus.IDLE: "is in the queue",
    JobStatus.RUNNING: "is running",
    JobStatus.REMOVED: "is being removed",
    JobStatus.HELD: "is on hold",
    JobStatus.TRANSFERRING_OUTPUT: "is transferring its output",
}
_LEAVING = (JobStatus.REMOVED, JobStatus.TRANSFERRING_OUTPUT)


@dataclass(frozen=True)
class Findings:
    """What the checks found: why an input or the folder can't be used, bytes free and needed, other jobs.

    `obstacles` is what HTCondor can't transfer, by its path.
    """

    unusable: Mapping[Path, str] = field(default_factory=dict)
    obstacles: Mapping[str, str] = field(default_factory=dict)
    is_folder: bool = True
    unwritable: str = ""
    free: int = ROOM
    needed: int = ROOM
    others: Sequence[Mapping[str, Any]] = ()


def explain_refusal(submit_file: str, plan: Plan, found: Findings) -> str:
    """Return why no session should be submitted, with the next step; empty if there is no reason."""
    if not found.is_folder:
        return f"the notebooks folder {plan.notebooks} does not exist: create it, or name another one in {submit_file}"
    for path, why in found.unusable.items():
        what = "the image" if path.name == plan.image else "the input"
        return f"{what} {path} {why}: put it there, or name another one in {submit_file}"
    if found.unwritable:
        return (
            f"can't write to the notebooks folder {plan.notebooks} ({found.unwritable}): free some space, or check its "
            "owner and permissions"
        )
    if found.obstacles:
        return describe_obstacles(found.obstacles).rstrip(".")
    if found.free < found.needed:
        return (
            f"the disk of {plan.notebooks} has {_format_size(found.free)} free, but the notebooks need "
            f"{_format_size(found.needed)} to come back: free some space"
        )
    for ad in found.others:
        job, status = f"{ad['ClusterId']}.{ad['ProcId']}", int(ad["JobStatus"])
        use_it = f"use that one (condor_q {job} -af JupyterConnect), or end it with condor_rm {job}"
        to_do = "wait until it has left the queue" if status in _LEAVING else use_it
        return f"job {job}, a session of {plan.notebooks}, {_STATUS.get(status, 'is in the queue')} already: {to_do}"
    return ""


def check_plan(plan: Plan) -> Findings:
    """Check what the plan needs. Raises CondorError if the queue can't be queried."""
    is_folder = plan.notebooks.is_dir()
    if not is_folder:
        return Findings(is_folder=False)
    checked = ((path, _check_input(path)) for path in plan.inputs)
    disk = os.statvfs(plan.notebooks)
    return Findings(
        unusable={path: why for path, why in checked if why},
        obstacles=list_obstacles(list(plan.entries))[0],
        unwritable=_check_writable(plan.notebooks),
        free=disk.f_bavail * disk.f_frsize,
        needed=max(ROOM, _measure_folder(plan.notebooks)),
        others=_find_others(plan),
    )


def _check_input(path: Path) -> str:
    try:
        if path.is_dir():
            os.scandir(path).close()
            return ""
        with path.open("rb") as data:
            begin = data.read(128)
    except OSError as error:
        return "does not exist" if isinstance(error, FileNotFoundError) else f"can't be read ({error.strerror})"
    return "is not an Apptainer image" if path.suffix == ".sif" and b"SIF_MAGIC" not in begin else ""


def _check_writable(folder: Path) -> str:
    """Allocate some space and free it again: nothing else shows a quota."""
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            os.posix_fallocate(probe.fileno(), 0, 1 << 20)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _measure_folder(folder: Path) -> int:
    return sum(_measure_file(os.path.join(within, name)) for within, _, names in os.walk(folder) for name in names)


def _measure_file(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def _find_others(plan: Plan) -> list[dict[str, Any]]:
    """Return other jobs that bring back the same folder; a job that has completed has done so."""
    own = os.environ.get("CONDOR_ID", "").partition(".")[0]
    returned = f'stringListMember({condor.quote_string(plan.output)}, TransferOutput, ",")'
    wanted = f"{returned} && JobStatus != {JobStatus.COMPLETED:d}"
    ads = condor.query_jobs(wanted, "ClusterId", "ProcId", "JobStatus", "Iwd", "DAGManJobId")
    return [
        ad
        for ad in ads
        if os.path.realpath(ad.get("Iwd", "")) == os.path.realpath(plan.iwd) and str(ad.get("DAGManJobId")) != own
    ]


def _format_size(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


def check_submission(submit_file: str, ads: Sequence[Ad]) -> tuple[str, str]:
    """Return why a submission is refused, and a warning; both empty if it keeps what a session promises.

    Nothing can be added to what DAGMan submits, so that a missing line is a reason to refuse; one that only an eviction
    would show to be missing is not.
    """
    found = review(ads, what=submit_file, script=_read_script(ads))
    if found.refusals:
        return found.refusals[0].rstrip("."), ""
    tolerated = {key: value for key, value in found.additions.items() if key in TOLERATED}
    missing = {key: value for key, value in found.additions.items() if key not in TOLERATED}
    return describe_missing(missing, submit_file), describe_missing(tolerated, submit_file)


def _read_script(ads: Sequence[Ad]) -> str:
    """Return the beginning of the program that a job runs, if that may be a script that runs a session."""
    if not (path := find_script(ads)):
        return ""
    try:
        with (Path(str(ads[0].get("iwd") or ".")) / path).open("rb") as file:
            return file.read(SCRIPT_BYTES).decode(errors="replace")
    except OSError:
        return ""


def main(submit_file: str, node: str = "") -> int:
    """Return the exit status."""
    warning = ""
    try:
        ads = read_ads(submit_file, node)
        plan = Plan.from_ad(next(iter(ads), {}))
        why, warning = check_submission(submit_file, ads)
        why = why or explain_refusal(submit_file, plan, check_plan(plan))
    except condor.CondorError as error:
        why = str(error)
    if why:
        notify.notify_user("refused", f"Nothing was submitted: {why}.", notify.format_now())
    elif warning:
        notify.notify_user("warning", f"{warning}.", notify.format_now())
    return REFUSED if why else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
