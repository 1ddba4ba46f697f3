"""A cell that runs while the network is cut: its page, which stays open, and a notebook whose browser is killed."""

import json

import pytest
from playwright.sync_api import expect

from support.browser.recorded import RecordedSession, run
from support.hosts import pool_of_its_own
from support.laptop import laptops
from support.notebook_client import lines, text_of
from support.waiting import let_pass, wait_for

pytestmark = [pytest.mark.timeout(1800), pytest.mark.slow, pytest.mark.xdist_group("recorder cuts")]
LINES = "import time\nfor i in range({}):\n    print('line', i, flush=True)\n    time.sleep(1)"
#: Prints ten lines, with seven minutes of silence in the middle.
SILENT = "import time\nfor i in range(10):\n    print('line', i, flush=True)\n    time.sleep(420 if i == 4 else 1)"


@pytest.fixture(scope="module")
def network():
    """Yield a pool whose network can be cut."""
    with pool_of_its_own() as pool:
        yield pool


@pytest.fixture(scope="module")
def recorded(network):
    """Yield a session."""
    with laptops(network) as new:
        yield RecordedSession(new())


@pytest.fixture
def new_browser(network, recorded, open_browser):
    """Return a function that makes browsers on the laptop, which are signed in."""
    return lambda: recorded.sign_in(open_browser(*network.nsenter_net("laptop")))


def start(recorded, browser, name, source, shown):
    """Run a cell in a new notebook; return its page once it shows a text."""
    recorded.write(name, source)
    notebook = recorded.open(browser, name)
    run(notebook)
    wait_for(lambda: shown in notebook.output(0), 60, lambda: f"{shown!r}; it shows {notebook.output(0)!r}")
    return notebook


def printed(recorded, name):
    """Return what the cell of a notebook's file in the job shows."""
    try:
        [cell] = json.loads(recorded.laptop.inside("cat", f"notebooks/{name}"))["cells"]
    except ValueError:  # it is being written
        return ""
    return text_of(cell)


def check_whole(notebook, count):
    """Check that an open page has all lines and the prompt of a cell that has ended, and saves them unasked."""
    wait_for(lambda: notebook.output(0) == lines(count).strip(), 150, lambda: f"all; it shows {notebook.output(0)!r}")
    expect(notebook.cells.first.locator(".jp-InputArea-prompt").first).to_have_text("[1]:")
    notebook.save()
    assert not notebook.page.locator(".jp-Dialog").count()


@pytest.mark.parametrize("seconds", [20, 120])
@pytest.mark.parametrize("how", ["frozen", "reset"])
def test_a_page_whose_tunnel_was_cut_lacks_no_line_afterwards(network, recorded, new_browser, how, seconds):
    name = f"{how}{seconds}.ipynb"
    notebook = start(recorded, new_browser(), name, LINES.format(seconds + 30), "line 3")
    network.cut("laptop")
    if how == "reset":
        network.exec("laptop", ["pkill", "-9", "-x", "ssh"], check=True)
    let_pass(seconds)
    network.heal("laptop")
    check_whole(notebook, seconds + 30)
    assert printed(recorded, name) == lines(seconds + 30)


def test_ten_minutes_without_network_lose_nothing_of_a_page_or_of_a_killed_browser(network, recorded, new_browser):
    killed = new_browser()
    start(recorded, killed, "silent.ipynb", SILENT, "line 3")
    killed.kill()
    notebook = start(recorded, new_browser(), "ten.ipynb", LINES.format(660), "line 3")
    network.cut("laptop")
    let_pass(600)
    network.heal("laptop")
    check_whole(notebook, 660)
    wait_for(lambda: printed(recorded, "silent.ipynb") == lines(10), 60, "the lines around the silence, on disk")


def test_a_killed_browser_s_output_is_on_disk_and_in_the_page_that_is_loaded_twice(recorded, new_browser):
    first = new_browser()
    start(recorded, first, "killed.ipynb", LINES.format(150), "line 3")
    first.kill()
    browser = new_browser()
    notebook = recorded.open(browser, "killed.ipynb", is_idle=False)
    wait_for(lambda: "line 9" in notebook.output(0), 60, "the lines so far")
    notebook.page.reload()
    check_whole(notebook, 150)
    recorded.close(browser, notebook)
    assert printed(recorded, "killed.ipynb") == lines(150)
