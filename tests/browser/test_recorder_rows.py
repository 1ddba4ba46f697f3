"""What pages show that open a notebook while a cell runs, or come back: one session for all, by the launcher."""

import json
import re
import signal
import time

import pytest
from playwright.sync_api import expect

from support.browser.recorded import RecordedSession, run
from support.laptop import laptops
from support.notebook_client import lines, text_of
from support.waiting import wait_for

pytestmark = [pytest.mark.timeout(1500), pytest.mark.slow, pytest.mark.xdist_group("recorder rows")]
HTML = """
import time; time.sleep(3)
from IPython.display import HTML
HTML("<b id=by></b><script>by.textContent=6*7</script>")
"""
KILL = """
import os, time
print("before", flush=True)
time.sleep(4)
print("last", flush=True)
time.sleep(1)
os.kill(os.getpid(), 9)
"""
FLOOD = """
import time
time.sleep(3)
for i in range({}):
    print(f"{{i:99d}}")
open("{}.done", "w").close()
"""
#: Changes a notebook as another program does.
CHANGE = """
import json
with open("notebooks/changed.ipynb") as file:
    notebook = json.load(file)
notebook["metadata"]["by"] = "git"
with open("notebooks/changed.ipynb", "w") as file:
    json.dump(notebook, file)
"""
LINES = "import time\nfor i in range({}):\n    print('line', i, flush=True)\n    time.sleep({})"


@pytest.fixture(scope="module")
def recorded(pool):
    """Yield a session."""
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


def run_all(notebook):
    page = notebook.page
    page.locator(".lm-MenuBar-item", has_text=re.compile("^Run$")).click()
    page.locator(".lm-Menu-item", has_text=re.compile("^Run All Cells")).click()


def reopen(recorded, browser, notebook, name):
    """Close a page, and open its notebook in another one once it has what the recorder kept."""
    recorded.close(browser, notebook)
    return recorded.open(browser, name, is_idle=False)


def read(recorded, name):
    """Return the cells of a notebook's file in the job."""
    text = recorded.laptop.inside("sh", "-c", f"cat notebooks/{name} || :")
    try:
        return json.loads(text)["cells"]
    except ValueError:  # it is being written
        return []


def texts(cells):
    return list(map(text_of, cells))


def test_progress_updates_and_cleared_output_look_as_if_the_page_had_been_there(recorded, browser):
    recorded.write(
        "looks.ipynb",
        "import time\nfor i in range(40):\n    print(f'\\r{i:3d} %', end='', flush=True)\n    time.sleep(0.2)",
        "from IPython.display import display\nh = display('old', display_id=True)\ntime.sleep(3); h.update('new')",
        "from IPython.display import clear_output\nprint('gone'); time.sleep(1); clear_output(True)\nprint('stays')",
    )
    first = recorded.open(browser, "looks.ipynb")
    run_all(first)
    wait_shown(first, "2 %")
    second = reopen(recorded, browser, first, "looks.ipynb")
    expect(prompt(second, 2)).to_have_text("[3]:", timeout=90_000)
    shown = ["39 %", "'new'", "stays"]
    wait_for(lambda: [second.output(number) for number in range(3)] == shown, 20, "what the page would have shown")


def test_input_s_box_is_there_again_and_takes_the_answer(recorded, browser):
    first = start(recorded, browser, "asks.ipynb", "name = input('who? ')\nprint('hello', name)")
    first.panel.locator(".jp-Stdin-input").wait_for()
    second = reopen(recorded, browser, first, "asks.ipynb")
    box = second.panel.locator(".jp-Stdin-input")
    box.fill("Ada")
    box.press("Enter")
    wait_shown(second, "hello Ada")
    expect(prompt(second)).to_have_text("[1]:")


def test_all_cells_that_ran_after_the_tab_was_closed_have_their_output(recorded, browser):
    recorded.write("all.ipynb", *(f"import time; time.sleep(2); print('cell {n}')" for n in range(5)))
    first = recorded.open(browser, "all.ipynb")
    run_all(first)
    expect(prompt(first, 4)).to_have_text("[*]:")
    second = reopen(recorded, browser, first, "all.ipynb")
    expect(prompt(second, 4)).to_have_text("[5]:", timeout=90_000)
    printed = [f"cell {number}" for number in range(5)]
    wait_for(lambda: [second.output(number) for number in range(5)] == printed, 20, "the output of each cell")


def test_no_cell_runs_after_an_error_that_the_page_did_not_see(recorded, browser):
    recorded.write("error.ipynb", "import time; time.sleep(4); print('first')", "1/0", "print('never')")
    first = recorded.open(browser, "error.ipynb")
    run_all(first)
    expect(prompt(first, 2)).to_have_text("[*]:")
    second = reopen(recorded, browser, first, "error.ipynb")
    wait_for(lambda: "ZeroDivisionError" in second.output(1), 60, "the error")
    assert (second.output(0), second.output(2)) == ("first", "")
    recorded.close(browser, second)
    assert texts(read(recorded, "error.ipynb"))[2] == ""


