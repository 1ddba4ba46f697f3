"""Whose session a state folder is: what tells the sessions of one account on one machine apart."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

_LOG = logging.getLogger(__name__)
_LINE = re.compile(r'^(ClusterId|ProcId|GlobalJobId) = "?([^"\n]+)"?$', re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class JobKey:
    """A job: `id` is CLUSTER.PROC; `unique` is different from that of every job of every access point."""

    id: str
    unique: str


@dataclass(frozen=True)
class Identity:
    """One session: `id` is random. `job` and `scratch` are "" outside of a job; `sockets` is its folder of sockets."""

    id: str
    job: str
    scratch: str
    notebooks: str
    sockets: str

    def write(self, path: Path) -> None:
        """Write it as JSON, 0600. Raises OSError if it can't be."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(self), file)

    @classmethod
    def read(cls, path: Path) -> Identity | None:
        """Return what `write` wrote, None if there is no such file."""
        try:
            values = json.loads(path.read_text())
            return cls(**{name: str(values[name]) for name in cls.__dataclass_fields__})
        except (OSError, ValueError, KeyError, TypeError) as error:
            _LOG.debug("%s: %r", path, error)
            return None


def read_job_key(environ: Mapping[str, str]) -> JobKey | None:
    """Return the job of a process with these variables, None outside of a job.

    The job ad is only searched for three plain lines, because each `tmux` of a user does it.
    """
    try:
        text = Path(environ["_CONDOR_JOB_AD"]).read_text(errors="replace")
    except (KeyError, OSError, ValueError) as error:
        _LOG.debug("no job ad: %r", error)
        return None
    found = {name.lower(): value for name, value in _LINE.findall(text)}
    try:
        job = f"{int(found['clusterid'])}.{int(found['procid'])}"
    except (KeyError, ValueError) as error:
        _LOG.debug("the job ad has no job ID: %r", error)
        return None
    return JobKey(job, found.get("globaljobid", job))
