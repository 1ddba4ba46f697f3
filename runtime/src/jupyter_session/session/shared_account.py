"""Whether jobs of other people run under this job's account: nothing separates those of one account."""

from __future__ import annotations

import logging
import os
import pwd
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from jupyter_session.condor.job_ad import Job

_LOG = logging.getLogger(__name__)
#: The account that HTCondor gives to all jobs of a machine unless its slots have their own, and its number.
_NOBODY, _NOBODY_ID = "nobody", 65534
_AD = b"_CONDOR_JOB_AD="
_OWNER = re.compile(rb'^Owner = "([^"\n]*)"', re.MULTILINE)


def find_account_warnings(job: Job | None, account: str, owners: Iterable[str]) -> tuple[str, ...]:
    """Return a sentence if the job's account isn't its own; `owners` are those of the jobs that were seen under it."""
    if job is None:
        return ()
    others = any(owner != job.attributes.get("owner") for owner in owners)
    if not others and account != _NOBODY:
        return ()
    who = "jobs of other people run" if others else "jobs of other people may run"
    reach = "read this session's files, and enter it"
    if job.attributes.get("wantioproxy") is True:
        reach += ", and read and write on the access point what you can"
    ask = "Ask your operators for slots with accounts of their own."
    return (f"On this machine, {who} under the same account ({account}): they can {reach}. {ask}",)


def name_account() -> str:
    """Return the name of this process's account."""
    uid = os.getuid()
    try:
        return _NOBODY if uid == _NOBODY_ID else pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def list_owners(proc: Path = Path("/proc")) -> Iterator[str]:
    """Yield the owners of the jobs whose processes run under this account, as far as they can be seen from here."""
    for folder in proc.glob("[0-9]*"):
        try:
            if folder.stat().st_uid != os.getuid():
                continue
            variables = (folder / "environ").read_bytes().split(b"\0")
            names = [os.fsdecode(each[len(_AD) :]) for each in variables if each.startswith(_AD)]
            found = [_OWNER.search((folder / "root" / name.lstrip("/")).read_bytes()) for name in names]
        except OSError as error:  # it has ended, or is in another container
            _LOG.debug("can't look at a process: %s", error)
            continue
        yield from (owner[1].decode(errors="replace") for owner in found if owner)
