"""Run in the tests' Python environment, by `ci/bench page_load`."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from testbed.bench import figures
from testbed.bench.beside_plain import PLAIN_URL, beside_plain
from testbed.host.errors import say

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

ROUNDS = int(os.environ.get("ROUNDS", "5"))
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
    rows: list[tuple[str, float, float | None]] = []
    with beside_plain() as both:
        for line in LINES:
            took: dict[str, list[Loaded]] = {"session": [], "plain": []}
            for _ in range(ROUNDS):
                for name, address in (("session", both.url()), ("plain", PLAIN_URL)):
                    context = both.browser.new_context()
                    took[name].append(_load(context, address, line))
                    context.close()  # what a page left behind would take from the next one
            rows.extend(_compare(line, took))
        context = both.browser.new_context()
        _load(context, both.url(), LINES[0])
        both.stop()
        both.start()
        again = _load(context, both.url(), LINES[0])
        rows.append(("a second session of the same name (MB)", again.megabytes, 0.3))
        rows.append(("  seconds, 10 Mbit/s and 100 ms", again.seconds, None))
    print(f"{os.cpu_count()} cores, {ROUNDS} rounds in turn, medians")
    return figures.show(rows)


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
