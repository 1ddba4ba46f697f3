"""What HTCondor says of the job and of its machine: their ads, as the starter writes them beside the job."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Job:
    """The job that this session is.

    `attributes` and `machine`, the slot's, map lower-case names to literal values (str, int, float, bool).
    """

    id: str
    attributes: Mapping[str, object]
    machine: Mapping[str, object]

    @property
    def host(self) -> str:
        """The execution point's name: its ad's `Machine`, or what it calls itself."""
        return str(self.machine.get("machine") or socket.gethostname())  # no DNS query: it can hang

    @property
    def access_point(self) -> str | None:
        """USER@HOST of the access point, or None where the ad does not say it in plain characters.

        GlobalJobId is `SCHEDD#CLUSTER.PROC#TIME`; a schedd is named as its host, or `NAME@HOST`.
        """
        owner = str(self.attributes.get("owner", ""))
        host = str(self.attributes.get("globaljobid", "")).partition("#")[0].rpartition("@")[2]
        return f"{owner}@{host}" if _PLAIN.fullmatch(owner) and _PLAIN.fullmatch(host) else None


def read_job(environ: Mapping[str, str]) -> Job | None:
    """Read the ads that `_CONDOR_JOB_AD` and `_CONDOR_MACHINE_AD` name; None outside a job, or without the first.

    To be called before there are threads: it forks. The variables and the files:
    https://htcondor.readthedocs.io/en/latest/users-manual/env-of-job.html
    """
    texts = [_text(environ.get(name)) for name in ("_CONDOR_JOB_AD", "_CONDOR_MACHINE_AD")]
    if not texts[0]:
        return None
    attributes, machine = _literals(texts)
    try:
        return Job(f"{int(str(attributes['clusterid']))}.{int(str(attributes['procid']))}", attributes, machine)
    except (KeyError, ValueError):
        return None


def _text(name: str | None) -> str:
    with suppress(OSError):
        return Path(name).read_text(errors="replace") if name else ""
    return ""


def _literals(texts: Sequence[str]) -> list[dict[str, object]]:
    """Return the literal values of each ad, nothing for one that can't be read.

    ClassAds are parsed by a native library that keeps 13 MB for as long as its process lives: so a child does it.
    """
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        with suppress(BaseException), os.fdopen(send, "w") as pipe:
            json.dump([_parse(text) for text in texts], pipe)
        os._exit(0)
    os.close(send)
    with os.fdopen(receive) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    try:
        return list(json.loads(answer))
    except ValueError:
        return [{} for _ in texts]


def _parse(text: str) -> dict[str, object]:
    import classad2  # noqa: PLC0415 - see above

    try:
        ad = classad2.parseOne(text)
    except classad2.ClassAdException:
        return {}
    return {name.lower(): value for name in ad if isinstance(value := ad[name], (str, int, float))}
