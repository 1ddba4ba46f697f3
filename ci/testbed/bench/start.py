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
SCRIPT = Path(__file__).with_name("timed_starts.py")
SIF = "/srv/bench.sif"

#: Seconds of every start: of a session ("session") and of bare JupyterLab ("lab").
Took = dict[str, list[float]]


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
    rows = [
        *list_rows("from the runscript to ready", took, 0.85),
        ("runtime's memory (MB)", memory, 45.0),
        ("runtime's CPU, idle (% of a core)", cpu, 0.5),
        ("image (MB)", sif.stat().st_size / 1e6, 220.0),
    ]
    print(f"{os.cpu_count()} cores, {ROUNDS} rounds in turn, medians")
    return figures.show(rows)


def measure(pool: Pool, sif: str, rounds: int) -> dict[str, Took]:
    """Return how long the starts took on ``laptop``: each in a new container, and all in one."""
    script = ["-c", SCRIPT.read_text()]
    ways = {
        "each in a new container": ["python3", *script, sif, str(rounds)],
        "all in one container": ["apptainer", "exec", sif, "/opt/jupyter/bin/python3", "-I", *script, "", str(rounds)],
    }
    took: dict[str, Took] = {}
    for where, argv in ways.items():
        ran = pool.exec("laptop", argv, user="alice", timeout=300)
        if ran.returncode:
            raise UserError(f"the starts could not be measured: {ran.stderr.strip().splitlines()[-1]}")
        took[where] = json.loads(ran.stdout.splitlines()[-1])
    return took


def list_rows(what: str, took: dict[str, Took], limit: float | None) -> list[tuple[str, float, float | None]]:
    """Return what `figures.show` prints of the starts."""
    rows: list[tuple[str, float, float | None]] = []
    for where, seconds in took.items():
        session, bare = median(seconds["session"]), median(seconds["lab"])
        rows.append((f"{what}, {where} (s)", session, None))
        rows.append(("  bare `jupyter lab` (s)", bare, None))
        rows.append(("  ratio", session / bare, limit))
    return rows
