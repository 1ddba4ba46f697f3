"""What pages show that open a notebook while a cell runs, or come back: one session for all, by the launcher."""

import pytest
from playwright.sync_api import expect

from support.browser.recorded import RecordedSession, run
from support.laptop import laptops
from support.waiting import wait_for

pytestmark = [pytest.mark.timeout(1500), pytest.mark.slow, pytest.mark.xdist_group("recorder rows")]
LINES = "import time\nfor i in range({}):\n    print('line', i, flush=True)\n    time.sleep({})"


def lines(count):
    return "".join(f"line {i}\n" for i in range(count))


@pytest.fixture(scope="module")
def recorded(pool):
    """Yield a session with the recorder on."""
    with laptops(pool) as new:
        yield RecordedSession(new())


@pytest.fixture
def browser(recorded, laptop_browser):
    """Return a browser that is signed in."""
    return recorded.sign_in(laptop_browser())


def prompt(notebook, number=0):
    return notebook.cells.nth(number).locator(".jp-InputArea-prompt").first


def wait_output(notebook, text, seconds=90):
    wait_for(lambda: notebook.output(0) == text.strip(), seconds, lambda: f"{text!r}; it shows {notebook.output(0)!r}")


def wait_shown(notebook, text, seconds=60):
    wait_for(lambda: text in notebook.output(0), seconds, lambda: f"{text!r}; it shows {notebook.output(0)!r}")


def start(recorded, browser, name, source):
    recorded.write(name, source)
    notebook = recorded.open(browser, name)
    run(notebook)
    return notebook


def test_a_page_opened_while_a_cell_runs_shows_all_of_it_live_and_its_prompt(recorded, browser):
    first = start(recorded, browser, "live.ipynb", LINES.format(60, 1))
    wait_shown(first, "line 5")
    recorded.close(browser, first)
    notebook = recorded.open(browser, "live.ipynb", is_idle=False)
    wait_shown(notebook, "line 10")
    expect(prompt(notebook)).to_have_text("[*]:")
    wait_output(notebook, lines(60), 120)
    expect(prompt(notebook)).to_have_text("[1]:")
    notebook.save()
    assert not notebook.page.locator(".jp-Dialog").count()
