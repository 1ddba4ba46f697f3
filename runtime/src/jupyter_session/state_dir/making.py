"""Makes the state folder of a new session, beside those of other sessions and of other users."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from jupyter_session.state_dir.finding import has_sibling, name_state_dir
from jupyter_session.state_dir.folder import TMP, StateDir, TakenError
from jupyter_session.state_dir.identity import read_job_key

_LOG = logging.getLogger(__name__)


def make_state_dir(environ: Mapping[str, str], notebooks: Path) -> StateDir:
    """Make and lock the folder of a new session: JUPYTER_SESSION_DIR, or one in /tmp with the user and job in its name.

    If another user, or another session of this account, has the name, the folder gets a longer one. Raises SessionError
    if JUPYTER_SESSION_DIR is taken, or if no folder can be made.
    """
    job = read_job_key(environ)
    about = {
        "job": job.unique if job else "",
        "scratch": environ.get("_CONDOR_SCRATCH_DIR", "") if job else "",
        "notebooks": str(notebooks.resolve()),
    }
    if given := environ.get("JUPYTER_SESSION_DIR"):
        state = StateDir(Path(given), in_job=job is not None)
        state.create(**about)
        return state
    name = name_state_dir(os.getuid(), job)
    suffix = ""
    while True:
        state = StateDir(TMP / f"{name}{suffix}", in_job=job is not None)
        try:
            state.create(**about)
        except TakenError as error:
            _LOG.info("%s", error)
            suffix = f"-{os.urandom(3).hex()}"  # which nobody can foresee
        else:
            state.has_sibling = job is not None and has_sibling(state, job)
            return state
