"""Measure how soon ssh into a new job works, on a stock execution point and with submit/operators."""

from __future__ import annotations

import os
import time
from statistics import median

from testbed.artifacts import image
from testbed.host.errors import say
from testbed.host.waiting import wait
from testbed.pool import boot
from testbed.pool.pool import Pool

ROUNDS = 5
#: Seconds for a job to start and let someone in, and between two tries.
LIMIT, EVERY = 120, 0.3
CONFIGURATION = image.CHECKOUT / "submit/operators/sessions-ep.conf"
JOB = "executable = /bin/sleep\narguments = 300\ntransfer_executable = false\nlog = {}\nrequest_memory = 64MB\nqueue\n"


def main() -> int:
    """Enter jobs with and without the configuration, in turn, on a pool of its own; print the seconds."""
    took: dict[str, list[float]] = {"HTCondor's own": [], "with sessions-ep.conf": []}
    pool = Pool(f"bench-{os.getpid()}")
    boot.up(pool, owner=os.getpid())
    try:
        for number in range(ROUNDS):
            for name, text in zip(took, (b"", CONFIGURATION.read_bytes()), strict=True):
                pool.put("ep1", "/etc/condor/config.d/90-entry", text)
                pool.exec("ep1", ["condor_reconfig"], check=True)
                took[name].append(_enter(pool, f"/home/alice/entry-{number}-{len(text)}.log"))
                say(f"{name}: {took[name][-1]:.1f} s")
    finally:
        boot.down(pool)
    print(f"{os.cpu_count()} cores, {ROUNDS} rounds in turn; from the job's start to the first condor_ssh_to_job")
    for name, seconds in took.items():
        print(f"{name:22} median {median(seconds):5.1f} s   ({', '.join(f'{one:.1f}' for one in sorted(seconds))})")
    return 0


def _enter(pool: Pool, log: str) -> float:
    """Return how many seconds after a job's start a command could run in it."""
    submit = ["condor_submit", "-terse", "-"]
    job = pool.exec("ap", submit, user="alice", input=JOB.format(log), check=True).stdout.split()[0]
    seen = pool.path("ap", log)

    def has_started() -> bool | None:
        return (seen.exists() and "\n001 " in seen.read_text()) or None

    wait(has_started, LIMIT, "the job to start", "see ci/pool logs")
    began = time.monotonic()
    while time.monotonic() < began + LIMIT:
        said = pool.exec("ap", ["condor_ssh_to_job", job, "echo inside"], user="alice").stdout
        if "inside" in said:
            break
        time.sleep(EVERY)
    took = time.monotonic() - began
    pool.exec("ap", ["condor_rm", job], user="alice", check=True)
    return took