def test_a_script_in_output_that_no_page_saw_runs_in_the_next(recorded, browser):
    first = start(recorded, browser, "script.ipynb", HTML)
    expect(prompt(first)).to_have_text("[*]:")
    second = reopen(recorded, browser, first, "script.ipynb")
    expect(second.panel.locator("#by")).to_have_text("42", timeout=60_000)


def test_a_kernel_that_is_restarted_while_a_cell_runs_runs_the_next_at_once(recorded, browser):
    recorded.write("restart.ipynb", LINES.format(300, 1), "print('after')")
    notebook = recorded.open(browser, "restart.ipynb")
    run(notebook)
    wait_shown(notebook, "line 3")
    notebook.panel.locator("[data-jp-item-name=restart]").click()
    notebook.page.locator(".jp-Dialog .jp-Dialog-button.jp-mod-accept").click()
    run(notebook, 1)
    wait_for(lambda: notebook.output(1) == "after", 60, "the cell that was run after the restart")
    assert "line 3" in notebook.output(0)


def test_a_file_that_another_program_changes_while_a_cell_runs_stays_and_nothing_is_lost(recorded, browser):
    first = start(recorded, browser, "changed.ipynb", LINES.format(20, 1))
    wait_shown(first, "line 3")
    recorded.close(browser, first)
    recorded.laptop.inside("/opt/jupyter/bin/python", "-c", CHANGE)
    wait_for(lambda: texts(read(recorded, "changed-output.ipynb")) == [lines(20)], 300, "the file beside")
    assert recorded.laptop.inside("grep", "-c", '"by": "git"', "notebooks/changed.ipynb").strip() == "1"


@pytest.mark.parametrize("seconds", [20, 75])
def test_a_laptop_that_sleeps_while_a_cell_runs_lacks_no_line_afterwards(recorded, browser, seconds):
    name = f"sleep{seconds}.ipynb"
    notebook = start(recorded, browser, name, LINES.format(seconds + 20, 1))
    wait_shown(notebook, "line 3")
    recorded.running.process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    recorded.running.process.send_signal(signal.SIGCONT)
    wait_output(notebook, lines(seconds + 20), 120)
    expect(prompt(notebook)).to_have_text("[1]:")
    notebook.save()
    assert not notebook.page.locator(".jp-Dialog").count()


def test_a_kernel_that_is_killed_after_the_tab_was_closed_leaves_what_it_printed(recorded, browser):
    first = start(recorded, browser, "killed.ipynb", KILL)
    wait_shown(first, "before")
    recorded.close(browser, first)
    wait_for(lambda: texts(read(recorded, "killed.ipynb")) == ["before\nlast\n"], 300, "the output in the file")


@pytest.mark.parametrize("megabytes", [5, 50])
def test_a_flood_that_no_page_saw_is_cut_in_the_middle_which_is_said(recorded, browser, megabytes):
    count, name = 10_000 * megabytes, f"flood{megabytes}.ipynb"
    first = start(recorded, browser, name, FLOOD.format(count, name))
    expect(prompt(first)).to_have_text("[*]:")
    recorded.close(browser, first)
    # Not before: to a page that is there, the server sends only so much a second, as in any JupyterLab.
    wait_for(lambda: f"{name}.done" in recorded.laptop.inside("ls", "notebooks"), 120, "the cell to end")
    second = recorded.open(browser, name)
    expect(prompt(second)).to_have_text("[1]:", timeout=60_000)
    wait_shown(second, f"{count - 1:99d}".strip())
    second.save()
    recorded.close(browser, second)
    [text] = texts(read(recorded, name))
    shown = [int(line) for line in text.splitlines() if line.strip().isdigit()]
    assert len(text) < 2_300_000
    assert (shown[0], shown[-1]) == (0, count - 1)
    assert f"{count - len(shown):,} lines" in text


def test_an_interrupt_by_a_page_that_came_later_ends_the_cell_with_all_that_it_printed(recorded, browser):
    first = start(recorded, browser, "interrupted.ipynb", LINES.format(300, 1))
    wait_shown(first, "line 3")
    second = reopen(recorded, browser, first, "interrupted.ipynb")
    wait_shown(second, "line 6")
    expect(second.page.locator("#jp-main-statusbar")).to_contain_text("| Busy", timeout=60_000)  # it knows its kernel
    second.panel.locator("[data-jp-item-name=interrupt]").click()
    wait_shown(second, "KeyboardInterrupt")
    expect(prompt(second)).to_have_text("[1]:")
    assert second.output(0).startswith(lines(7))


def test_a_second_page_that_saves_while_the_first_runs_a_cell_costs_no_line(recorded, browser):
    first = start(recorded, browser, "two.ipynb", LINES.format(30, 1))
    wait_shown(first, "line 3")
    second = recorded.open(browser, "two.ipynb", is_idle=False)
    recorded.close(browser, first)
    second.save()
    assert not second.page.locator(".jp-Dialog").count()
    recorded.close(browser, second)
    third = recorded.open(browser, "two.ipynb", is_idle=False)
    wait_output(third, lines(30), 120)
    third.save()
    recorded.close(browser, third)
    assert texts(read(recorded, "two.ipynb")) == [lines(30)]
