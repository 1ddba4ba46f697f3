"""Run in the tests' Python environment, by `ci/bench page_load`."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from support.browser.chromium import CHROMIUM, QUIET
from testbed.artifacts import image, launcher
from testbed.bench import figures
from testbed.host.errors import say
from testbed.pool import boot
from testbed.pool.pool import Pool, kill_tree

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

ROUNDS = int(os.environ.get("ROUNDS", "5"))
USER, SIF, PORT = "alice", "/srv/jupyter.sif", 15200
START = ["chtc-jupyter", "start", "--ap", "ap", "--no-browser", "--json", "--image", SIF, "--memory", "1500MB", "page"]
TOKEN = "bench"  # noqa: S105 - of a server that lives for minutes, on a host of the test bed
PLAIN = f"cd; exec apptainer exec {SIF} jupyter lab --no-browser --port={PORT} --ServerApp.port_retries=0"
#: Seconds for a page, which a machine that is busy may take.
PATIENCE = 120


@dataclass(frozen=True)
class Line:
    """A line: Mbit/s, and milliseconds until the first byte of an answer; the largest ratio of times on it."""

    megabits: int
    latency: int
    limit: float


@dataclass(frozen=True)
class Loaded:
    """Seconds until JupyterLab can be used, and MB that came over the line."""

    seconds: float
    megabytes: float


LINES = (Line(10, 100, 0.6), Line(20, 50, 0.75))


def main() -> int:
    """Measure on a pool of its own and print the figures beside their limits; return 1 if one is exceeded."""
    sif = image.build().path / "jupyter.sif"
    pool = Pool(f"bench-{os.getpid()}")
    boot.up(pool, owner=os.getpid())
    rows: list[tuple[str, float, float | None]] = []
    environ = {"JUPYTER_TOKEN": TOKEN}
    try:
        for host in ("ap", "laptop"):
            pool.copy(host, sif, SIF)
        launcher.place(pool, "laptop")
        pool.exec("laptop", ["chtc-jupyter", "config", "keep-address", "true"], user=USER, check=True)
        plain = pool.popen("laptop", ["sh", "-c", PLAIN], user=USER, env=environ, stderr=subprocess.DEVNULL)
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            wrapper = Path(folder, "chromium")
            wrapper.write_text(f'#!/bin/sh\nexec {" ".join(pool.nsenter_net("laptop"))} {CHROMIUM} "$@"\n')
            wrapper.chmod(0o755)
            browser = playwright.chromium.launch(
                executable_path=wrapper, args=["--no-sandbox", *QUIET], env={**os.environ, "HOME": folder}
            )
            running, url = _start(pool)
            for line in LINES:
                took: dict[str, list[Loaded]] = {"session": [], "plain": []}
                for _ in range(ROUNDS):
                    for name, address in (
                        ("session", url()),
                        ("plain", f"http://127.0.0.1:{PORT}/lab?token={TOKEN}"),
                    ):
                        context = browser.new_context()
                        took[name].append(_load(context, address, line))
                        context.close()  # what a page left behind would take from the next one
                rows.extend(_compare(line, took))
            context = browser.new_context()
            _load(context, url(), LINES[0])
            pool.exec("laptop", ["chtc-jupyter", "stop", "page"], user=USER, check=True, timeout=180)
            kill_tree(running.pid)
            running, url = _start(pool)
            again = _load(context, url(), LINES[0])
            rows.append(("a second session of the same name (MB)", again.megabytes, 0.3))
            rows.append(("  seconds, 10 Mbit/s and 100 ms", again.seconds, None))
            browser.close()
        for process in (running, plain):
            kill_tree(process.pid)
    finally:
        boot.down(pool)
    print(f"{os.cpu_count()} cores, {ROUNDS} rounds in turn, medians")
    return figures.show(rows)


def _start(pool: Pool) -> tuple[subprocess.Popen[str], Any]:
    """Start the session; return its launcher, and a function that returns an address for a new browser."""
    running = pool.popen("laptop", START, user=USER, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    first = [found for line in _read(running) if (found := line.get("url"))][-1:]

    def url() -> str:
        if first:
            return str(first.pop())
        shown = pool.exec("laptop", ["chtc-jupyter", "url", "page"], user=USER, check=True).stdout
        return next(word for word in shown.split() if word.startswith("http"))

    return running, url


def _read(running: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Return what the launcher has said, up to the address."""
    said: list[dict[str, Any]] = []
    for line in running.stdout or ():
        said.append(json.loads(line))
        if said[-1].get("url"):
            break
    return said


def _load(context: BrowserContext, url: str, line: Line) -> Loaded:
    """Load JupyterLab over a line that Chromium emulates; the context stays as it is."""
    page = context.new_page()
    protocol = context.new_cdp_session(page)
    received = 0

    def count(event: dict[str, Any]) -> None:
        nonlocal received
        received += event["encodedDataLength"]

    protocol.on("Network.loadingFinished", count)
    protocol.send("Network.enable")
    speed = line.megabits * 1e6 / 8
    conditions = {"offline": False, "latency": line.latency, "downloadThroughput": speed, "uploadThroughput": speed}
    protocol.send("Network.emulateNetworkConditions", conditions)
    began = time.monotonic()
    page.goto(url, timeout=PATIENCE * 1000, wait_until="commit")
    page.locator("#jp-main-dock-panel").wait_for(timeout=PATIENCE * 1000)
    page.locator("#jupyterlab-splash").wait_for(state="detached", timeout=PATIENCE * 1000)
    took = time.monotonic() - began
    page.wait_for_load_state("networkidle", timeout=PATIENCE * 1000)
    page.close()
    say(f"{took:.1f} s, {received / 1e6:.2f} MB")
    return Loaded(took, received / 1e6)


def _compare(line: Line, took: dict[str, list[Loaded]]) -> list[tuple[str, float, float | None]]:
    seconds = {name: median(one.seconds for one in found) for name, found in took.items()}
    size = {name: median(one.megabytes for one in found) for name, found in took.items()}
    name = f"{line.megabits} Mbit/s and {line.latency} ms"
    return [
        (f"page, {name} (s)", seconds["session"], None),
        ("  plain JupyterLab", seconds["plain"], None),
        ("  ratio", seconds["session"] / seconds["plain"], line.limit),
        (f"bytes, {name} (MB)", size["session"], None),
        ("  plain JupyterLab", size["plain"], None),
        ("  ratio", size["session"] / size["plain"], 0.3),
    ]


if __name__ == "__main__":
    raise SystemExit(main())
