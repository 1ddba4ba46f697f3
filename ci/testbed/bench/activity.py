"""Measure the cost of watching for activity: the supervisor's memory and CPU beside many kernels and processes."""

from __future__ import annotations

import os
from pathlib import Path

from testbed.bench import figures, session_cost, stock_session
from testbed.host.errors import UserError
from testbed.pool.pool import Pool

KERNELS, PROCESSES = 10, 50
#: Seconds over which CPU time is counted.
WATCHED = 120
IN_CONTAINER = Path(__file__).with_name("activity_inside.py")


def main() -> int:
    """Measure on a pool of its own and print the figures beside their limits; return 1 if one is exceeded."""
    with session_cost.session() as (pool, job):
        _fill(pool, job)
        memory, cpu = session_cost.watch(pool, WATCHED)
    rows = [("supervisor's memory (MB, RSS)", memory, 60.0), ("supervisor's CPU (% of a core)", cpu, 1.0)]
    print(f"{KERNELS} kernels, {PROCESSES} processes, {WATCHED} s, {os.cpu_count()} cores")
    return figures.show(rows)


def _fill(pool: Pool, job: str) -> None:
    """Start the kernels and the processes in the session."""
    script = f"exec /opt/jupyter/bin/python - {KERNELS} {PROCESSES}"
    argv = ["condor_ssh_to_job", "-auto-retry", job, script]
    ran = pool.exec("ap", argv, user=stock_session.USER, input=IN_CONTAINER.read_text(), timeout=180)
    if "all up" not in ran.stdout:
        raise UserError(f"the session could not be filled: {(ran.stderr.strip() or ran.stdout.strip())[-300:]}")
