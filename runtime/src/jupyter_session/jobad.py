"""What HTCondor says of the job: its ad, as the starter writes it beside the job."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Job:
    """The job that this session is. `attributes` maps lower-case names to literal values (str, int, float, bool)."""

    id: str
    attributes: Mapping[str, object]

    @property
    def access_point(self) -> str | None:
        """USER@HOST of the access point, or None where the ad does not say it in plain characters.

        GlobalJobId is `SCHEDD#CLUSTER.PROC#TIME`; a schedd is named as its host, or `NAME@HOST`.
        """
        owner = str(self.attributes.get("owner", ""))
        host = str(self.attributes.get("globaljobid", "")).partition("#")[0].rpartition("@")[2]
        return f"{owner}@{host}" if _PLAIN.fullmatch(owner) and _PLAIN.fullmatch(host) else None


def read_job(environ: Mapping[str, str]) -> Job | None:
    """Read the ad that `_CONDOR_JOB_AD` names; None outside a job, or where it can't be read.

    The variable and the file: https://htcondor.readthedocs.io/en/latest/users-manual/env-of-job.html
    """
    name = environ.get("_CONDOR_JOB_AD")
    if not name:
        return None
    try:
        text = Path(name).read_text(errors="replace")
    except OSError:
        return None
    attributes = _literals(text)
    try:
        return Job(f"{int(str(attributes['clusterid']))}.{int(str(attributes['procid']))}", attributes)
    except (KeyError, ValueError):
        return None


def read_machine(environ: Mapping[str, str]) -> str:
    """Return the execution point's name: its ad's `Machine`, or the host's own name (no DNS query: it can hang)."""
    try:
        machine = _literals(Path(environ["_CONDOR_MACHINE_AD"]).read_text(errors="replace")).get("machine")
    except (KeyError, OSError):
        machine = None
    return str(machine or socket.gethostname())


def _literals(text: str) -> dict[str, object]:
    import classad2  # noqa: PLC0415 - a native library that only a job needs

    try:
        ad = classad2.parseOne(text)
    except classad2.ClassAdException:
        return {}
    return {name.lower(): value for name in ad if isinstance(value := ad[name], (str, int, float))}
