"""The ads of the job and of its machine, as the starter writes them beside the job."""

from __future__ import annotations

import enum
import json
import logging
import os
import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_session.condor import policy

_LOG = logging.getLogger(__name__)
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
#: The name of the host in an address of HTCondor's: `<10.0.0.1:9618?addrs=...&alias=ap.example.org&noUDP>`.
_ALIAS = re.compile(r"[?&]alias=([^&>]+)")
_VERSION = re.compile(r"\$CondorVersion: (\d+)\.(\d+)\.(\d+) ")


@dataclass(frozen=True)
class Job:
    """The job that this session is.

    `attributes` and `machine` (the slot's) map lowercase names to literal values (str, int, float, or bool). An
    attribute that is undefined or an error is in neither. Where times in the machine ad are expressions, `machine` has
    what they were when the ad was read. `foreseen` says when each expression of a policy becomes true, in epoch
    seconds, by its lowercase name (see `policy.foresee`).
    """

    id: str
    attributes: Mapping[str, object]
    machine: Mapping[str, object]
    foreseen: Mapping[str, float] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """The execution point's name: its ad's `Machine`, or its own host name."""
        return str(self.machine.get("machine") or socket.gethostname())  # no DNS query: it can hang

    @property
    def start(self) -> int | None:
        """The job's `JobCurrentStartDate`, which tells one start of it from another."""
        found = self.attributes.get("jobcurrentstartdate")
        return found if type(found) is int else None

    @property
    def outside(self) -> bool:
        """Whether the machine may run the commands of condor_ssh_to_job outside of the container.

        HTCondor does so before 24.0.20 and 25.0.10. Not all versions between those and 25.14 were tried.
        """
        if not (found := _VERSION.match(str(self.machine.get("condorversion", "")))):
            return False
        version = tuple(map(int, found.groups()))
        return not ((24, 0, 20) <= version < (24, 1) or (25, 0, 10) <= version < (25, 1) or version >= (25, 14))

    @property
    def access_point(self) -> str | None:
        """USER@HOST of the access point, or None if the ad doesn't have it in plain characters.

        GlobalJobId is `SCHEDD#CLUSTER.PROC#TIME`. A schedd's name is its host's, `NAME@HOST`, `NAME@`, or two words of
        its operators' choice: then the shadow's address has the host's name.
        """
        owner = str(self.attributes.get("owner", ""))
        _, named, host = str(self.attributes.get("globaljobid", "")).partition("#")[0].rpartition("@")
        if named and "." not in host and (found := _ALIAS.search(str(self.attributes.get("shadowipaddr", "")))):
            host = found[1]
        return f"{owner}@{host}" if _PLAIN.fullmatch(owner) and _PLAIN.fullmatch(host) else None


def read_job(
    environ: Mapping[str, str], *, look_ahead: bool = False, meanwhile: Callable[[], object] = lambda: None
) -> Job | None:
    """Read the ads that `_CONDOR_JOB_AD` and `_CONDOR_MACHINE_AD` name; return None without a readable job ad.

    With `look_ahead`, find out what the policies in them will do. Call it before there are threads, because it forks.
    `meanwhile` is called while the ads are parsed. The variables and the files:
    https://htcondor.readthedocs.io/en/latest/users-manual/env-of-job.html
    """
    texts = [_read_text(environ.get(name)) for name in ("_CONDOR_JOB_AD", "_CONDOR_MACHINE_AD")]
    if not texts[0]:
        return None
    attributes, machine, foreseen = _parse_in_child(texts, look_ahead=look_ahead, meanwhile=meanwhile)
    try:
        job_id = f"{int(str(attributes['clusterid']))}.{int(str(attributes['procid']))}"
        return Job(job_id, attributes, machine, {name: float(str(at)) for name, at in foreseen.items()})
    except (KeyError, ValueError) as error:
        _LOG.debug("the job ad has no job ID: %r", error)
        return None


def _read_text(name: str | None) -> str:
    try:
        return Path(name).read_text(errors="replace") if name else ""
    except OSError as error:
        _LOG.debug("can't read an ad: %s", error)
        return ""


def _parse_in_child(
    texts: Sequence[str], *, look_ahead: bool, meanwhile: Callable[[], object]
) -> list[dict[str, object]]:
    """Return the literal values of each ad, and what is foreseen; an ad that can't be parsed has none.

    The native library that parses ClassAds takes 13 MB for as long as its process lives, so a child process does it.
    """
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        with suppress(BaseException), os.fdopen(send, "w") as pipe:  # the parent logs that nothing came
            json.dump(_parse_all(texts, look_ahead=look_ahead), pipe)
        os._exit(0)
    os.close(send)
    with os.fdopen(receive) as pipe:
        meanwhile()
        answer = pipe.read()
    os.waitpid(child, 0)
    try:
        return list(json.loads(answer))
    except ValueError:
        _LOG.debug("the ads could not be parsed")
        return [{}, {}, {}]


def _parse_all(texts: Sequence[str], *, look_ahead: bool) -> list[dict[str, object]]:
    job, machine = (_parse(text) for text in texts)
    values = [_read_literals(job), _read_literals(machine), {}]
    with suppress(Exception):
        values[0] |= policy.evaluate_durations(job, machine)
    with suppress(Exception):  # policies are anything that an administrator writes
        values[1] |= policy.evaluate_times(machine, job)
        if look_ahead:
            now = time.time()
            started = policy.plausible_start(values[0], now)
            values[2] |= policy.foresee(texts, started=started, now=now, parse=_parse)
    return values


def _parse(text: str) -> Any:
    import classad2  # noqa: PLC0415 - see above

    try:
        return classad2.parseOne(text)
    except classad2.ClassAdException:
        return classad2.ClassAd()


def _read_literals(ad: Any) -> dict[str, object]:
    return {name.lower(): value for name in ad if _is_literal(value := ad[name])}


def _is_literal(value: object) -> bool:
    """Return whether an attribute has a value. classad2 reads `undefined` and `error` as the IntEnum's 2 and 1."""
    return isinstance(value, (str, int, float)) and not isinstance(value, enum.Enum)
