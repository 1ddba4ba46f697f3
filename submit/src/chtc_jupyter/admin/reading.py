"""Read everyone's sessions: those in the queue, and those that have left it. READ access is enough."""

from __future__ import annotations

import contextlib

from chtc_jupyter.admin.usage import ATTRIBUTES
from chtc_jupyter.condor import job_ads
from chtc_jupyter.condor.job_ads import Ad
from chtc_jupyter.errors import LauncherError
from chtc_jupyter.ssh.agent_client import AgentClient


async def read_sessions(link: AgentClient, since: float, user: str | None = None) -> list[Ad]:
    """Return the ads of all sessions in the queue and of those that have ended since an epoch second.

    With `user`, a plain name, only that user's. Raises CondorError if HTCondor does not answer.
    """
    which = f"({job_ads.SESSIONS})" + (f' && Owner == "{user}"' if user else "")
    queued = await _read_ads(link, ["condor_q", "-allusers", "-constraint", which])
    ended = await _read_ads(link, ["condor_history", "-constraint", f"{which} && EnteredCurrentStatus >= {int(since)}"])
    return list({job_ads.get_job_id(ad): ad for ad in [*queued, *ended]}.values())  # one may have ended in between


async def _read_ads(link: AgentClient, argv: list[str]) -> list[Ad]:
    """Return the ads that a query prints, read line by line: there may be more than fit into one answer."""
    lines: list[str] = []
    query = [*argv, "-attributes", f"ClusterId,ProcId,{ATTRIBUTES}", "-json"]
    async with contextlib.aclosing(link.stream("follow", argv=query)) as answers:
        async for answer in answers:
            if "error" in answer:
                raise LauncherError(f"{argv[0]} could not be run: {answer['error']}.")
            lines.append(answer.get("line", ""))
    return job_ads.parse_ads({"out": "\n".join(lines), **answer})
