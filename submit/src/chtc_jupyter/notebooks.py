"""Look at a session's notebook folder on the access point: what is said of the notebooks is what is there."""

from __future__ import annotations

import logging

from chtc_condor.notebook_look import Looked, parse_looked
from chtc_jupyter.errors import LauncherError
from chtc_jupyter.ssh.agent_client import AgentClient, run_module
from chtc_jupyter.store import Record

_log = logging.getLogger(__name__)
#: Seconds that a look may take.
_PATIENCE = 30


async def look(link: AgentClient, record: Record, started: str = "") -> Looked | None:
    """Return what a job has brought back; None if that can't be seen. `started` is when it started last.

    That is in epoch seconds or as the job's log writes it.
    """
    try:
        done = await run_module(link, "notebook_look", record.notebooks, record.job, started, timeout=_PATIENCE)
    except LauncherError as error:
        _log.debug("Can't look at %s: %s", record.notebooks, error)
        return None
    if done["status"]:
        _log.debug("Can't look at %s: %s", record.notebooks, done["err"])
        return None
    return parse_looked(done["out"])
