"""What becomes of a notebook's output when its tab is closed, and what the next page shows: one session for all."""

import json
import re
import shlex

import pytest
from playwright.sync_api import expect

from support.browser.chromium import Chromium
from support.browser.recorded import RecordedSession, run, text_of
from support.laptop import laptops
from support.notebook_client import make_notebook
from support.packet_loss import silence
from support.waiting import milliseconds, wait_for

pytestmark = [pytest.mark.timeout(1500), pytest.mark.slow, pytest.mark.xdist_group("recorder rows")]
LINES = "import time\nfor i in range({}):\n    print('line', i, flush=True)\n    time.sleep({})"
DISPLAY = "from IPython.display import display, HTML, clear_output\nimport time\n"
#: For each row the cells, and how they are run: all by the menu, or the first alone.
ROWS = {
    "lines": [LINES.format(40, 1)],
    "many": [LINES.format(150, 0.3)],
    "silence": ["import time\nprint('before', flush=True)\ntime.sleep(150)\nprint('after')"],
    "error": ["import time\ntime.sleep(4)\nprint('then')\n1/0"],
    "rich": [DISPLAY + "time.sleep(4)\ndisplay(HTML('<b>bold</b>'))\n6*7"],
    "bar": [DISPLAY + "for i in range(101):\n    print(f'\\r{i:3d} %', end='', flush=True)\n    time.sleep(0.05)"],
    "update": [DISPLAY + "h = display('old', display_id=True)\ntime.sleep(4)\nh.update('new')"],
    "clear": [DISPLAY + "print('gone')\ntime.sleep(4)\nclear_output(wait=True)\nprint('stays')"],
    "five": ["import time\ntime.sleep(4)\nfor i in range(50_000): print('x' * 100)"],
    "fifty": ["import time\ntime.sleep(4)\nfor i in range(500_000): print('x' * 100)"],
    "all": [LINES.format(5, 1), "print('b')", "print('c')", "print('d')", "print('e')"],
    "failed": [LINES.format(5, 1), "1/0", "print('never')"],
    "script": [DISPLAY + "time.sleep(4)\ndisplay(HTML('<i id=made></i><script>made.innerText = \"it ran\"</script>'))"],
    "killed": ["import os, time\nprint('last', flush=True)\ntime.sleep(6)\nos.kill(os.getpid(), 9)"],
    "help": ["import time\ntime.sleep(4)\nget_ipython().run_line_magic('pinfo', 'len')"],
}
RUN_ALL = ("all", "failed")


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


@pytest.fixture(scope="module")
def closed(recorded, playwright, tmp_path_factory, pool):
    """Run each row's cells in a page, and close it before they end; return once the access point has the slowest."""
    browser = recorded.sign_in(Chromium(playwright, tmp_path_factory.mktemp("browser"), pool.nsenter_net("laptop")))
    for name, cells in ROWS.items():
        recorded.write(f"{name}.ipynb", *cells)
        notebook = recorded.open(browser, f"{name}.ipynb")
        if name in RUN_ALL:
            notebook.page.get_by_text("Run", exact=True).click()
            notebook.page.get_by_text("Run All Cells", exact=True).click()
        else:
            run(notebook)
        expect(notebook.cells.first.locator(".jp-InputArea-prompt")).to_have_text("[*]:")
        notebook.page.wait_for_timeout(1500)
        recorded.close(browser, notebook)
    browser.close()
    wait_for(
        lambda: recorded.text("silence.ipynb") == "before\nafter\n", 420, lambda: str(recorded.cells("silence.ipynb"))
    )
    return recorded


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lines", lines(40)), ("many", lines(150)), ("silence", "before\nafter\n"), ("bar", "100 %"),
        ("clear", "stays\n"), ("killed", "last\n"), ("error", "then\n"),
    ],
)  # fmt: skip
def test_all_text_of_a_closed_tab_is_on_the_access_point(closed, name, text):
    closed.wait_text(f"{name}.ipynb", text)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("error", "ZeroDivisionError"), ("rich", "<b>bold</b>"), ("rich", "42"), ("update", "'new'"),
        ("help", "Return the number of items"), ("five", "are left out here"), ("fifty", "are left out here"),
    ],
)  # fmt: skip
def test_other_output_of_a_closed_tab_is_on_the_access_point(closed, name, part):
    wait_for(lambda: part in str(closed.cells(f"{name}.ipynb")[0]["outputs"]), 300, lambda: f"{part} in {name}")
    assert len(json.dumps(closed.cells(f"{name}.ipynb"))) < 4_000_000


def test_all_cells_of_run_all_are_kept_and_none_runs_after_an_error(closed):
    wait_for(
        lambda: [text_of(cell) for cell in closed.cells("all.ipynb")][1:] == ["b\n", "c\n", "d\n", "e\n"], 300, "all"
    )
    wait_for(lambda: closed.cells("failed.ipynb")[1]["outputs"], 300, "the error")
    assert closed.text("failed.ipynb") == lines(5)
    assert closed.cells("failed.ipynb")[2]["outputs"] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [("lines", lines(40).strip()), ("bar", "100 %"), ("update", "'new'"), ("clear", "stays"), ("script", "it ran")],
)
def test_the_next_page_shows_it(closed, browser, name, text):
    wait_for(lambda: closed.cells(f"{name}.ipynb")[0]["outputs"], 300, f"the output of {name}")
    notebook = closed.open(browser, f"{name}.ipynb", is_idle=False)
    wait_for(lambda: notebook.output(0) == text, 30, lambda: f"{text!r}; it shows {notebook.output(0)!r}")


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


