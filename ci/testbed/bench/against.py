"""Measure how soon a session is there, beside the build of another commit: both images and launchers, in turn."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from testbed.artifacts import image, launcher
from testbed.bench import figures, session_cost, start, stock_session
from testbed.host import cache
from testbed.host.errors import UserError, say
from testbed.pool import boot
from testbed.pool.pool import Pool, kill_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROUNDS = 9
#: Seconds over which the supervisors' CPU time is counted, and after the start of a session before that.
WATCHED, SETTLED = 180, 60
USER = "alice"
#: Wait for a line of the job event log of a session that is named, and print when it was there.
_STARTED = "until grep -qs '^001 ' ~/jupyter/$0/jupyter-*.log; do sleep 0.02; done; date +%s.%N"
#: Open an address with its one-time secret or token, and then the page, with the cookie; print when it was served.
_SERVED = """\
until curl -sfL -m 5 -o /dev/null -c $0.jar "$1"; do sleep 0.02; done
until curl -sf -m 5 -o /dev/null -b $0.jar "$2"; do sleep 0.02; done
date +%s.%N
"""


@dataclass(frozen=True)
class Build:
    """An image on the access point and a launcher on the laptop, with a state of its own."""

    name: str
    sif: str
    command: str

    def start(self, session: str) -> list[str]:
        """Return the command that starts a session."""
        options = ["--ap", "ap", "--no-browser", "--json", "--image", self.sif, "--memory", "1500MB"]
        return [*self.prefix, "start", *options, session]

    @property
    def prefix(self) -> list[str]:
        """The words before the launcher's arguments."""
        folder = f"/home/{USER}/.{self.command}"
        return ["env", f"XDG_STATE_HOME={folder}/state", f"XDG_CONFIG_HOME={folder}/config", self.command]


@dataclass(frozen=True)
class Opened:
    """Seconds from the command, and from event 001, to the page."""

    from_command: float
    from_start: float


def main(commit: str) -> int:
    """Measure both on a pool of its own and print the ratios beside their limits; return 1 if one is exceeded."""
    other = check_out(commit)
    sifs = [
        image.build(checkout=place.path if place else image.CHECKOUT).path / "jupyter.sif" for place in (None, other)
    ]
    pool = Pool(f"bench-{os.getpid()}")
    boot.up(pool, owner=os.getpid())
    builds = [Build("this", "/srv/this.sif", launcher.COMMAND), Build(commit, "/srv/other.sif", "chtc-jupyter-other")]
    try:
        for build, sif, checkout in zip(builds, sifs, (image.CHECKOUT, other.path), strict=True):
            pool.copy("ap", sif, build.sif)
            pool.copy("laptop", sif, build.sif)
            launcher.place(pool, "laptop", checkout=checkout, command=build.command)
        say(f"starting each of the two runscripts beside bare JupyterLab, {ROUNDS} times in turn")
        inside = {build.name: start.measure(pool, build.sif, ROUNDS) for build in builds}
        opened: dict[str, list[Opened]] = {build.name: [] for build in builds}
        for number in range(-1, ROUNDS):  # the first is for the caches
            for build in builds:
                one = _open(pool, build, f"{build.command[-5:]}{number + 1}")
                say(f"{build.name}: {one.from_start:.1f} s from the job's start, {one.from_command:.1f} s in all")
                if number >= 0:
                    opened[build.name].append(one)
        costs = _watch_supervisors(pool, sifs)
    finally:
        boot.down(pool)
        os.close(other.lock)
    return _show(commit, inside, opened, costs)


def _watch_supervisors(pool: Pool, sifs: Sequence[Path]) -> list[tuple[float, float]]:
    """Return what the supervisor of a session of each image costs, at the same time."""
    runtimes: list[list[str]] = []
    for number, sif in enumerate(sifs):
        job = stock_session.submit(pool, sif, f"{stock_session.FOLDER}-{number}")
        stock_session.wait_until_ready(pool, job)
        runtimes.append(session_cost.find_runtime(pool, *chain(*runtimes)))
    time.sleep(SETTLED)
    return session_cost.watch_all(pool, runtimes, WATCHED)


def _show(
    commit: str,
    inside: dict[str, dict[str, start.Took]],
    opened: dict[str, list[Opened]],
    costs: Sequence[tuple[float, float]],
) -> int:
    rows: list[tuple[str, float, float | None]] = []

    def compare(what: str, read: Callable[[Opened], float], limit: float) -> None:
        this, other = (median(map(read, opened[name])) for name in ("this", commit))
        rows.extend([(what, this, None), (f"  at {commit}", other, None), ("  ratio", this / other, limit)])

    compare("from event 001 to the page (s)", lambda one: one.from_start, 0.35)
    compare("from `chtc-jupyter start` to the page (s)", lambda one: one.from_command, 0.6)
    for name, limit in (("this", 0.85), (commit, None)):
        rows += start.list_rows(f"from the runscript to ready, {name}", inside[name], limit)
    for what, ours, theirs in zip(("memory (MB)", "CPU, idle (% of a core)"), *costs, strict=True):
        rows.extend([(f"supervisor's {what}", ours, None), (f"  at {commit}", theirs, None)])
        rows.append(("  ratio", ours / theirs, 1.0))
    print(f"{os.cpu_count()} cores, {ROUNDS} rounds in turn, medians")
    return figures.show(rows)


def check_out(commit: str) -> cache.Entry:
    """Return the cache's entry that holds the files of a commit."""
    git = ["git", "-c", "safe.directory=*", "-C", str(image.CHECKOUT)]
    found = subprocess.run(
        [*git, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"], capture_output=True, text=True, check=False
    )
    if found.returncode:
        raise UserError(f"there is no commit {commit!r} here: name one that `git log` shows.")

    def make(place: Path) -> None:
        with subprocess.Popen([*git, "archive", found.stdout.strip()], stdout=subprocess.PIPE) as archive:
            subprocess.run(["tar", "-x", "-C", str(place)], stdin=archive.stdout, check=True)

    return cache.get("commit", found.stdout.strip()[:16], make, what=f"a checkout of {commit}", takes="1 s")


def _open(pool: Pool, build: Build, name: str) -> Opened:
    """Start a session, wait for its page, and stop it."""
    seen = pool.popen("ap", ["sh", "-c", _STARTED, name], user=USER, stderr=subprocess.DEVNULL)
    began = time.time()
    running = pool.popen("laptop", build.start(name), user=USER, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = next((found for line in running.stdout or () if (found := json.loads(line).get("url"))), None)
        if not url:
            raise UserError(f"the launcher of {build.name} ended without an address: see `ci/pool logs`.")
        page = "/".join(url.split("/")[:3]) + "/lab"
        served = pool.exec("laptop", ["sh", "-c", _SERVED, f"/home/{USER}/{name}", url, page], user=USER, check=True)
        at, started = float(served.stdout), float(seen.communicate(timeout=60)[0])
        pool.exec("laptop", [*build.prefix, "stop", name], user=USER, check=True, timeout=180)
        return Opened(at - began, at - started)
    finally:
        kill_tree(running.pid)
        running.wait(10)
