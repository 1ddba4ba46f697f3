"""A session that the launcher starts from the laptop, plain JupyterLab on the laptop, and Chromium to open both."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from support.browser.chromium import CHROMIUM, QUIET
from testbed.artifacts import image, launcher
from testbed.pool import boot
from testbed.pool.pool import Pool, kill_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser

USER, SIF, NAME, PORT = "alice", "/srv/jupyter.sif", "page", 15200
TOKEN = "bench"  # noqa: S105 - of a server that lives for minutes, on a host of the test bed
PLAIN_URL = f"http://127.0.0.1:{PORT}/lab?token={TOKEN}"
_START = ["chtc-jupyter", "start", "--ap", "ap", "--no-browser", "--json", "--image", SIF, "--memory", "1500MB"]
# Its own front end alone: the image's extension of JupyterLab's is in its environment, too.
_OWN = "--LabApp.labextensions_path=/nowhere"
_PLAIN = f"cd; exec apptainer exec {SIF} jupyter lab --no-browser --port={PORT} --ServerApp.port_retries=0 {_OWN}"


class BesidePlain:
    """What is measured: a session and plain JupyterLab."""

    def __init__(self, pool: Pool, browser: Browser, options: Sequence[str]) -> None:
        self.pool, self.browser = pool, browser
        self._options = options
        self._url = ""
        self._running: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the session; return when its page can be opened."""
        argv = [*_START, *self._options, NAME]
        self._running = self.pool.popen("laptop", argv, user=USER, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._url = str([found for line in _read(self._running) if (found := line.get("url"))][-1])

    def stop(self) -> None:
        """Stop the session in order."""
        self.pool.exec("laptop", ["chtc-jupyter", "stop", NAME], user=USER, check=True, timeout=180)
        self.end()

    def end(self) -> None:
        """End the launcher, if it runs."""
        if self._running is not None:
            kill_tree(self._running.pid)

    def url(self) -> str:
        """Return an address of the session for a browser that has no cookie of it."""
        first, self._url = self._url, ""
        if first:
            return first
        shown = self.pool.exec("laptop", ["chtc-jupyter", "url", NAME], user=USER, check=True).stdout
        return next(word for word in shown.split() if word.startswith("http"))


@contextmanager
def beside_plain(*options: str) -> Iterator[BesidePlain]:
    """Yield both, on a pool of their own; `options` are the launcher's."""
    sif = image.build().path / "jupyter.sif"
    pool = Pool(f"bench-{os.getpid()}")
    boot.up(pool, owner=os.getpid())
    environ = {"JUPYTER_TOKEN": TOKEN}
    try:
        for host in ("ap", "laptop"):
            pool.copy(host, sif, SIF)
        launcher.place(pool, "laptop")
        pool.exec("laptop", ["chtc-jupyter", "config", "keep-address", "true"], user=USER, check=True)
        plain = pool.popen("laptop", ["sh", "-c", _PLAIN], user=USER, env=environ, stderr=subprocess.DEVNULL)
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            wrapper = Path(folder, "chromium")
            wrapper.write_text(f'#!/bin/sh\nexec {" ".join(pool.nsenter_net("laptop"))} {CHROMIUM} "$@"\n')
            wrapper.chmod(0o755)
            browser = playwright.chromium.launch(
                executable_path=wrapper, args=["--no-sandbox", *QUIET], env={**os.environ, "HOME": folder}
            )
            both = BesidePlain(pool, browser, options)
            both.start()
            yield both
            browser.close()
            both.end()
        kill_tree(plain.pid)
    finally:
        boot.down(pool)


def _read(running: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Return what the launcher has said, up to the address."""
    said: list[dict[str, Any]] = []
    for line in running.stdout or ():
        said.append(json.loads(line))
        if said[-1].get("url"):
            break
    return said
