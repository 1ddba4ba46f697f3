"""Chromium on the laptop: in its network, and in nothing else of it."""

from __future__ import annotations

import pytest
from playwright.sync_api import sync_playwright

from support.browser.chromium import Chromium

FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def playwright():
    """Yield Playwright, without browsers of its own."""
    with sync_playwright() as running:
        yield running


@pytest.fixture
def open_browser(playwright, tmp_path, request):
    """Yield a function that makes browsers; close them at the end, and keep what they show if the test failed."""
    opened: list[Chromium] = []

    def new(*prefix: str) -> Chromium:
        folder = tmp_path / f"browser-{len(opened)}"
        folder.mkdir()
        opened.append(Chromium(playwright, folder, list(prefix)))
        return opened[-1]

    yield new
    for number, page in enumerate(page for browser in opened for page in browser.pages if not page.is_closed()):
        if request.node.stash.get(FAILED, False):
            picture = tmp_path / f"page-{number}.png"
            page.screenshot(path=picture)
            print("what the browser showed:", picture)
    for browser in opened:
        browser.close()


@pytest.fixture
def laptop_browser(open_browser, pool):
    """Return a function that makes browsers in the laptop's network."""
    return lambda: open_browser(*pool.nsenter_net("laptop"))


@pytest.fixture
def page(laptop_browser):
    """Return a page of a browser in the laptop's network."""
    return laptop_browser().new_page()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report
