"""One command on the laptop, and one tab that survives what happens in between."""

import time

import pytest
from playwright.sync_api import expect

from support.browser.lab import Lab
from support.laptop import ADDRESS, laptops
from support.waiting import milliseconds, wait_for

pytestmark = pytest.mark.timeout(300)


def test_start_opens_lab_and_the_tab_goes_on_after_a_cut_and_says_how_it_ended(new_laptop, page, pool):
    laptop = new_laptop()
    running = laptop.start(tty=True)
    url = running.url()
    notebook = Lab(page, url).new_notebook("kept.ipynb")
    notebook.run("kept = 'still here'")
    [tag] = running.tags()
    pool.exec("laptop", ["pkill", "-9", "-o", "-f", f"^ssh .*{tag}"], check=True)
    wait_for(lambda: laptop.answers(laptop.at("/lab")), 60, "the way to be back")
    notebook.wait_back()
    assert notebook.run("kept") == "'still here'"
    notebook.save()
    laptop.call("stop")
    running.wait_for("The open tab shows this too")
    page.goto(url)
    page.wait_for_url("**/lab")
    text = page.locator("body").inner_text()
    for part in ("stopped by its user", f"{laptop.folder}/notebooks", f"chtc-jupyter start {laptop.name}"):
        assert part in text
    running.type("\x03")
    assert running.wait_end() == 0
    assert "kept" in laptop.on_ap("cat", f"{laptop.folder}/notebooks/kept.ipynb")


@pytest.mark.slow
def test_page_that_waits_goes_on_to_lab_by_itself(new_laptop, page, pool):
    laptop = new_laptop()
    running = laptop.start()
    url = running.url()
    laptop.on_ap("condor_hold", laptop.job())
    running.wait_for("on hold")
    page.goto(url)
    page.wait_for_url("**/lab")
    assert "on hold" in page.locator("h1").inner_text()
    assert "condor_release" in page.locator("body").inner_text()
    laptop.on_ap("condor_release", laptop.job())
    page.locator("#jp-main-dock-panel").wait_for(timeout=milliseconds(120))


def test_tab_goes_on_with_a_new_kernel_after_an_eviction(new_laptop, page):
    laptop = new_laptop()
    running = laptop.start()
    url = running.url()
    notebook = Lab(page, url).new_notebook("kept.ipynb")
    notebook.run("kept = 6*7; kept")
    notebook.save()
    laptop.on_ap("condor_vacate_job", laptop.job())
    running.wait_for("queued again")
    notebook.wait_cut_off()
    wait_for(lambda: laptop.answers(laptop.at("/lab")), 150, "Lab after the eviction")
    # Lab sees in a while that its kernel is gone; a cell that is run then starts one, a cell that was run before waits.
    expect(notebook.panel.locator(".jp-Toolbar-kernelName")).to_have_text("No Kernel", timeout=milliseconds(120))
    assert notebook.run("'kept' in globals()", 120) == "False"
    notebook.save()
    assert "globals" in laptop.fetch(laptop.at("/api/contents/kept.ipynb"))


def test_browser_is_opened_at_lab_with_no_token_in_an_argument_and_the_person_is_told(new_laptop, page, pool):
    """The desktop's two programs are stand-ins that note down how they were called."""
    laptop = new_laptop()
    for program in ("browser", "notify-send"):
        noting = f'#!/bin/sh\necho "$@" >>{laptop.home}/{program}.called\n'
        pool.put("laptop", f"{laptop.home}/bin/{program}", noting.encode(), laptop.user, mode=0o755)
    laptop.env |= {"BROWSER": f"{laptop.home}/bin/browser", "PATH": f"{laptop.home}/bin:/usr/local/bin:/usr/bin:/bin"}
    running = laptop.start("--browser", "--notify", tty=True)
    running.url()
    called = pool.path("laptop", f"{laptop.home}/browser.called")
    opener = wait_for(lambda: called.exists() and called.read_text().strip(), 20, "the browser to be called")
    assert ADDRESS.fullmatch(opener)
    page.goto(opener)
    page.locator("#jp-main-dock-panel").wait_for(timeout=milliseconds(60))
    told = pool.path("laptop", f"{laptop.home}/notify-send.called")
    assert wait_for(lambda: told.exists() and told.read_text(), 20, "the desktop to be told").split() == [
        "chtc-jupyter", laptop.name, "is", "ready"]  # fmt: skip
    assert "\a" in running.read()
    assert laptop.at("/").partition("token=")[2] not in opener


def test_page_asks_for_its_largest_file_once_and_before_any_script_has_run(ready_session, page):
    asked = []
    page.on("request", lambda request: asked.append(request.url.partition("/static/lab/")[2]))
    Lab(page, ready_session.tunnel().url())
    assert sum(name.startswith("jlab_core.") for name in asked) == 1
    scripts = [name.partition(".")[0] for name in asked if ".js" in name]
    assert set(scripts[:2]) == {"main", "jlab_core"}, scripts


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_one_tab_outlives_cuts_and_restarts(own_pool, open_browser):
    """Everything in turn, on a pool of its own; no key is pressed but those of the cells."""
    with laptops(own_pool) as new:
        laptop = new()
        running = laptop.start()
        url = running.url()
        page = open_browser(*own_pool.nsenter_net("laptop")).new_page()
        notebook = Lab(page, url).new_notebook("kept.ipynb")
        notebook.run("kept = 'still here'")
        notebook.save()

        def works(what, since):
            wait_for(lambda: laptop.answers(laptop.at("/lab")), 120, f"Lab after {what}", every=0.1)
            print(f"{what}: a good request {time.monotonic() - since:.1f} s afterwards")
            notebook.wait_back()
            assert notebook.run("kept") == "'still here'", what

        def cut(seconds):
            tags = running.tags()
            own_pool.cut("laptop")
            time.sleep(min(seconds, 60))  # the promises are about the time
            assert seconds < 60 or not laptop.left_on_ap(*tags)
            time.sleep(max(0, seconds - 60))
            own_pool.heal("laptop")
            works(f"{seconds} s without network", time.monotonic())

        cut(5)
        cut(60)
        for what, host, argv in (
            ("ssh killed", "laptop", ["pkill", "-9", "-x", "ssh"]),
            ("the agent killed", "ap", ["pkill", "-9", "-o", "-f", "^[^ ]*python3 -IS -c import sys"]),
            ("sshd restarted", "ap", ["sh", "-c", "pkill sshd; sleep 2; /usr/sbin/sshd -E /var/log/sshd.log"]),
            ("the schedd restarted", "ap", ["pkill", "-9", "-x", "condor_schedd|condor_shadow"]),
        ):
            own_pool.exec(host, argv, check=True)
            works(what, time.monotonic())
        cut(600)
