"""Measure what a session's supervisor costs while it runs, by the execution point's kernel."""

from __future__ import annotations

import os
import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from testbed.artifacts import image
from testbed.bench import stock_session
from testbed.host.errors import say
from testbed.pool import boot
from testbed.pool.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Prints the clock of all threads of a process, as the kernel names it (CPUCLOCK_SCHED of linux/posix-timers.h).
_CLOCK = "import sys, time; print(time.clock_gettime(~int(sys.argv[1]) << 3 | 2))"


@contextmanager
def session() -> Iterator[tuple[Pool, str]]:
    """Yield a ready session on a pool of its own, and its job; remove both after the block."""
    sif = image.build().path / "jupyter.sif"
    pool = Pool(f"bench-{os.getpid()}")
    boot.up(pool, owner=os.getpid())
    try:
        job = stock_session.submit(pool, sif)
        stock_session.wait_until_ready(pool, job)
        yield pool, job
    finally:
        boot.down(pool)


def watch(pool: Pool, seconds: float) -> tuple[float, float]:
    """Watch the pool's one session; return its runtime's memory in MB and its supervisor's CPU in percent of a core."""
    (cost,) = watch_all(pool, [find_runtime(pool)], seconds)
    return cost


def find_runtime(pool: Pool, *others: str) -> list[str]:
    """Return the process IDs of a session's watchdog and supervisor, of which the pool has one beside the `others`."""
    runtime = ["pgrep", "-f", "^/opt/jupyter/bin/python.*(jupyter-session run|wait_for_supervisor.py)"]
    return [pid for pid in pool.exec("ep1", runtime, check=True).stdout.split() if pid not in others]


def watch_all(pool: Pool, runtimes: Sequence[Sequence[str]], seconds: float) -> list[tuple[float, float]]:
    """Watch several sessions at the same time; return what `watch` does for each.

    The memory is the supervisor's RSS with what its watchdog has beside that: most of the watchdog's pages are the
    supervisor's too.
    """
    before = [_cpu_seconds(pool, pid) for _, pid in runtimes]
    say(f"watching for {seconds:.0f} s what the supervisor costs")
    started = time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - started
    costs = []
    for (watchdog, pid), was in zip(runtimes, before, strict=True):
        memory = _kilobytes(pool, pid, "Rss") + _kilobytes(pool, watchdog, "Private_Clean|Private_Dirty")
        costs.append((memory * 1024 / 1e6, 100 * (_cpu_seconds(pool, pid) - was) / passed))
    return costs


def _kilobytes(pool: Pool, pid: str, fields: str) -> int:
    found = re.findall(
        rf"^(?:{fields}): +(\d+) kB", pool.path("ep1", f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE
    )
    return sum(int(count) for count in found)


def _cpu_seconds(pool: Pool, pid: str) -> float:
    """Return the CPU time of a process. Its `stat` counts ticks of 10 ms, and misses short turns."""
    return float(pool.exec("ep1", ["python3", "-c", _CLOCK, pid], check=True).stdout)
