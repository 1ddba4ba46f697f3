"""Measure what the runtime costs: its start beside bare JupyterLab's, its memory, its CPU, and the image's size."""

from __future__ import annotations

import json
import os
from pathlib import Path
from statistics import median

from testbed.artifacts import image
from testbed.bench import figures, session_cost, stock_session
from testbed.host.errors import UserError, say
from testbed.pool import boot
from testbed.pool.pool import Pool

ROUNDS = 9
#: Seconds over which the idle supervisor's CPU time is counted.
IDLE = 60
ON_LAPTOP = Path(__file__).with_name("start_inside.py")
SIF = "/srv/bench.sif"


def main() -> int:
    """Measure on a pool of its own and print the figures beside their limits; return 1 if one is exceeded."""
    sif = image.build().path / "jupyter.sif"
    pool = Pool(f"bench-{os.getpid()}")
    boot.up(pool, owner=os.getpid())
    try:
        pool.copy("laptop", sif, SIF)
        say(f"starting each of the two {ROUNDS} times in turn")
        took = measure(pool, SIF, ROUNDS)
        stock_session.wait_until_ready(pool, stock_session.submit(pool, sif))
        memory, cpu = session_cost.watch(pool, IDLE)
    finally:
        boot.down(pool)
    ours, bare = median(took["session"]), median(took["lab"])
    rows = [
        ("start, session (s, median)", ours, None),
        ("start, bare jupyter lab (s, median)", bare, None),
        ("start, ratio", ours / bare, 0.85),
        ("runtime's memory (MB)", memory, 45.0),
        ("runtime's CPU, idle (% of a core)", cpu, 0.5),
        ("image (MB)", sif.stat().st_size / 1e6, 220.0),
    ]
    print(f"{os.cpu_count()} cores, {ROUNDS} rounds in turn")
    return figures.show(rows)


def measure(pool: Pool, sif: str, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of every start, of ours and of bare JupyterLab, each in a new container on ``laptop``."""
    argv = ["python3", "-c", ON_LAPTOP.read_text(), sif, str(rounds)]
    ran = pool.exec("laptop", argv, user="alice", timeout=300)
    if ran.returncode:
        raise UserError(f"the starts could not be measured: {ran.stderr.strip().splitlines()[-1]}")
    took: dict[str, list[float]] = json.loads(ran.stdout.splitlines()[-1])
    return took
