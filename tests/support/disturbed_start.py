"""A session whose start is disturbed: a part of its early way in is killed at a random moment."""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from chtc_condor.codes import JobEventType, JobStatus
from support.job_log import JobLog
from support.laptop import Laptop, Running, list_descendants
from support.waiting import patience, wait_for

#: What is killed, in turn by the seed.
KINDS = ("launcher", "agent", "connection", "schedd", "helper", "helper and launcher")
#: The longest time after the job's start, in seconds, and after which nothing may be suspended any more.
LATEST, AFTER = 0.5, 60
#: Seconds in which a session announces itself then: it tries that less and less often while its shadow is away.
ANNOUNCED = 150
#: Events that say nothing here.
_COMMON = (JobEventType.IMAGE_SIZE, JobEventType.GENERIC, 28, 33, 40)  # and attributes, and transfers of files
_STOPPED = "ps -eo stat,args | grep '^T.*jupyter-session run' | grep -v grep"


@dataclass(frozen=True)
class Disturbed:
    """What became of it: `status` and `state` are the queue's, `left` is what of the early way in still runs."""

    seed: int
    killed: str
    delay: float
    job: str
    status: int
    state: str
    starts: int
    stopped: bool
    left: str
    events: str

    @property
    def is_suspended(self) -> bool:
        """Return whether it is suspended, in truth or by the queue."""
        return self.stopped or self.status == JobStatus.SUSPENDED.value

    @property
    def is_lost(self) -> bool:
        """Return whether its first start hasn't become a session."""
        return self.starts != 1 or self.state != "ready"


def disturb(laptop: Laptop, seed: int) -> Disturbed:
    """Start a session, kill a part of its early way in, and return what is so a minute later."""
    chance, killed = random.Random(seed), KINDS[seed % len(KINDS)]  # noqa: S311
    delay = chance.uniform(0, LATEST)
    running = _start(laptop)
    job = laptop.job()
    log = JobLog(laptop.pool.path("ap", f"{laptop.folder}/jupyter-{job.partition('.')[0]}.log"))
    wait_for(lambda: log.has(JobEventType.EXECUTE), 180, "the job's start", 0.01)
    time.sleep(delay)  # this is the random moment
    _kill(laptop, running, killed, job)
    until = time.monotonic() + AFTER
    wait_for(lambda: time.monotonic() > until, AFTER + 30, "a minute")
    status, state = _ask(laptop, job)
    stopped = _is_stopped(laptop)
    state = _wait_ready(laptop, job) if state != "ready" else state
    events = [int(event.type) for event in log.events() if event.type not in _COMMON]
    return Disturbed(
        seed=seed,
        killed=killed,
        delay=round(delay, 2),
        job=job,
        status=status,
        state=state,
        starts=events.count(JobEventType.EXECUTE),
        stopped=stopped,
        left=laptop.on_ap("pgrep", "-af", f'"job": "{job}"')[:200],
        events=" ".join(map(str, events)),
    )


def _start(laptop: Laptop) -> Running:
    """Start it; again, if the schedd is away because of another one."""
    record = laptop.pool.path(laptop.host, f"{laptop.home}/state/chtc-jupyter/sessions/{laptop.name}.json")
    running = laptop.start()

    def look() -> bool:
        nonlocal running
        if not record.exists() and running.process.poll() is not None:
            running = laptop.start()
        return record.exists()

    wait_for(look, 180, lambda: f"the job; it printed {running.read()!r}", 1)
    return running


def _kill(laptop: Laptop, running: Running, killed: str, job: str) -> None:
    root = laptop.pool.exec
    if "helper" in killed:
        root("ap", ["pkill", "-KILL", "-f", f'^python3 -I -c import sys; exec.*"job": "{job}"'])
    if "launcher" in killed:
        running.close()
    if killed == "agent":
        for tag in running.tags():
            root("ap", ["pkill", "-KILL", "-f", f"^[^ ]*python3[^ ]* -IS .*{tag}"])
    if killed == "connection":
        for pid in list_descendants(running.process.pid):
            if Path(f"/proc/{pid}/comm").read_text().strip() == "ssh":
                os.kill(pid, signal.SIGKILL)
    if killed == "schedd":
        root("ap", ["pkill", "-KILL", "condor_schedd"])


def _ask(laptop: Laptop, job: str) -> tuple[int, str]:
    """Return JobStatus and JupyterState, once the schedd answers; 0 if the job isn't in the queue."""
    said: list[str] = []

    def ask() -> bool:
        done = laptop.pool.exec("ap", ["condor_q", job, "-af", "JobStatus", "JupyterState"], user=laptop.user)
        said[:] = done.stdout.split()
        return done.returncode == 0

    wait_for(ask, 90, "the schedd to answer", 1)
    return (int(said[0]), said[1]) if said else (0, "")


def _wait_ready(laptop: Laptop, job: str) -> str:
    """Return JupyterState once it is "ready", or what it is when the time is up."""
    until = time.monotonic() + ANNOUNCED * patience()
    while (state := _ask(laptop, job)[1]) != "ready" and time.monotonic() < until:
        time.sleep(2)
    return state


def _is_stopped(laptop: Laptop) -> bool:
    """Return whether a session stands still: not only for the moment of another one's start."""
    looks = []
    for _ in range(3):
        looks.append(bool(laptop.pool.exec("ep1", ["sh", "-c", _STOPPED]).stdout))
        time.sleep(1)
    return all(looks)
