"""What a job that ended without a session wrote last into its error file on the access point: often the reason."""

from __future__ import annotations

import asyncio
import logging
import posixpath
import re

from chtc_condor.ownership import constrain
from chtc_jupyter import queue
from chtc_jupyter.condor import job_ads
from chtc_jupyter.errors import LauncherError
from chtc_jupyter.json_text import load_json
from chtc_jupyter.ssh.agent_client import AgentClient
from chtc_jupyter.ssh.failures import split_printable
from chtc_jupyter.store import Record

_log = logging.getLogger(__name__)
#: Seconds for the question where the file is.
_ANSWER = 15
#: A job is in the history a moment after its end is in the log.
_PAUSES = (0.0, 2.0)
_LONGEST = 300
_TELLING = re.compile(r"want_io_proxy|invalid|error|fatal|fail|denied|not found|no such|can(?:.t|not)", re.IGNORECASE)


async def read_last_words(link: AgentClient, record: Record) -> str:
    """Return the line of a job's error file that tells most, or "" if there is none."""
    path = posixpath.splitext(record.log)[0] + ".err"  # of a session that was started from here
    try:
        own = constrain(await queue.find_owner(link), job_ads.match_job(record.job))
        argv = ["condor_history", "-constraint", own, "-limit", "1", "-json", "-attributes", "Iwd,Err"]
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            asked = await link.run(argv, timeout=_ANSWER)
            if ads := load_json(str(asked["out"]).strip() or "[]"):
                path = posixpath.join(str(ads[0].get("Iwd", "")), str(ads[0].get("Err", "")))
                break
        text = str((await link.ask("read", path=path))["text"])
    except (LauncherError, ValueError) as error:
        _log.debug("The error file of job %s can't be read: %s", record.job, error)
        return ""
    return choose_line(text)


def choose_line(text: str) -> str:
    """Return the last line that tells of an error, or else the last line; printable and not long."""
    lines = split_printable(text)
    telling = [line for line in lines if _TELLING.search(line)]
    return (telling or lines or [""])[-1][:_LONGEST]
