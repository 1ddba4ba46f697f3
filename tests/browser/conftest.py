"""Chromium on the laptop: in its network, and in nothing else of it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from testbed.pool import kill_tree

CHROMIUM = "/usr/bin/chromium"
#: Nothing of the browser's own on the network: no updates, no sync, no field trials.
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
SIZE = {"width": 1200, "height": 750}


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
        self.pages = []

    def new_page(self):
        """Open a page with no past: no cookies, nothing kept."""
        self.pages.append(self.browser.new_page(viewport=SIZE))
        return self.pages[-1]

    def kill(self) -> None:
        """End it as a crash does: nothing in it can say goodbye."""
        kill_tree(int(self._pid.read_text()))
        self.pages.clear()

    def close(self) -> None:
        """End it in order, if it is still there."""
        self.browser.close()


@pytest.fixture(scope="session")
def playwright():
    """Give Playwright, without browsers of its own."""
    with sync_playwright() as running:
        yield running


@pytest.fixture
def open_browser(playwright, tmp_path, request):
    """Give a maker of browsers, all closed at the end; where a test failed, what they showed is kept."""
    opened: list[Chromium] = []

    def new(*prefix: str) -> Chromium:
        folder = tmp_path / f"browser-{len(opened)}"
        folder.mkdir()
        opened.append(Chromium(playwright, folder, list(prefix)))
        return opened[-1]

    yield new
    for number, page in enumerate(page for browser in opened for page in browser.pages):
        if request.node.stash.get(FAILED, False):
            picture = tmp_path / f"page-{number}.png"
            page.screenshot(path=picture)
            print("what the browser showed:", picture)
    for browser in opened:
        browser.close()


@pytest.fixture
def laptop_browser(open_browser, pool):
    """Give a maker of browsers in the laptop's network."""
    return lambda: open_browser(*pool.nsenter_net("laptop"))


@pytest.fixture
def page(laptop_browser):
    """Give a page of a browser in the laptop's network."""
    return laptop_browser().new_page()


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report
