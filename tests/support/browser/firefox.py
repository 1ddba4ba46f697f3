"""Debian's Firefox, wherever on the network it is wanted, driven by WebDriver BiDi (https://w3c.github.io/webdriver-bidi)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from testbed.pool.pool import kill_tree

FIREFOX = "/usr/bin/firefox-esr"
_LISTENING = re.compile(r"WebDriver BiDi listening on (ws://127\.0\.0\.1:\d+)")
#: Runs in the browser's network: sends each line of its standard input, and prints each answer.
_BRIDGE = """
import sys, websocket
browser = websocket.create_connection(sys.argv[1] + "/session", suppress_origin=True, timeout=120)
for line in sys.stdin:
    browser.send(line)
    print(browser.recv(), flush=True)
"""


class Firefox:
    """One browser with one page; `prefix` are words before its command."""

    def __init__(self, folder: Path, prefix: Sequence[str], *more: str) -> None:
        words = ["--headless", "--remote-debugging-port=0", "--no-remote", "--profile", str(folder), *more]
        self._browser = subprocess.Popen(
            [*prefix, FIREFOX, *words],
            env={**os.environ, "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._browser.stderr
        address = next(found for line in self._browser.stderr if (found := _LISTENING.search(line)))[1]
        bridge = [*prefix, sys.executable, "-c", _BRIDGE, address]
        self._bridge = subprocess.Popen(bridge, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._asked = 0
        self._ask("session.new", capabilities={})
        self._page = self._ask("browsingContext.getTree")["contexts"][0]["context"]

    def open(self, url: str) -> None:
        """Open an address; return once the page is complete."""
        self._ask("browsingContext.navigate", context=self._page, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in the page, a promise's if it is one; only plain values."""
        said = self._ask("script.evaluate", expression=expression, target={"context": self._page}, awaitPromise=True)
        assert said["type"] == "success", said
        return said["result"].get("value")

    def close(self) -> None:
        """End it."""
        for process in (self._bridge, self._browser):
            kill_tree(process.pid)
            process.communicate(timeout=30)

    def _ask(self, method: str, **fields: Any) -> Any:
        assert self._bridge.stdin
        assert self._bridge.stdout
        self._asked += 1
        self._bridge.stdin.write(json.dumps({"id": self._asked, "method": method, "params": fields}) + "\n")
        self._bridge.stdin.flush()
        answer = json.loads(self._bridge.stdout.readline())
        assert answer["type"] == "success", answer
        return answer["result"]
