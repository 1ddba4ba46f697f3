"""Remove what a session may leave on the access point when it could not shut down in order."""

from __future__ import annotations

import os
import re
import shutil
import stat
from pathlib import Path

from plan import Plan

#: Where the tunnels' sockets are.
TMP = Path("/tmp")  # noqa: S108 - as in the line in JupyterConnect
_JOB = re.compile(r"[0-9]+\.[0-9]+")


def find_leftovers(job: str, plan: Plan, tmp: Path = TMP) -> list[Path]:
    """Return a job's connection file, partly saved files, and tunnel folders, if they belong to the user."""
    if not _JOB.fullmatch(job):
        return []
    own = plan.notebooks / ".jupyter-session"
    names = [plan.iwd / f"jupyter-{job}.json", own / f"saving-{job}", own / f"saving-{job}-large"]
    return [path for path in (*names, *tmp.glob(f"jupyter-{job}-*")) if _is_ours(path)]


def remove_leftovers(job: str, plan: Plan, tmp: Path = TMP) -> None:
    """Remove what a job that has ended left behind."""
    for path in find_leftovers(job, plan, tmp):
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _is_ours(path: Path) -> bool:
    try:
        about = path.lstat()
    except OSError:
        return False
    return about.st_uid == os.getuid() and not stat.S_ISLNK(about.st_mode)
