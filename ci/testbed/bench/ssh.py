"""Measure the throughput and the delay of `ssh jupyter-JOB`, beside ssh to the access point alone."""

from __future__ import annotations

import os
import time
from statistics import median

from testbed.artifacts import ssh_template
from testbed.bench import figures, session_cost, stock_session
from testbed.host.errors import UserError, say

#: Megabytes of the file that is copied, and how often each is copied, in turn.
SIZE, ROUNDS = 1000, 3


def main() -> int:
    """Measure on a pool of its own and print the figures; return 1 if a file arrived changed."""
    took: dict[str, list[float]] = {}

    def timed(what: str, *argv: str) -> str:
        started = time.monotonic()
        done = pool.exec("laptop", argv, user=stock_session.USER, timeout=600)
        took.setdefault(what, []).append(time.monotonic() - started)
        if done.returncode:
            raise UserError(f"{' '.join(argv)!r} on the laptop failed: {done.stderr.strip()}")
        return done.stdout

    with session_cost.session() as (pool, job):
        ssh_template.set_up(pool, stock_session.USER)
        hosts = {"the job": f"jupyter-{job}", "the access point": "ap.jupyter"}
        timed("make", "sh", "-c", f"head -c {SIZE}000000 /dev/urandom >big")
        right = timed("sum", "sha256sum", "big").split()[0]
        timed("login", "ssh", hosts["the job"], "true")
        for number in range(ROUNDS):
            say(f"round {number + 1} of {ROUNDS}")
            for name, host in hosts.items():
                for _ in range(3):
                    timed(f"in {name}", "ssh", host, "true")
                timed(f"to {name}", "scp", "-q", "big", f"{host}:big")
                timed(f"from {name}", "scp", "-q", f"{host}:big", "back")
                found = (timed("sum", "ssh", host, "sha256sum", "big"), timed("sum", "sha256sum", "back"))
                if any(words.split()[0] != right for words in found):
                    raise UserError(f"the file that was copied to {name} and back is not the same")
                timed("clean", "ssh", host, "rm", "big")
    print(f"{os.cpu_count()} cores, {ROUNDS} rounds in turn, medians; a file of {SIZE} MB, the same by its SHA-256")
    rows = []
    for way in ("to", "from"):
        job_rate, ap_rate = (SIZE / median(took[f"{way} {name}"]) for name in hosts)
        rows += [
            (f"scp {way} the job (MB/s)", job_rate, None),
            (f"scp {way} the access point (MB/s)", ap_rate, None),
            (f"scp {way}, ratio", job_rate / ap_rate, None),
        ]
    rows += [(f"ssh into {name}, a command (s)", median(took[f"in {name}"]), None) for name in hosts]
    return figures.show(rows)
