"""The user's own jobs in the queue of an access point, and no others."""

from __future__ import annotations

import logging

from chtc_condor import ownership
from chtc_jupyter.condor import job_ads
from chtc_jupyter.condor.job_ads import Ad
from chtc_jupyter.errors import CondorError, LauncherError, NoAnswerError
from chtc_jupyter.ssh.agent_client import AgentClient

_log = logging.getLogger(__name__)
#: Seconds in which the schedd says whom it takes the user for.
_ANSWER = 20


async def find_owner(link: AgentClient) -> str:
    """Return the name that the user's jobs have as `Owner`: the one that the schedd knows, or else the account's."""
    if "owner" not in link.hello:
        try:
            said = str((await link.run(ownership.PING, timeout=_ANSWER))["out"])
        except NoAnswerError:
            raise CondorError(f"The schedd of {link.ap} doesn't answer. Try again in a minute.") from None
        except LauncherError as error:
            _log.debug("The schedd of %s can't be asked who asks: %s", link.ap, error)
            said = ""
        owner = ownership.parse_owner(said) or str((await link.run(["id", "-un"]))["out"]).strip()
        if not owner:
            raise CondorError(f"{link.ap} doesn't say what your user name is there, so your jobs can't be found.")
        _log.debug("On %s, the user's jobs are those of %s", link.ap, owner)
        link.hello["owner"] = owner
    return str(link.hello["owner"])


async def find_jobs(link: AgentClient, condition: str) -> list[Ad]:
    """Return the user's jobs in the queue that meet a condition; raises CondorError."""
    return job_ads.parse_ads(await link.run(job_ads.build_query(await find_owner(link), condition)))


async def find_job(link: AgentClient, job: str) -> Ad | None:
    """Return a job of the user's by its ID, or None if the queue doesn't have it; raises CondorError."""
    found = await find_jobs(link, job_ads.match_job(job))
    return found[0] if found else None


async def find_other_owner(link: AgentClient, job: str) -> str:
    """Return the user whose job has this ID, if it is in the queue and somebody else's; otherwise ""."""
    asked = await link.run(["condor_q", "-allusers", "-constraint", job_ads.match_job(job), "-af", "Owner"])
    names = [name for name in str(asked["out"]).split() if name.isprintable()][:1]
    return "" if asked["status"] or not names or names[0] == await find_owner(link) else names[0]


async def remove(link: AgentClient, job: str, condition: str = "") -> None:
    """Remove a job of the user's, if it meets the condition; raises LauncherError if HTCondor doesn't remove it."""
    done = await link.run(job_ads.build_removal(await find_owner(link), job, condition))
    if done["status"]:
        said = " ".join(f"{done['err']} {done['out']}".split())[:300]
        raise LauncherError(f"HTCondor did not remove job {job}: {said or 'it gave no reason'}.")
