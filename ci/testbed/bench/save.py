"""Measure what save-back costs: a session with a large unchanging folder beside one with a small folder."""

from __future__ import annotations

import os
import shlex
import time

from testbed.bench import figures, session_cost, stock_session
from testbed.host import waiting
from testbed.pool.pool import Pool

FILES = 10_000
#: Seconds over which CPU time is counted, and for all files to arrive on the access point.
QUIET, ARRIVAL = 120, 300
IN_JOB = f"""
import os
for number in range({FILES}):
    os.makedirs(f"notebooks/many/{{number % 100}}", exist_ok=True)
    with open(f"notebooks/many/{{number % 100}}/{{number}}.csv", "w") as file:
        file.write("1,2,3\\n" * 20)
"""


def main() -> int:
    """Measure on a pool of its own and print the figures beside their limits; return 1 if one is exceeded."""
    with session_cost.session() as (pool, job):
        small_memory, small = session_cost.watch(pool, QUIET)
        took = _save_many(pool, job)
        large_memory, large = session_cost.watch(pool, QUIET)
    rows = [
        (f"CPU, {FILES} unchanged files (% of a core)", large, None),
        ("CPU, the stock folder (% of a core)", small, None),
        ("CPU, difference (% of a core)", large - small, 2.0),
        (f"memory, {FILES} files (MB)", large_memory, None),
        ("memory, the stock folder (MB)", small_memory, None),
        (f"{FILES} new files are on the access point (s)", took, None),
    ]
    print(f"{os.cpu_count()} cores, {QUIET} s each")
    return figures.show(rows)


def _save_many(pool: Pool, job: str) -> float:
    """Write many files in the job; return how many seconds later the last one is on the access point."""
    command = shlex.join(["/opt/jupyter/bin/python", "-c", IN_JOB])
    pool.exec("ap", ["condor_ssh_to_job", "-auto-retry", job, command], user=stock_session.USER, timeout=120)
    started = time.monotonic()
    many = pool.path("ap", f"{stock_session.FOLDER}/notebooks/many")
    waiting.wait(
        lambda: sum(1 for _ in many.rglob("*.csv")) == FILES or None, ARRIVAL, "the files to arrive", "see ci/pool logs"
    )
    return time.monotonic() - started
