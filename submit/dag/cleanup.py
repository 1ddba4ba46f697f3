"""What a session may leave on the access point when it could not end in order, and its removal."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from plan import Plan

#: Where the tunnels' sockets are.
TMP = Path("/tmp")  # noqa: S108 - as the line in JupyterConnect has it


def find_leftovers(job: str, plan: Plan, tmp: Path = TMP) -> list[Path]:
    """Return the connection file, half-saved files and the tunnels' folders of a job, as far as they are the user's."""
    own = plan.notebooks / ".jupyter-session"
    names = [plan.iwd / f"jupyter-{job}.json", own / f"saving-{job}", own / f"saving-{job}-large"]
    return [path for path in (*names, *tmp.glob(f"jupyter-{job}-*")) if _is_ours(path)]


def remove_leftovers(job: str, plan: Plan, tmp: Path = TMP) -> None:
    """Remove what a job that has ended has left."""
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
