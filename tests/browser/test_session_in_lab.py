"""The session as JupyterLab shows it: the status bar, the panel, and notifications."""

import pytest
from playwright.sync_api import expect

from support.browser.lab import Lab
from support.waiting import milliseconds

pytestmark = pytest.mark.timeout(300)


def test_status_bar_shows_the_time_left_and_what_keeps_the_session_alive(ready_session, page):
    lab = Lab(page, ready_session.tunnel().url())
    shown = page.locator(".jp-session-status")
    expect(shown).to_contain_text("left (", timeout=milliseconds(40))
    notebook = lab.new_notebook("clock.ipynb")
    notebook.write("import time; time.sleep(60)")
    page.keyboard.press("Control+Enter")
    expect(shown).to_have_text("Session: 30 min or more left (kernels)", timeout=milliseconds(60))
