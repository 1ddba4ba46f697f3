"""What is asked of the queue and of a session in it, over a connection."""

from __future__ import annotations

import re

from chtc_jupyter import ads, tunnel, why
from chtc_jupyter.ads import Ad
from chtc_jupyter.errors import FailedError, LauncherError, NoSuchSessionError, PolicyError
from chtc_jupyter.link import Link
from chtc_jupyter.records import Record


async def find(link: Link, name: str | None) -> Ad:
    """Return the one session of the queue that is meant; raises NoSuchSessionError, CondorError."""
    found = ads.choose(ads.parse(await link.run(ads.query("-constraint", ads.SESSIONS))), name)
    if not found and name and re.fullmatch(r"\d+(\.\d+)?", name):
        found = ads.parse(await link.run(ads.query(name)))
    if len(found) == 1:
        return found[0]
    if not found:
        raise NoSuchSessionError(
            f"There is no session {name!r} in the queue of {link.ap}."
            if name
            else f"There is no session in the queue of {link.ap}."
        )
    known = ", ".join(f"{ad.get('JupyterName', '-')} ({ads.job_of(ad)})" for ad in found)
    raise NoSuchSessionError(f"There are several sessions, say which: {known}.")


async def record_of(link: Link, name: str | None) -> Record:
    """Return how to follow the session that is meant."""
    found = ads.record(await find(link, name), link.ap)
    if found is None:
        raise NoSuchSessionError("That job has no event log, so it can't be followed: add `log = ...` to its file.")
    return found


async def why_queued(link: Link, job: str) -> str:
    """Say why a job is not running; empty where that can't be told."""
    told = await link.run(["condor_q", "-better-analyze", job])
    ad = await link.run(ads.query(job))
    try:
        found = ads.parse(ad)
    except LauncherError:
        return ""
    if told["status"] or not found:
        return ""
    shown = await link.run(why.SLOTS)
    return why.explain(why.analysis(told["out"]), found[0], why.slots(shown["out"]))


async def inside(link: Link, job: str, *argv: str) -> str:
    """Run a verb of jupyter-session in the job; raises FailedError, PolicyError."""
    done = await link.run(tunnel.inside(job, ["jupyter-session", *argv]), timeout=60)
    if done["out"].strip():
        return str(done["out"])
    said = " ".join(line.strip() for line in done["err"].splitlines() if line.strip())
    if tunnel.is_policy(said):
        raise PolicyError(f"This pool does not let you ssh into job {job}: {said}")
    raise FailedError(f"The session in job {job} gave no answer ({said or 'no word'}): try again in some seconds.")
