"""The session as JupyterLab shows it: the status bar, the panel, notifications, and the page without JupyterLab."""

import re

import pytest
from playwright.sync_api import expect

from support import control_socket
from support.browser.lab import Lab
from support.waiting import milliseconds, wait_for

pytestmark = pytest.mark.timeout(300)


def open_panel(page):
    """Open the panel by the status bar; return it."""
    page.locator(".jp-session-status button").click()
    panel = page.get_by_role("region", name="Session")
    panel.wait_for()
    return panel


def row(panel, name):
    """Return the row of a table of the panel, by its heading."""
    return panel.get_by_role("row").filter(has=panel.page.get_by_role("rowheader", name=name, exact=True))


def choose(page, command):
    """Choose a command of the palette, by the keyboard."""
    page.keyboard.press("Control+Shift+c")
    page.keyboard.type(command)
    page.keyboard.press("Enter")


def test_status_bar_and_panel_show_what_keeps_the_session_alive_and_what_it_uses(ready_session, page):
    lab = Lab(page, ready_session.tunnel().url())
    shown = page.locator(".jp-session-status")
    expect(shown).to_contain_text("left (", timeout=milliseconds(40))
    panel = open_panel(page)
    for name in ("Memory", "CPU", "Disk", "Deadline", "Job"):
        expect(row(panel, name)).to_have_count(1, timeout=milliseconds(20))
    expect(row(panel, "Memory")).to_contain_text("of the slot's 1.5 GB")
    expect(panel).to_contain_text("saved while it runs:")
    notebook = lab.new_notebook("clock.ipynb")
    notebook.write("while True: pass")
    page.keyboard.press("Control+Enter")
    expect(shown).to_have_text("Session: 30 min or more left (kernels)", timeout=milliseconds(60))
    expect(row(panel, "kernels")).to_contain_text("1 busy", timeout=milliseconds(20))
    expect(row(panel, "CPU")).to_contain_text(re.compile(r"(0\.[1-9]|1\.\d) of 1 core"), timeout=milliseconds(60))
    assert f"{ready_session.job} on ep1" in row(panel, "Job").inner_text()
    assert "token" not in panel.inner_html()
    notebook.panel.locator("[data-jp-item-name=interrupt]").click()
    notebook.wait_idle()


def test_warning_keep_running_keeps_it_and_stop_ends_it_with_the_notebooks_back(new_session, page):
    session = new_session().submit("--idle-timeout 40s --idle-warning 25s")
    session.ready()
    lab = Lab(page, session.tunnel().url())
    lab.new_notebook("kept.ipynb").save()
    warning = page.locator(".Toastify__toast", has_text="because nothing is running in it")
    warning.wait_for(timeout=milliseconds(90))
    assert session.ad()["JupyterState"] == "expiring"
    expect(page.locator(".jp-session-status.jp-mod-expiring")).to_contain_text("s left (idle)")
    warning.get_by_role("button", name="Keep running").click()
    page.locator(".Toastify__toast", has_text="will stay up until").wait_for(timeout=milliseconds(20))
    expect(page.locator(".jp-session-status")).to_contain_text(re.compile(r"(2 h|1 h 59 min) left \(kept\)"))
    ad = wait_for(lambda: (found := session.ad()).get("JupyterKeptUntil") and found, 30, "the job ad to say until when")
    assert ad["JupyterKeptUntil"] > ad["ServerTime"] + 7000
    session.ready(seconds=20)
    expect(warning).to_have_count(0)
    choose(page, "Stop the Session")
    page.locator(".jp-Dialog").get_by_role("button", name="Cancel").click()
    session.ready(seconds=5)
    choose(page, "Stop the Session")
    page.locator(".jp-Dialog").get_by_role("button", name="Stop", exact=True).click()
    ad = session.wait_gone(60)
    assert (ad["JupyterState"], ad["JupyterEnd"]) == ("stopped", "user"), ad["JupyterReason"]
    assert "nbformat" in session.file("notebooks/kept.ipynb")


@pytest.mark.slow
def test_open_panel_and_page_are_no_activity(new_session, laptop_browser):
    session = new_session().submit("--idle-timeout 60s --idle-warning 10s")
    session.ready()
    url = session.tunnel().url()
    context = laptop_browser().browser.new_context()
    page = context.new_page()
    Lab(page, url)
    open_panel(page)
    context.new_page().goto(url.replace("/lab?", "/jupyter-session?"))
    ad = session.wait_gone(150)
    assert (ad["JupyterState"], ad["JupyterEnd"]) == ("stopped", "idle"), ad["JupyterReason"]


