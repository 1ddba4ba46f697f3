"""Run in the tests' Python environment, by `ci/bench recorder`."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Page, expect

from support.browser.lab import Lab, Notebook
from support.notebook_client import make_cell, make_notebook
from testbed.bench import costs, figures
from testbed.bench.beside_plain import PLAIN_URL, PORT, TOKEN, USER, BesidePlain, beside_plain
from testbed.host.errors import say
from testbed.host.waiting import wait

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession

ROUNDS = int(os.environ.get("ROUNDS", "15"))
IDLE = float(os.environ.get("IDLE", "120"))  # seconds
_KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
_SERVER = {"server": r"bin/jupyter-lab --"}
#: Cells of the notebook that is opened, and lines of output of each.
CELLS, LINES = 40, 50
_WRITTEN = ["find", "/var/lib/condor/execute", "-name", "prints.ipynb", "-size", "+500k"]
PRINTS = "for i in range(1_000_000): print('line', i)"


@dataclass
class Side:
    """One of the two: where it runs, its pages, and what they cost."""

    host: str
    api: str
    page: Page
    opened: list[float] = field(default_factory=list)
    requests: int = 0
    frames: int = 0
    received: int = 0

    def count(self, protocol: CDPSession) -> None:
        """Count what the page asks for and gets, from now on."""
        protocol.on("Network.requestWillBeSent", self._note_request)
        protocol.on("Network.loadingFinished", self._note_answer)
        for event in ("Network.webSocketFrameReceived", "Network.webSocketFrameSent"):
            protocol.on(event, self._note_frame)
        protocol.send("Network.enable")

    def _note_request(self, _event: dict[str, Any]) -> None:
        self.requests += 1

    def _note_answer(self, event: dict[str, Any]) -> None:
        self.received += event["encodedDataLength"]

    def _note_frame(self, event: dict[str, Any]) -> None:
        self.frames += 1
        self.received += len(event["response"]["payloadData"])


def main() -> int:
    """Measure on a pool of its own and print the figures beside their limits; return 1 if one is exceeded."""
    with beside_plain("--set", "request_memory = 3000MB") as both:
        program = both.pool.exec("laptop", ["chtc-jupyter", "url", "--program", "page"], user=USER, check=True)
        session = Side("ep1", program.stdout.strip(), both.browser.new_context().new_page())
        plain = Side("laptop", f"http://127.0.0.1:{PORT}/?token={TOKEN}", both.browser.new_context().new_page())
        sides = {"session": session, "plain": plain}
        for side, url in ((session, both.url()), (plain, PLAIN_URL)):
            _write(both, side)
            Lab(side.page, url)
        for number in range(ROUNDS):
            for side in (session, plain) if number % 2 else (plain, session):
                side.opened.append(_open(side.page))
                Notebook(side.page).save()  # JupyterLab adds to its metadata
                if number + 1 < ROUNDS:
                    side.page.locator(".lm-TabBar-tab.jp-mod-current .lm-TabBar-tabCloseIcon").last.click()
        used = _watch_idle(both, sides)
        grown = _print_lines(both, sides)
    opened = {name: median(side.opened) for name, side in sides.items()}
    print(f"{os.cpu_count()} cores, {ROUNDS} openings in turn, medians; {IDLE:.0f} s with an idle tab of each")
    rows: list[tuple[str, float, float | None]] = []
    for name, found, limit in (
        ("opening a notebook (s)", opened, 1.1),
        ("requests of an idle tab", {name: float(side.requests) for name, side in sides.items()}, 1.2),
        ("frames of an idle tab", {name: float(side.frames) for name, side in sides.items()}, None),
        ("bytes of an idle tab", {name: float(side.received) for name, side in sides.items()}, 1.2),
        ("CPU of the server, idle (s)", used, 1.2),
        ("memory of the server, above, after a million lines (MB)", grown, None),
    ):
        rows += [(name, found["session"], None), ("  plain JupyterLab", found["plain"], None)]
        rows.append(("  ratio", found["session"] / found["plain"] if found["plain"] else float("inf"), limit))
    return figures.show(rows)


def _write(both: BesidePlain, side: Side) -> None:
    """Make a notebook that has output, and one that prints a million lines."""
    output = {"output_type": "stream", "name": "stdout", "text": "a line of some output\n" * LINES}
    cells = [{**make_cell(f"c{number}", f"{number}"), "outputs": [output]} for number in range(CELLS)]
    for name, of in (("open", cells), ("prints", [make_cell("c", PRINTS)])):
        content = make_notebook(*of)
        content["metadata"] = {"kernelspec": _KERNEL, "language_info": {"name": "python"}}
        body = json.dumps({"type": "notebook", "format": "json", "content": content})
        _ask(both, side, f"/api/contents/{name}.ipynb", "-X", "PUT", "-d", "@-", body=body)


def _ask(both: BesidePlain, side: Side, path: str, *words: str, body: str = "") -> Any:
    url = side.api.replace("/?", f"{path}?")
    asked = both.pool.exec("laptop", ["curl", "-sSf", "-m", "30", *words, url], user=USER, input=body, check=True)
    return json.loads(asked.stdout)


def _open(page: Page) -> float:
    """Open a notebook by the file browser; return the seconds until its kernel can be used."""
    began = time.monotonic()
    page.locator(".jp-DirListing-item", has_text="open.ipynb").dblclick()
    notebook = Notebook(page)
    expect(notebook.status).to_have_attribute("data-status", "idle", timeout=60_000)
    notebook.cells.first.locator(".jp-OutputArea-output").first.wait_for()
    return time.monotonic() - began


def _cost(both: BesidePlain, side: Side) -> costs.Cost:
    return costs.by_kind(both.pool, side.host, _SERVER)["server"]


def _watch_idle(both: BesidePlain, sides: dict[str, Side]) -> dict[str, float]:
    """Watch a tab of each that nobody uses, at the same time; return the seconds of CPU of each server."""
    for side in sides.values():
        side.count(side.page.context.new_cdp_session(side.page))
    before = {name: _cost(both, side).cpu for name, side in sides.items()}
    say(f"watching idle tabs for {IDLE:.0f} s")
    until = time.monotonic() + IDLE
    while (left := until - time.monotonic()) > 0:
        for side in sides.values():
            side.page.wait_for_timeout(min(500, 1000 * left))  # Playwright hears of events only while it is asked
    return {name: _cost(both, side).cpu - before[name] for name, side in sides.items()}


def _print_lines(both: BesidePlain, sides: dict[str, Side]) -> dict[str, float]:
    """Run a cell of a million lines in each, and close its tab; return by what each server's memory grew, in MB.

    That is the largest until the recorder has written the output, which it does once the tab has been away for a while.
    """
    before, largest = {}, dict.fromkeys(sides, 0.0)
    for name, side in sides.items():
        page = side.page
        page.locator(".jp-DirListing-item", has_text="prints.ipynb").dblclick()
        page.locator(".lm-TabBar-tab.jp-mod-current", has_text="prints.ipynb").wait_for()
        notebook = Notebook(page)
        notebook.wait_idle()
        before[name] = _cost(both, side).memory
        notebook.cells.first.locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        expect(notebook.cells.first.locator(".jp-InputArea-prompt").first).to_have_text("[*]:")
        page.close()

    def look() -> bool | None:
        for name, side in sides.items():
            largest[name] = max(largest[name], _cost(both, side).memory - before[name])
        # Not by its API: who reads a notebook there has it written.
        return bool(both.pool.exec(sides["session"].host, _WRITTEN).stdout) or None

    wait(look, 300, "the recorder to write the output", "see ci/pool status")
    return largest


if __name__ == "__main__":
    raise SystemExit(main())
