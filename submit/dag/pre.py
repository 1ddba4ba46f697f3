#!/usr/bin/env -S python3 -B
"""Before a session: refuse, in one sentence, what could not go well.

pre.py SUBMIT_FILE

Exits 0, or 2 where trying again would be no use; then nothing is submitted.
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
from plan import Plan

REFUSED = 2
#: Bytes that must be free for the notebooks in any case.
ROOM = 64 << 20
_STATUS = {1: "is in the queue", 2: "is running", 3: "is being removed", 5: "is on hold", 6: "is bringing them back"}
_TO_DO = {3: "wait until it has gone", 6: "wait until it has gone"}


@dataclass(frozen=True)
class Seen:
    """What was seen: why an input can't be used, why nothing can be written, bytes free, bytes needed, other jobs."""

    unusable: Mapping[Path, str] = field(default_factory=dict)
    is_folder: bool = True
    unwritable: str = ""
    free: int = ROOM
    needed: int = ROOM
    others: Sequence[Mapping[str, Any]] = ()


def refusal(submit_file: str, plan: Plan, seen: Seen) -> str:
    """Return why no session should be submitted, with the next step; empty if nothing speaks against it."""
    if not seen.is_folder:
        return f"the notebooks folder {plan.notebooks} is not there: make it, or name another in {submit_file}"
    for path, why in seen.unusable.items():
        what = "the image" if path.name == plan.image else "what it takes along,"
        return f"{what} {path} {why}: put it there, or name another in {submit_file}"
    if seen.unwritable:
        return f"nothing can be written into {plan.notebooks} ({seen.unwritable}): make room, or see whose it is"
    if seen.free < seen.needed:
        return (
            f"the disk of {plan.notebooks} has {_megabytes(seen.free)} free, and the notebooks need "
            f"{_megabytes(seen.needed)} to come back: make room"
        )
    for ad in seen.others:
        job, status = f"{ad['ClusterId']}.{ad['ProcId']}", int(ad["JobStatus"])
        to_do = _TO_DO.get(status, f"use that one (condor_q {job} -af JupyterConnect), or end it: condor_rm {job}")
        return f"a session of {plan.notebooks} {_STATUS.get(status, 'is there')} already, job {job}: {to_do}"
    return ""


def look(plan: Plan) -> Seen:
    """Look at what the plan needs; CondorError where the queue can't be asked."""
    is_folder = plan.notebooks.is_dir()
    if not is_folder:
        return Seen(is_folder=False)
    checked = ((path, _why_unusable(path)) for path in plan.inputs)
    disk = os.statvfs(plan.notebooks)
    return Seen(
        unusable={path: why for path, why in checked if why},
        unwritable=_why_unwritable(plan.notebooks),
        free=disk.f_bavail * disk.f_frsize,
        needed=max(ROOM, _size(plan.notebooks)),
        others=_others(plan),
    )


def _why_unusable(path: Path) -> str:
    try:
        if path.is_dir():
            os.scandir(path).close()
            return ""
        with path.open("rb") as data:
            begin = data.read(128)
    except OSError as error:
        return "is not there" if isinstance(error, FileNotFoundError) else f"can't be read ({error.strerror})"
    return "is no Apptainer image" if path.suffix == ".sif" and b"SIF_MAGIC" not in begin else ""


def _why_unwritable(folder: Path) -> str:
    """Take some room and give it back: only so a quota shows."""
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            os.posix_fallocate(probe.fileno(), 0, 1 << 20)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _size(folder: Path) -> int:
    return sum(_bytes(os.path.join(within, name)) for within, _, names in os.walk(folder) for name in names)


def _bytes(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def _others(plan: Plan) -> list[dict[str, Any]]:
    """Return other jobs that bring back the same folder; a job that has completed has done so."""
    own = os.environ.get("CONDOR_ID", "").partition(".")[0]
    wanted = f"TransferOutput == {condor.quoted(plan.output)} && JobStatus != 4"
    ads = condor.queue(wanted, "ClusterId", "ProcId", "JobStatus", "Iwd", "DAGManJobId")
    return [
        ad
        for ad in ads
        if os.path.realpath(ad.get("Iwd", "")) == os.path.realpath(plan.iwd) and str(ad.get("DAGManJobId")) != own
    ]


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


def main(submit_file: str) -> int:
    """Return the exit status."""
    try:
        plan = Plan.of(condor.described(submit_file))
        why = refusal(submit_file, plan, look(plan))
    except condor.CondorError as error:
        why = str(error)
    if why:
        notify.notify_user("refused", f"Nothing was submitted: {why}.", notify.format_now())
    return REFUSED if why else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