@pytest.mark.slow
def test_lab_works_while_the_supervisor_hangs_and_says_what_is_missing(new_session, page, pool):
    session = new_session().submit()
    session.ready()
    lab = Lab(page, session.tunnel().url())
    panel = open_panel(page)
    expect(row(panel, "kernels")).to_have_count(1, timeout=milliseconds(20))
    _, supervisor = control_socket.find(pool, session.job)
    pool.exec("ep1", ["kill", "-STOP", str(supervisor)], check=True)
    try:
        expect(panel.get_by_role("status")).to_contain_text("supervisor doesn't answer", timeout=milliseconds(40))
        expect(page.locator(".jp-session-status")).to_have_text("Session: unknown")
        expect(row(panel, "Disk")).to_have_count(1)
        assert lab.new_notebook("works.ipynb").run("6*7") == "42"
    finally:
        pool.exec("ep1", ["kill", "-CONT", str(supervisor)], check=True)
    expect(row(panel, "kernels")).to_contain_text("idle", timeout=milliseconds(60))


def test_page_without_lab_shows_the_same_and_needs_the_token(ready_session, page):
    url = ready_session.tunnel().url().replace("/lab?", "/jupyter-session?")
    page.goto(url.partition("?")[0])
    assert "/login" in page.url
    page.goto(url)
    expect(page.get_by_role("status")).to_contain_text(re.compile("Idle for|In use"))
    for name in ("Memory", "CPU", "kernels", "Job"):
        assert page.get_by_role("rowheader", name=name, exact=True).count() == 1
    page.get_by_role("button", name="Keep for 2 h").click()
    expect(page.get_by_role("alert")).to_contain_text("will stay up until")
    ready_session.inside("jupyter-session", "extend", "0s")
    expect(page.get_by_role("status")).not_to_contain_text("Kept", timeout=milliseconds(30))


@pytest.mark.slow
def test_deadline_and_lines_that_the_submit_file_lacks_are_notifications(new_session, page):
    lacking = "when_to_transfer_output = ON_EXIT"
    session = new_session().submit("--max-runtime 100s --idle-warning 70s", lacking, without="when_to_transfer_output")
    session.ready()
    Lab(page, session.tunnel().url())
    page.locator(".Toastify__toast", has_text="Nothing comes back if the job is removed").get_by_role(
        "button", name="Details"
    ).click()
    panel = page.get_by_role("region", name="Session")
    expect(panel).to_contain_text("when_to_transfer_output = ON_EXIT_OR_EVICT")
    toast = page.locator(".Toastify__toast", has_text="its deadline, even if it is in use")
    toast.wait_for(timeout=milliseconds(100))
    expect(page.locator(".jp-session-status")).to_contain_text("left (deadline)")
    page.reload()
    toast.wait_for(timeout=milliseconds(60))
    expect(page.locator(".Toastify__toast", has_text="Nothing comes back")).to_have_count(0)  # once in a tab


@pytest.mark.slow
def test_through_the_launcher_the_panel_survives_a_cut_and_stop_now_ends_the_session(new_laptop, page, pool):
    laptop = new_laptop()
    running = laptop.start()
    url = running.url()
    lab = Lab(page, url)
    lab.new_notebook("back.ipynb").save()
    panel = open_panel(page)
    expect(row(panel, "Job")).to_have_count(1, timeout=milliseconds(40))
    [tag] = running.tags()
    pool.exec("laptop", ["pkill", "-STOP", "-o", "-f", f"^ssh .*{tag}"], check=True)
    wait_for(lambda: running.tags() not in ([], [tag]), 120, "the launcher to connect anew")
    expect(page.locator(".jp-session-status")).to_contain_text("left (", timeout=milliseconds(120))
    panel.get_by_role("button", name="Stop now").click()
    page.locator(".jp-Dialog").get_by_role("button", name="Stop", exact=True).click()
    running.wait_for("stopped by its user")
    assert "nbformat" in laptop.on_ap("cat", f"{laptop.folder}/notebooks/back.ipynb")


@pytest.mark.slow
def test_idle_tab_asks_at_most_a_fifth_more_than_without(new_session, page):
    session = new_session().submit()
    session.ready()
    Lab(page, session.tunnel().url())
    asked = {True: [], False: []}
    expect(page.locator(".jp-session-status")).to_contain_text("left (", timeout=milliseconds(40))
    page.on("requestfinished", lambda request: asked["/jupyter-session/" in request.url].append(request))
    wait_for(lambda: page.title() and len(asked[True]) >= 3, 200, "the tab to ask for the session thrice", every=1)
    assert len(asked[True]) <= 0.2 * len(asked[False])
    sizes = {ours: sum(sum(each.sizes().values()) for each in requests) for ours, requests in asked.items()}
    assert sizes[True] <= 0.2 * sizes[False]


@pytest.mark.slow
def test_memory_that_is_nearly_full_is_a_notification(new_session, page):
    session = new_session().submit()
    session.ready()
    notebook = Lab(page, session.tunnel().url()).new_notebook("full.ipynb")
    notebook.run("data = b'x' * (1270 << 20)")
    page.locator(".Toastify__toast", has_text="Memory: ").wait_for(timeout=milliseconds(60))
    expect(open_panel(page)).to_contain_text("of the slot's 1.5 GB are in use")
