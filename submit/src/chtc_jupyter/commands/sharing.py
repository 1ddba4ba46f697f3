"""Other sessions that have the same notebook folder: each saves to it what it has."""

from __future__ import annotations

import logging

from chtc_jupyter import queue
from chtc_jupyter.condor import job_ads
from chtc_jupyter.errors import LauncherError
from chtc_jupyter.ssh.agent_client import AgentClient

_log = logging.getLogger(__name__)


async def find_sharing(link: AgentClient, notebooks: str) -> str:
    """Return what to say of other sessions in the queue with a notebook folder; "" if there are none, or none is seen.

    Links are followed: two names may be of one folder.
    """
    try:
        ads = await queue.find_jobs(link, job_ads.PRESENT)
        records = [job_ads.build_past_record(ad, link.ap) for ad in ads]
        if not records:
            return ""
        asked = await link.run(["readlink", "-m", "--", notebooks, *(record.notebooks for record in records)])
        own, *others = str(asked["out"]).splitlines()
    except (LauncherError, ValueError) as error:
        _log.debug("can't tell whose the folder is, too: %s", error)
        return ""
    names = [record.name for record, other in zip(records, others, strict=False) if other == own]
    if not names:
        return ""
    which = f"The session {names[0]} has" if len(names) == 1 else f"The sessions {', '.join(names)} have"
    return (
        f"{which} the notebook folder {notebooks}, too. Each works on a copy of its own and saves to that folder: of a "
        "file that both change, the second version is saved beside the first, as `NAME (from job 123.0)`."
    )
