"""Measure what the launcher adds to HTCondor's own time: from job start to page, and after a network outage."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from testbed.artifacts import image, launcher
from testbed.bench import figures
from testbed.host.errors import UserError, say
from testbed.pool import boot
from testbed.pool.pool import Pool, kill_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 5
USER, SIF = "alice", "/srv/jupyter.sif"
#: Seconds for which the network is down.
CUT = 20
START = ["chtc-jupyter", "start", "--ap", "ap", "--no-browser", "--json", "--image", SIF, "--memory", "1500MB"]
_STARTED = "until grep -q '^001 ' {log}; do sleep 0.02; done; date +%s.%N"
_ENTERED = "until condor_ssh_to_job {job} echo in 2>/dev/null | grep -q in; do sleep 0.1; done; date +%s.%N"
_SIGN_IN = ["curl", "-sf", "-o", "/dev/null", "-K", "-"]
_SERVED = "until curl -sf -m 5 -o /dev/null -K $0; do sleep 0.02; done; date +%s.%N"


@dataclass(frozen=True)
class Opened:
    """When things happened, in epoch seconds."""

    started: float
    entered: float
    served: float


def main() -> int:
    """Measure on a pool of its own and print the figures beside their limits; return 1 if one is exceeded."""
    sif = image.build().path / "jupyter.sif"
    pool = Pool(f"bench-{os.getpid()}")
    boot.up(pool, owner=os.getpid())
    rounds, heals = [], []
    try:
        pool.copy("ap", sif, SIF)
        launcher.place(pool, "laptop")
        for number in range(ROUNDS):
            say(f"session {number + 1} of {ROUNDS}")
            with _session(pool, f"bench{number}") as (opened, address):
                rounds.append(opened)
                heals.append(_heal(pool, address))
    finally:
        boot.down(pool)
    first, page = (median(getattr(one, what) - one.started for one in rounds) for what in ("entered", "served"))
    above = [one.served - one.entered for one in rounds]
    print(f"{os.cpu_count()} cores, {ROUNDS} sessions, medians in seconds")
    return figures.show(
        [
            ("from event 001 to HTCondor's letting somebody in", first, None),
            ("from event 001 to the page", page, None),
            ("the page, above the first way in", median(above), 1.0),
            ("the same, the largest", max(above), None),
            (f"from a network that healed after {CUT} s to a good request", median(heals), 3.0),
        ]
    )


@contextmanager
def _session(pool: Pool, name: str) -> Iterator[tuple[Opened, str]]:
    """Yield an open session, and curl's file for its address on the laptop."""
    running = pool.popen("laptop", [*START, name], user=USER, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        job = str(_told(running, "job"))
        log = f"/home/{USER}/jupyter/{name}/jupyter-{job.partition('.')[0]}.log"
        asking = [_time(pool, "ap", line.format(job=job, log=log)) for line in (_STARTED, _ENTERED)]
        address = f"/home/{USER}/{name}.curl"
        url, cookies = str(_told(running, "url")), f"/home/{USER}/{name}.cookies"
        pool.exec("laptop", _SIGN_IN, user=USER, input=f'url = "{url}"\ncookie-jar = "{cookies}"\n', check=True)
        lab = urljoin(url, "/lab")
        pool.put("laptop", address, f'url = "{lab}"\ncookie = "{cookies}"\n'.encode(), USER, 0o600)
        served = _time(pool, "laptop", _SERVED, address)
        yield Opened(*(float(one.communicate(timeout=120)[0]) for one in (*asking, served))), address
        pool.exec("laptop", ["chtc-jupyter", "stop", name], user=USER, check=True, timeout=180)
    finally:
        kill_tree(running.pid)
        running.wait(10)


def _heal(pool: Pool, address: str) -> float:
    """Cut the laptop's network for a while; return the seconds from its return to a good response."""
    pool.cut("laptop")
    time.sleep(CUT)
    pool.heal("laptop")
    healed = time.time()
    return float(_time(pool, "laptop", _SERVED, address).communicate(timeout=120)[0]) - healed


def _time(pool: Pool, host: str, line: str, *words: str) -> subprocess.Popen[str]:
    """Start a shell command that waits for something and prints when it happened."""
    return pool.popen(host, ["sh", "-c", line, *words], user=USER, stderr=subprocess.DEVNULL)


def _told(running: subprocess.Popen[str], what: str) -> object:
    """Return a field of the first line of the launcher that has it."""
    for line in running.stdout or ():
        if found := json.loads(line).get(what):
            return found
    raise UserError(f"chtc-jupyter ended before it reported its {what}: see `ci/pool logs`.")
