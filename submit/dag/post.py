#!/usr/bin/env -S python3 -B
"""After a session: tell the user how it ended, clean up, and decide whether to retry.

post.py SUBMIT_FILE JOB RETURN RETRY MAX_RETRIES

Exits with 0 if the session ended as intended, 1 if it failed and may be retried, 2 if a retry would not help, and 3 if
its user removed it.
"""

from __future__ import annotations

import enum
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cleanup
import condor
import nodes_log
import notify
from chtc_condor import notebook_look
from chtc_condor.event_log import parse_events
from plan import read_plan


class Exit(enum.IntEnum):
    """Exit statuses of this script, which jupyter.dag acts upon."""

    ENDED = 0
    FAILED = 1
    NO_RETRY = 2
    REMOVED = 3


#: DAGMan's $RETURN for a job that left the queue without an exit status, and for one that was never submitted.
_ABORTED, _NOT_SUBMITTED = -1002, -1001
#: Exit status of a session that has a wrong setting.
_BAD_SETTING = 2
#: How many files the summary names.
_NAMES = 3
#: Characters of a name, and seconds that no session runs.
_LONGEST, _ETERNITY = 120, 1e9


@dataclass(frozen=True)
class Verdict:
    """The node's exit status, the state that the user is notified of, and a sentence."""

    status: Exit
    state: str
    sentence: str


def judge_end(returned: int, job: nodes_log.Job, owner: str, *, left: int) -> Verdict:
    """Decide what an end means; `left` is how many retries DAGMan has left.

    An eviction is not an end: HTCondor itself starts the job again. A session that its user or a policy of the pool
    removed is not retried; one that failed is.
    """
    reason = _end_sentence(job.reason)
    if returned == 0:
        return Verdict(Exit.ENDED, "ended", reason or "The session has ended.")
    if returned == _ABORTED:
        if job.why.endswith(f"(by user {owner})"):
            return Verdict(Exit.REMOVED, "removed", "The session was removed by its user.")
        why = _end_sentence(job.why)
        return Verdict(Exit.NO_RETRY, "removed", f"The session was removed: {why} It will not be retried.")
    if returned == _NOT_SUBMITTED:
        hint = "run condor_submit with its submit file to see why"
        return Verdict(Exit.NO_RETRY, "failed", f"HTCondor did not accept the job: {hint}.")
    if returned == _BAD_SETTING:
        why = reason or "A setting of the session is invalid: see its error file."
        return Verdict(Exit.NO_RETRY, "failed", f"{why} It will not be retried.")
    how = f"died of signal {-returned}" if returned < 0 else f"ended with exit status {returned}"
    why = reason if job.state == "failed" else ""
    retry = "DAGMan retries it." if left else "It will not be retried."
    return Verdict(Exit.FAILED, "failed", " ".join(part for part in (f"The session {how}.", why, retry) if part))


def summarize_files(folder: Path, job: str, started: str = "") -> str:
    """Return how long the session ran, which files it changed, and what is missing in the notebook folder.

    `started` is when the job started last, as its log writes it.
    """
    looked = notebook_look.look(str(folder), job, started)
    where = notebook_look.describe(looked, str(folder))
    if not looked.receipt:
        return where
    receipt, _ = notebook_look.read_receipt(str(folder))
    files = f"files changed in {folder}: {_list_changed(receipt.get('changed'))}."
    summary = f"It ran for {_format_duration(receipt.get('seconds'))}; {files}"
    return f"{summary} {where}" if looked.missing_count else summary


def _list_changed(changed: Any) -> str:
    """Return the files that a receipt names; it is the session's own, so that it may have anything in it."""
    found = changed if isinstance(changed, dict) else {}
    listed = found.get("names")
    names = [notebook_look.clean(str(name), _LONGEST) for name in listed[:_NAMES]] if isinstance(listed, list) else []
    count = found.get("count")
    more = count - len(names) if isinstance(count, int) else 0
    return f"{', '.join(names)}{f' and {more} more' if more > 0 else ''}" if names else "none"


def _end_sentence(text: str) -> str:
    text = text.strip().rstrip(".")
    return f"{text}." if text else ""


def _format_duration(found: Any) -> str:
    seconds = found if isinstance(found, (int, float)) and 0 <= found < _ETERNITY else 0
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes > 1 else f"{minutes * 60 + rest} s"


def main(submit_file: str, job_id: str, returned: str, retry: str, max_retries: str) -> int:
    """Return the exit status."""
    jobs = nodes_log.collect_jobs(parse_events(nodes_log.read_log(notify.find_nodes_log())))
    job = jobs.get(job_id, nodes_log.Job(job_id, ""))
    verdict = judge_end(int(returned), job, condor.find_owner(), left=int(max_retries) - int(retry))
    text = verdict.sentence
    try:
        plan = read_plan(submit_file, job.node)
    except condor.CondorError as error:
        text += f" Its submit file can't be read: {error}."
    else:
        cleanup.remove_leftovers(job_id, plan)
        if job.ran:
            text += f" {summarize_files(plan.notebooks, job_id, job.started)}"
    notify.notify_user(verdict.state, text, job.at or notify.format_now())
    return verdict.status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
