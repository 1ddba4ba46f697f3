#!/usr/bin/env -S python3 -B
"""At the end of the DAG, for any reason: wait for the session to end, and leave nothing behind.

final.py SUBMIT_FILE NODE DAG_STATUS FAILED_COUNT

Exits with 0 if everything succeeded or the DAG was removed, otherwise with 1; the DAG ends accordingly.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

import cleanup
import condor
import nodes_log
import notify
from chtc_condor.codes import DagStatus
from chtc_condor.event_log import parse_events
from nodes_log import Job
from plan import read_plan

#: Seconds for the session to shut down and its notebooks to come back, and for its POST script to run after that.
PATIENCE, POST_PATIENCE = 3600, 120


def find_pending(jobs: Mapping[str, Job], node: str) -> str:
    """Return what is still to come of the node's jobs: `its end`, `its POST script`, or nothing."""
    own = [job for job in jobs.values() if job.node == node]
    if any(not job.ended for job in own):
        return "its end"
    return "its POST script" if any(not job.posted for job in own) else ""


def is_success(dag_status: int, failed_count: int) -> bool:
    """Return True if the DAG ends well. If the watcher dies, DAGMan reports a failed node but does not count it."""
    if dag_status == DagStatus.NODE_FAILED:
        return failed_count == 0
    return dag_status in (DagStatus.OK, DagStatus.RM)


def main(submit_file: str, node: str, dag_status: str, failed_count: str) -> int:
    """Return the exit status."""
    started = ended = time.monotonic()
    while True:
        jobs = nodes_log.collect_jobs(parse_events(nodes_log.read_log(notify.find_nodes_log())))
        pending, now = find_pending(jobs, node), time.monotonic()
        ended = now if pending == "its end" else ended
        if not pending or now > started + PATIENCE or now > ended + POST_PATIENCE:
            break
        time.sleep(1)
    try:
        plan = read_plan(submit_file, node)
    except condor.CondorError:
        return 1
    for job in jobs.values():
        if job.node == node and job.ended:
            cleanup.remove_leftovers(job.id, plan)
    return 0 if is_success(int(dag_status), int(failed_count)) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
