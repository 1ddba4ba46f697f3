"""Finds the state folder of the session that a command belongs to, among all that this account has on the machine."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from jupyter_session.errors import SessionError
from jupyter_session.state_dir.folder import TMP, StateDir, is_private
from jupyter_session.state_dir.identity import Identity, JobKey, read_job_key
from jupyter_session.units.printable import escape_name

_LOG = logging.getLogger(__name__)
_Found = tuple[StateDir, Identity]


def name_state_dir(uid: int, job: JobKey | None) -> str:
    """Return the name that the folder of a session has if nobody has taken it."""
    return f"jupyter-session-{uid}" + (f"-{job.id}" if job else "")


def find_state_dir(environ: Mapping[str, str], cwd: Path | None = None) -> StateDir:
    """Return the folder of the session that a process with these variables belongs to, whether it exists or not.

    Inside the session that is the session itself. In another shell of a job it is the job's session, and elsewhere
    the session that was started by hand. Raises SessionError if there are several.
    """
    job = read_job_key(environ)
    if given := environ.get("JUPYTER_SESSION_DIR"):
        return StateDir(Path(given), in_job=job is not None)
    default = StateDir(TMP / name_state_dir(os.getuid(), job), in_job=job is not None)
    found = _look(default, job)
    if own := [state for state, about in found if about.id == environ.get("JUPYTER_SESSION_ID")]:
        return own[0]
    living = [each for each in found if _lives(each[0])]
    if len(living) > 1:
        living = _narrow(living, environ.get("_CONDOR_SCRATCH_DIR", ""), cwd)
    if len(living) > 1:
        folders = ", ".join(f"{state.root} (of {escape_name(about.notebooks)})" for state, about in living)
        raise SessionError(
            f"{len(living)} of your sessions run here. Set JUPYTER_SESSION_DIR to the folder of the one that you mean: "
            f"{folders}."
        )
    return living[0][0] if living else found[0][0] if found else default


def has_sibling(state: StateDir, job: JobKey) -> bool:
    """Return whether another session runs in the same job: in the same scratch folder."""
    default = StateDir(state.root.with_name(name_state_dir(os.getuid(), job)), in_job=True)
    found = {each.root: about for each, about in _look(default, job) if each.root == state.root or _lives(each)}
    mine = found.pop(state.root, None)
    return mine is not None and any(about.scratch == mine.scratch for about in found.values())


def _look(default: StateDir, job: JobKey | None) -> list[_Found]:
    """Return the folders of this user's sessions in this job, or outside of jobs; `default` comes first."""
    mine = job.unique if job else ""
    roots = sorted({default.root, *default.root.parent.glob(f"{default.root.name}-*")})
    states = [StateDir(root, in_job=default.in_job) for root in roots if is_private(root)]
    read = [(state, Identity.read(state.identity_file)) for state in states]
    return [(state, about) for state, about in read if about and about.job == mine]


def _lives(state: StateDir) -> bool:
    """Return whether a supervisor listens in this folder."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(state.control))
        except BlockingIOError:  # it has more to do than it can
            return True
        except OSError as error:
            _LOG.debug("%s: %s", state.control, error)
            return False
        return True


def _narrow(living: Sequence[_Found], scratch: str, cwd: Path | None) -> list[_Found]:
    """Return the sessions with this scratch folder, and of these the ones whose folder the process is in, if any."""
    here = [each for each in living if each[1].scratch == scratch] or list(living)
    with suppress(OSError):
        place = (cwd or Path.cwd()).resolve()
        near = [
            each
            for each in here
            if (notebooks := Path(each[1].notebooks)) == place
            or place.is_relative_to(notebooks)
            or notebooks.parent == place
        ]
        return near or here
    return here
