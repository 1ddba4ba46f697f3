#!/usr/bin/env -S python3 -B
"""At the end of the DAG, whatever ended it: leave nothing behind.

final.py SUBMIT_FILE NODE DAG_STATUS FAILED_COUNT

Exits 0 where all went well or the DAG was removed, else 1: that is how the DAG ends.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

import cleanup
import condor
import nodes_log
import notify
from nodes_log import Job
from plan import Plan

#: Seconds that a session may take to end in order, its notebooks to come back, and its POST script to run.
PATIENCE, POST_PATIENCE = 3600, 120
#: DAG_STATUS: all went well; a node failed; the DAG was removed.
_OK, _NODE_FAILED, _REMOVED = "0", "2", "4"


def waits_for(jobs: Mapping[str, Job], node: str) -> str:
    """Return what of the node's jobs is still to come: `its end`, `its POST script`, or nothing."""
    own = [job for job in jobs.values() if job.node == node]
    if any(not job.ended for job in own):
        return "its end"
    return "its POST script" if any(not job.posted for job in own) else ""


def is_fine(dag_status: str, failed_count: str) -> bool:
    """Say whether the DAG ends well. DAGMan calls it a failed node when the watcher dies, but does not count it."""
    return dag_status in (_OK, _REMOVED) or (dag_status == _NODE_FAILED and failed_count == "0")


def main(submit_file: str, node: str, dag_status: str, failed_count: str) -> int:
    """Return the exit status."""
    started = ended = time.monotonic()
    while True:
        jobs = nodes_log.jobs(nodes_log.events(nodes_log.read(notify.nodes_log())))
        what, now = waits_for(jobs, node), time.monotonic()
        ended = now if what == "its end" else ended
        if not what or now > started + PATIENCE or now > ended + POST_PATIENCE:
            break
        time.sleep(1)
    try:
        plan = Plan.of(condor.described(submit_file))
    except condor.CondorError:
        return 1
    for job in jobs.values():
        if job.node == node and job.ended:
            cleanup.remove_leftovers(job.id, plan)
    return 0 if is_fine(dag_status, failed_count) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
