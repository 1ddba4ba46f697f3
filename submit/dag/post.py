#!/usr/bin/env -S python3 -B
"""After a session: say how it ended, tidy up, decide.

post.py SUBMIT_FILE JOB RETURN RETRY MAX_RETRIES

Exits 0: it ended as intended. 1: it broke, and may be started again. 2: that would be no use. 3: its user removed it.
"""

from __future__ import annotations

import json
import os
import pwd
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cleanup
import condor
import nodes_log
import notify
from plan import Plan

ENDED, BROKE, NO_USE, REMOVED = range(4)
#: $RETURN of a job that left the queue without an exit status, and of one that never came into it.
_ABORTED, _NOT_SUBMITTED = -1002, -1001
_NAMES = 3


@dataclass(frozen=True)
class Verdict:
    """The node's exit status, a word for what happened, and a sentence."""

    status: int
    state: str
    sentence: str


def verdict(returned: int, job: nodes_log.Job, owner: str, *, left: int) -> Verdict:
    """Decide what an end means; `left` is how many times DAGMan would start it again.

    An eviction is no end: HTCondor itself starts the job again. What its user or a rule of the pool removed is not
    started again; what broke is.
    """
    reason = _sentence(job.reason)
    if returned == 0:
        return Verdict(ENDED, "ended", reason or "The session has ended.")
    if returned == _ABORTED:
        if job.why.endswith(f"(by user {owner})"):
            return Verdict(REMOVED, "removed", "The session was removed by its user.")
        return Verdict(NO_USE, "removed", f"The session was removed: {_sentence(job.why)} It is not started again.")
    if returned == _NOT_SUBMITTED:
        return Verdict(NO_USE, "failed", "HTCondor did not take the job: condor_submit with its submit file says why.")
    if returned == NO_USE:
        why = reason or "A setting of the session is wrong: its error file says which."
        return Verdict(NO_USE, "failed", f"{why} It is not started again.")
    how = f"died of signal {-returned}" if returned < 0 else f"ended with exit status {returned}"
    why = reason if job.state == "failed" else ""
    again = "It is started again." if left else "It is not started again."
    return Verdict(BROKE, "failed", " ".join(part for part in (f"The session {how}.", why, again) if part))


def summary(receipt: Mapping[str, Any], folder: Path) -> str:
    """Return what came of the session, from its receipt."""
    if not receipt:
        return f"It left no receipt; what was saved is in {folder}."
    changed = receipt.get("changed") or {}
    names, count = list(changed.get("names") or ())[:_NAMES], changed.get("count") or 0
    more = f" and {count - len(names)} more" if count > len(names) else ""
    files = f"{', '.join(map(str, names))}{more}" if count else "none"
    return f"It ran {_duration(receipt.get('seconds') or 0)}; files changed in {folder}: {files}."


def receipt(folder: Path, job: str) -> dict[str, Any]:
    """Return the receipt that a job has left; empty where there is none of it."""
    try:
        found = json.loads((folder / ".jupyter-session/last-session.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("job") == job else {}


def _sentence(text: str) -> str:
    text = text.strip().rstrip(".")
    return f"{text}." if text else ""


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes > 1 else f"{minutes * 60 + rest} s"


def main(submit_file: str, job_id: str, returned: str, retry: str, max_retries: str) -> int:
    """Return the exit status."""
    jobs = nodes_log.jobs(nodes_log.events(nodes_log.read(notify.nodes_log())))
    job = jobs.get(job_id, nodes_log.Job(job_id, ""))
    found = verdict(int(returned), job, pwd.getpwuid(os.getuid()).pw_name, left=int(max_retries) - int(retry))
    told = found.sentence
    try:
        plan = Plan.of(condor.described(submit_file))
    except condor.CondorError as error:
        told += f" Its submit file can't be read any more: {error}."
    else:
        cleanup.remove_leftovers(job_id, plan)
        if job.ran:
            told += f" {summary(receipt(plan.notebooks, job_id), plan.notebooks)}"
    notify.notify_user(found.state, told, job.at or notify.format_now())
    return found.status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
