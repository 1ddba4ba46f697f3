"""Measure what many concurrent sessions cost the access point, and what tunnels to some of them add.

The runtime and HTCondor are real; JupyterLab has a small stand-in, for a hundred of it would not fit this machine.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from testbed.artifacts import image, launcher
from testbed.bench import costs, figures
from testbed.bench.costs import Cost
from testbed.host.errors import UserError, say
from testbed.host.waiting import wait
from testbed.pool import boot
from testbed.pool.pool import Pool, kill_tree

STEPS = (10, 25, 50, 100)
TUNNELS = 20
#: Seconds for a step's sessions to be ready, over which CPU is counted, and for memory to settle before.
READY, WATCHED, SETTLE = 900, 60, 20
#: The share of an access point's memory that sessions can use, and that memory in MB.
SHARE, MEMORY = 0.75, 64_000
STAND_IN = Path(__file__).with_name("scale_inside.py")
SIF = "/srv/jupyter.sif"
#: The processes of an access point, by their command lines; and those of sessions on the execution point.
AP = {
    "schedd": r"^condor_schedd\b",
    "shadows": r"^condor_shadow\b",
    "tunnels": r"chtc-jupyter-|condor_ssh_to_job|^ssh |^sshd-session: alice|^python3 -IS",
    "other daemons": r"^condor_(master|collector|negotiator|procd|shared_port)|^/usr/sbin/condor|procd",
}
EP = {
    "starters": r"^condor_starter\b",
    "stand-ins for JupyterLab": r"jupyter-lab --config",
    "runtime": r"jupyter-session run|wait_for_supervisor\.py|^tmux|^/bin/bash|^/bin/sh -c|^tee ",
    "Apptainer": r"pptainer|squashfuse|fuse",
}
CONFIGURATION = f"""
NUM_CPUS = 256
MEMORY = 128000
SLOT_TYPE_1 = cpus=250, memory=120000, disk=80%, gpus=0
SLOT_TYPE_2 = cpus=1, memory=1000, disk=10%, gpus=0
SINGULARITY_BIND_EXPR = "/srv/stand-in:/opt/jupyter/bin/jupyter-lab"
DEDICATED_EXECUTE_ACCOUNT_REGEXP = slot1_[0-9]+
{"".join(f"SLOT1_{n}_USER = slot1_{n}{chr(10)}" for n in range(33, 201))}
"""
SUBMIT = f"""
container_image = {SIF}
transfer_container = false
initialdir = /home/alice/scale/$(number)
transfer_input_files = notebooks
transfer_output_files = notebooks
when_to_transfer_output = ON_EXIT_OR_EVICT
My.SpoolOnEvict = false
should_transfer_files = yes
want_io_proxy = true
request_cpus = 1
request_memory = 256MB
request_disk = 64MB
arguments = --idle-timeout never
log = jupyter.log
output = jupyter.out
error = jupyter.err
queue number from seq FIRST LAST |
"""


HEADERS = (
    "sessions", "ready after (s)", "shadows (MB)", "each", "processes", "files, each", "CPU", "schedd (MB)", "CPU",
    "AP in all (MB)", "EP, each (MB)", "processes", "CPU",
)  # fmt: skip


@dataclass(frozen=True)
class Watched:
    """What each kind of process on a host costs, and the CPU of each in percent of a core."""

    cost: dict[str, Cost]
    cpu: dict[str, float]


@dataclass(frozen=True)
class Step:
    """What a number of sessions cost on both hosts, and how many seconds the last one took to be ready."""

    number: int
    ready: int
    ap: Watched
    ep: Watched

    def cells(self) -> tuple[str, ...]:
        """Return a row of the table."""
        schedd, shadows = self.ap.cost["schedd"], self.ap.cost["shadows"]
        there = sum(self.ep.cost.values(), Cost())
        return (
            *(str(self.number), str(self.ready)),
            *(f"{shadows.memory:.0f}", f"{shadows.memory / self.number:.2f}", str(shadows.processes)),
            *(f"{shadows.files / self.number:.0f}", f"{self.ap.cpu['shadows']:.2f}"),
            *(f"{schedd.memory:.1f}", f"{self.ap.cpu['schedd']:.2f}"),
            f"{sum(cost.memory for cost in self.ap.cost.values()):.0f}",
            *(f"{there.memory / self.number:.0f}", f"{there.processes / self.number:.1f}"),
            f"{sum(self.ep.cpu.values()) / self.number:.2f}",
        )


def main() -> int:
    """Measure on a pool of its own and print the table."""
    with _pool() as pool:
        before = costs.by_kind(pool, "ap", AP)
        alone = [*_add(pool, 1, 1)]
        steps: list[Step] = []
        for number in STEPS:
            took = _add(pool, steps[-1].number + 1 if steps else 2, number)
            steps.append(Step(number, max(took), *_watch(pool)))
            say(" ".join(steps[-1].cells()))
        alone += _add(pool, STEPS[-1] + 1, STEPS[-1] + 1)
        with _tunnels(pool):
            tunnelled, _ = _watch(pool)
        duty = pool.exec("ap", ["condor_status", "-schedd", "-af", "RecentDaemonCoreDutyCycle"]).stdout.strip()
    _show(steps, before, tunnelled)
    print(f"submitted alone: the 1st ready after {alone[0]} s, the {STEPS[-1] + 1}st after {alone[1]} s")
    print(f"the schedd's RecentDaemonCoreDutyCycle over all of it: {duty}")
    return 0


@contextlib.contextmanager
def _pool() -> Iterator[Pool]:
    sif = image.build().path / "jupyter.sif"
    pool = Pool(f"bench-{os.getpid()}")
    boot.up(pool, owner=os.getpid())
    try:
        pool.copy("ep1", sif, SIF)
        pool.copy("ep1", STAND_IN, "/srv/stand-in", mode=0o755)
        users = "".join(f"slot1_{n}:x:{4000 + n}:{4000 + n}::/:/bin/bash\n" for n in range(33, 201))
        pool.exec("ep1", ["sh", "-c", "cat >>/etc/passwd"], input=users, check=True)
        pool.put("ep1", "/etc/condor/config.d/90-scale", CONFIGURATION.encode())
        pool.exec("ep1", ["condor_restart", "-startd"], check=True)
        wait(lambda: _cpus(pool) > 200 or None, 120, "the slots of the execution point", "see ci/pool logs ep1")
        yield pool
    finally:
        boot.down(pool)


def _cpus(pool: Pool) -> int:
    shown = pool.exec("ap", ["condor_status", "slot1@ep1", "-af", "TotalSlotCpus"]).stdout.split()
    return int(shown[0]) if shown else 0


def _add(pool: Pool, first: int, last: int) -> list[int]:
    """Submit sessions at once; return how many seconds each took to be ready, by its event log."""
    numbers = range(first, last + 1)
    folders = [f"/home/alice/scale/{number}/notebooks" for number in numbers]
    pool.exec("ap", ["mkdir", "-p", *folders], user="alice", check=True)
    submit = SUBMIT.replace("FIRST", str(first)).replace("LAST", str(last))
    pool.exec("ap", ["condor_submit", "-"], user="alice", input=submit, timeout=120, check=True)
    logs = [pool.path("ap", f"/home/alice/scale/{number}/jupyter.log") for number in numbers]
    say(f"{len(logs)} sessions are submitted")

    def look() -> list[int] | None:
        took = [_ready(log) for log in logs]
        if any("Job was held" in log.read_text() for log in logs if log.exists()):
            raise UserError(f"a session is on hold: {pool.exec('ap', ['condor_q', '-hold', '-all']).stdout}")
        return [seconds for seconds in took if seconds is not None] if None not in took else None

    return wait(look, READY, "the sessions to be ready", "see ci/pool logs ap")


def _ready(log: Path) -> int | None:
    text = log.read_text() if log.exists() else ""
    submitted = re.search(r"^000 \S+ (\S+ \S+) ", text, re.MULTILINE)
    ready = re.search(r'^008 \S+ (\S+ \S+) jupyter-session \{"state": "ready"', text, re.MULTILINE)
    if not submitted or not ready:
        return None
    return round((datetime.fromisoformat(ready[1]) - datetime.fromisoformat(submitted[1])).total_seconds())


def _watch(pool: Pool) -> tuple[Watched, Watched]:
    """Return the costs on the access point and on the execution point, once all has settled."""
    time.sleep(SETTLE)
    hosts = (("ap", AP), ("ep1", EP))
    before, began = [costs.by_kind(pool, *host) for host in hosts], time.monotonic()
    time.sleep(WATCHED)
    after, passed = [costs.by_kind(pool, *host) for host in hosts], time.monotonic() - began
    ap, ep = (
        Watched(now, {kind: 100 * max(0.0, now[kind].cpu - was[kind].cpu) / passed for kind in now})
        for was, now in zip(before, after, strict=True)
    )
    return ap, ep


@contextlib.contextmanager
def _tunnels(pool: Pool) -> Iterator[None]:
    """Open some of the sessions from ``laptop``, each with its own launcher, for the duration of the block."""
    launcher.place(pool, "laptop")
    jobs = pool.exec("ap", ["condor_q", "-allusers", "-af:j", "JobStatus"], check=True).stdout.split()[::2][:TUNNELS]
    say(f"opening {len(jobs)} tunnels")
    with contextlib.ExitStack() as stack:
        logs = []
        for job in jobs:
            log = pool.path("laptop", f"/home/alice/tunnel-{job}.log")
            homes = dict.fromkeys(("XDG_STATE_HOME", "XDG_CONFIG_HOME"), f"/home/alice/tunnel-{job}")
            argv = ["chtc-jupyter", "connect", job, "--ap", "ap", "--no-browser"]
            with log.open("wb") as output:
                command = pool.command("laptop", argv, user="alice", env=homes)
                running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            stack.callback(running.wait, 20)
            stack.callback(kill_tree, running.pid)
            logs.append(log)
        wait(
            lambda: all("/lab?token=" in log.read_text() for log in logs) or None, 300, "the tunnels", f"see {logs[0]}"
        )
        yield


def _show(steps: list[Step], before: dict[str, Cost], tunnelled: Watched) -> None:
    """Print the table, and extrapolate to a larger access point."""
    print(f"{os.cpu_count()} cores; memory is PSS; CPU in percent of a core, over {WATCHED} s in idle sessions")
    figures.table(HEADERS, [step.cells() for step in steps])
    first, last = steps[0], steps[-1]
    more = last.number - first.number
    grown = {kind: (last.ap.cost[kind].memory - first.ap.cost[kind].memory) / more for kind in ("schedd", "shadows")}
    each = sum(grown.values())
    tunnels, cpu = tunnelled.cost["tunnels"], tunnelled.cpu["tunnels"]
    tunnel = tunnels.memory / TUNNELS
    rest = sum(cost.memory for cost in before.values())
    for name, room in (("without tunnels", each), ("each with a tunnel", each + tunnel)):
        fit = (SHARE * MEMORY - rest) / room
        print(f"in {SHARE:.0%} of {MEMORY / 1000:.0f} GB, by memory: {fit:.0f} sessions {name}")
    print(f"a further session: {grown['shadows']:.2f} MB of shadow, {grown['schedd']:.3f} MB of schedd")
    print(
        f"a tunnel: {tunnels.processes / TUNNELS:.1f} processes, {tunnel:.1f} MB, {tunnels.files / TUNNELS:.0f} open "
        f"files, {cpu / TUNNELS:.2f} % of a core"
    )
    on_ep = ", ".join(f"{kind} {cost.memory / last.number:.1f} MB" for kind, cost in last.ep.cost.items())
    print(f"on the execution point, a session: {on_ep}")
