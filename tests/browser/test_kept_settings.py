"""What people set in JupyterLab, and how they laid it out, is there again in the next session of the folder."""

import pytest
from playwright.sync_api import expect

from support.browser.lab import Lab
from support.waiting import milliseconds, wait_for

pytestmark = pytest.mark.timeout(300)
FOLDER = "notebooks/.jupyter-session/lab"


@pytest.mark.slow
def test_theme_and_open_notebook_are_there_in_the_next_session_and_what_is_typed_is_saved_soon(new_session, page):
    session = new_session().submit()
    session.ready()
    lab = Lab(page, session.tunnel().url())
    notebook = lab.new_notebook("mine.ipynb")
    for text in ("Settings", "Theme", "JupyterLab Dark"):
        page.locator(".lm-MenuBar-item, .lm-Menu-item").get_by_text(text, exact=True).click()
    dark = page.locator("body[data-jp-theme-light=false]")
    expect(dark).to_have_count(1, timeout=milliseconds(20))
    notebook.write("typed and not saved by hand")
    # Every 30 s, not every 120 s as in stock JupyterLab.
    wait_for(lambda: "typed and" in session.inside("cat", "notebooks/mine.ipynb"), 60, "JupyterLab to save by itself")
    wait_for(
        lambda: "mine.ipynb" in session.inside("sh", "-c", f"cat {FOLDER}/workspaces/*"), 30, "the layout to be saved"
    )
    assert "Dark" in session.inside("sh", "-c", f"cat {FOLDER}/user-settings/@jupyterlab/apputils-extension/themes*")
    session.inside("jupyter-session", "stop")
    assert session.wait_gone()["ExitCode"] == 0

    session.submit()
    session.ready()
    Lab(page, session.tunnel().url())
    expect(dark).to_have_count(1, timeout=milliseconds(20))
    tab = page.locator(".lm-TabBar-tab.jp-mod-current", has_text="mine.ipynb")
    expect(tab).to_be_visible(timeout=milliseconds(30))
    expect(page.locator(".jp-NotebookPanel")).to_contain_text("typed and", timeout=milliseconds(30))