def test_a_killed_browser_loses_nothing(recorded, laptop_browser, browser):
    first = recorded.sign_in(laptop_browser())
    notebook = start(recorded, first, "crashed.ipynb", LINES.format(40, 1))
    wait_shown(notebook, "line 5")
    first.kill()
    again = recorded.open(browser, "crashed.ipynb", is_idle=False)
    wait_output(again, lines(40), 150)


def test_a_question_has_its_box_in_the_next_page(recorded, browser):
    first = start(recorded, browser, "question.ipynb", "print('hello', input('name? '))")
    first.cells.first.locator(".jp-Stdin-input").wait_for()
    recorded.close(browser, first)
    notebook = recorded.open(browser, "question.ipynb", is_idle=False)
    box = notebook.cells.first.locator(".jp-Stdin-input")
    box.fill("Ada")
    box.press("Enter")
    wait_shown(notebook, "hello Ada")
    expect(prompt(notebook)).to_have_text("[1]:")


@pytest.mark.parametrize("seconds", [20, 120])
def test_a_frozen_tunnel_leaves_no_hole(recorded, browser, seconds):
    name = f"frozen{seconds}.ipynb"
    notebook = start(recorded, browser, name, LINES.format(seconds + 50, 1))
    wait_shown(notebook, "line 5")
    with silence(recorded.laptop.pool, recorded.running):
        notebook.page.wait_for_timeout(seconds * 1000)
        [tag] = recorded.running.tags()
        recorded.laptop.pool.exec("laptop", ["pkill", "-9", "-o", "-f", f"^ssh .*{tag}"])
    wait_output(notebook, lines(seconds + 50), 240)
    expect(prompt(notebook)).to_have_text("[1]:", timeout=milliseconds(30))
    notebook.save()
    assert not notebook.page.locator(".jp-Dialog").count()


def test_a_tunnel_that_is_reset_leaves_no_hole(recorded, browser):
    notebook = start(recorded, browser, "reset.ipynb", LINES.format(60, 0.5))
    wait_shown(notebook, "line 5")
    [tag] = recorded.running.tags()
    recorded.laptop.pool.exec("laptop", ["pkill", "-9", "-o", "-f", f"^ssh .*{tag}"])
    wait_output(notebook, lines(60), 120)
    expect(prompt(notebook)).to_have_text("[1]:", timeout=milliseconds(30))


def test_a_page_back_after_the_file_was_written_has_all_and_saves_without_a_dialog(recorded, browser):
    notebook = start(recorded, browser, "asleep.ipynb", LINES.format(60, 1))
    wait_shown(notebook, "line 5")
    [tag] = recorded.running.tags()
    with silence(recorded.laptop.pool, recorded.running):
        recorded.wait_text("asleep.ipynb", lines(60), 420)
        recorded.laptop.pool.exec("laptop", ["pkill", "-9", "-o", "-f", f"^ssh .*{tag}"])
    wait_output(notebook, lines(60), 120)
    expect(prompt(notebook)).to_have_text("[1]:", timeout=milliseconds(30))
    notebook.save()
    assert not notebook.page.locator(".jp-Dialog").count()
    recorded.wait_text("asleep.ipynb", lines(60))


def test_two_tabs_are_as_in_stock(recorded, browser):
    first = start(recorded, browser, "two.ipynb", LINES.format(15, 1))
    wait_shown(first, "line 3")
    second = recorded.open(browser, "two.ipynb", is_idle=False)
    wait_output(first, lines(15))
    first.save()
    assert "line 14" not in second.output(0)
    second.press_save()
    expect(second.page.locator(".jp-Dialog", has_text=re.compile("File Changed", re.IGNORECASE))).to_be_visible()


def test_a_file_that_is_changed_while_a_cell_runs_stays_and_the_output_is_beside_it(recorded, browser):
    notebook = start(recorded, browser, "branch.ipynb", LINES.format(20, 1))
    wait_shown(notebook, "line 3")
    recorded.laptop.inside("sh", "-c", f"echo {shlex.quote(json.dumps(make_notebook()))} >notebooks/branch.ipynb")
    recorded.close(browser, notebook)
    recorded.wait_text("branch-output.ipynb", lines(20))


def test_a_restart_while_a_cell_runs_is_as_in_stock(recorded, browser):
    notebook = start(recorded, browser, "restarted.ipynb", LINES.format(300, 1))
    wait_shown(notebook, "line 3")
    notebook.panel.locator("[data-jp-item-name=restart]").click()
    notebook.page.locator(".jp-Dialog .jp-Dialog-button.jp-mod-accept").click()
    notebook.wait_idle()
    notebook.cells.first.locator(".cm-content").click()
    notebook.page.keyboard.press("Control+a")
    notebook.page.keyboard.insert_text("6*7")
    notebook.page.keyboard.press("Control+Enter")
    wait_output(notebook, "42")
    expect(prompt(notebook)).to_have_text("[1]:")
    notebook.save()
    assert not notebook.page.locator(".jp-Dialog").count()
