"""Debian's Chromium, wherever on the network it is wanted."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, Playwright, ViewportSize

from support.waiting import milliseconds
from testbed.pool.pool import kill_tree

CHROMIUM = "/usr/bin/chromium"
#: Nothing of the browser's own on the network: no updates, no sync, no field trials.
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
SIZE: ViewportSize = {"width": 1200, "height": 750}


class Chromium:
    """One browser, which Playwright talks to by a pipe; `prefix` are words before its command."""

    def __init__(self, playwright: Playwright, folder: Path, prefix: list[str]) -> None:
        self._pid = folder / "pid"
        wrapper = folder / "chromium"
        wrapper.write_text(f'#!/bin/sh\necho $$ >{self._pid}\nexec {shlex.join([*prefix, CHROMIUM])} "$@"\n')
        wrapper.chmod(0o755)
        self.browser: Browser = playwright.chromium.launch(
            executable_path=wrapper, args=["--no-sandbox", *QUIET], env={**os.environ, "HOME": str(folder)}
        )
        self.pages: list[Page] = []
        self._shared: BrowserContext | None = None

    def share_past(self) -> None:
        """Have the pages that are opened from now on share their cookies."""
        self._shared = self.browser.new_context(viewport=SIZE)

    def new_page(self) -> Page:
        """Open a page with no past: no cookies, nothing kept, unless pages share theirs."""
        self.pages.append(self._shared.new_page() if self._shared else self.browser.new_page(viewport=SIZE))
        self.pages[-1].set_default_timeout(milliseconds(30))
        return self.pages[-1]

    def kill(self) -> None:
        """End it as a crash does: nothing in it can say goodbye."""
        kill_tree(int(self._pid.read_text()))
        self.pages.clear()

    def close(self) -> None:
        """End it in order, if it is still there."""
        self.browser.close()
