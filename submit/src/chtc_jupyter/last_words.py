"""Why a job ended without a session, by its files on the access point: what it wrote last, or whose image it had."""

from __future__ import annotations

import asyncio
import logging
import posixpath
import re

from chtc_condor.notebook_look import clean
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
_ATTRIBUTES = "Iwd,Err,Out,ContainerImage"
#: What a session says before anything else, or if it can't start.
_OWN = re.compile(r"jupyter-session|^(starting|ready|expiring|stopping|stopped|failed): ", re.MULTILINE)
_TELLING = re.compile(r"want_io_proxy|invalid|error|fatal|fail|denied|not found|no such|can(?:.t|not)", re.IGNORECASE)


async def read_last_words(link: AgentClient, record: Record) -> str:
    """Return a sentence with the line of a job's error file that tells most, or "" if there is none.

    An image that isn't one of this project's starts something else, which a session's words are missing from.
    """
    stem = posixpath.splitext(record.log)[0]  # of a session that was started from here
    errors, output, image = f"{stem}.err", f"{stem}.out", ""
    try:
        own = constrain(await queue.find_owner(link), job_ads.match_job(record.job))
        argv = ["condor_history", "-constraint", own, "-limit", "1", "-json", "-attributes", _ATTRIBUTES]
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            asked = await link.run(argv, timeout=_ANSWER)
            if ads := load_json(str(asked["out"]).strip() or "[]"):
                folder = str(ads[0].get("Iwd", ""))
                errors, output = (posixpath.join(folder, str(ads[0].get(name, ""))) for name in ("Err", "Out"))
                image = str(ads[0].get("ContainerImage", ""))
                break
        text = str((await link.ask("read", path=errors))["text"])
        said = str((await link.ask("read", path=output))["text"])
    except (LauncherError, ValueError) as error:
        _log.debug("The files of job %s can't be read: %s", record.job, error)
        return ""
    return describe_end(text, said, clean(image, _LONGEST))


def describe_end(errors: str, output: str, image: str) -> str:
    """Return why a job ended without a session, by its error file and its output; "" if they don't tell."""
    line = choose_line(errors)
    said = f"Its error file says: {line}" if line else ""
    if not image or _OWN.search(errors) or _OWN.search(output):
        return said
    return (
        f"The image {image} seems to have no jupyter-session, because nothing of a session was started. Build an image "
        f"from it with runtime/recipes/own-base.def. {said}".rstrip()
    )


def choose_line(text: str) -> str:
    """Return the last line that tells of an error, or else the last line; printable and not long."""
    lines = split_printable(text)
    telling = [line for line in lines if _TELLING.search(line)]
    return (telling or lines or [""])[-1][:_LONGEST]
