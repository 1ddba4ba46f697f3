"""The first day and the next morning, by what docs/first-day.md has people type, in the browser and on the laptop."""

import re
import shlex

import pytest
from playwright.sync_api import expect

from support.browser.lab import Lab, Notebook
from support.hosts import ROOT, background
from support.waiting import milliseconds, wait_for
from testbed.artifacts.wheels import SCIENTIFIC, WIDGETS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("first day")]  # one index
PAGE = (ROOT / "docs/first-day.md").read_text()
WHEELS, PORT = "/srv/wheels", 8471
#: pip's index is a folder of wheels on the access point: the pool's hosts have no network.
INDEX = f"PIP_NO_INDEX=1 PIP_FIND_LINKS=http://ap:{PORT}/ PIP_TRUSTED_HOST=ap"
OPTIONS = ("--set", f'environment = "{INDEX}"')
BAR = """
import ipywidgets, time
from tqdm.notebook import trange
depth = ipywidgets.IntSlider(3, description="depth")
display(depth)
for step in trange(40): time.sleep(0.5)
"""
PLOT = "import numpy, matplotlib.pyplot as plt\nplt.plot(numpy.arange(3) ** 2)"


def typed(start):
    """Return the one line that the page has, and that starts with these words."""
    (found,) = {line for line in re.findall(r"`([^`\n]+)`", PAGE.split("\n## ")[0]) if line.startswith(start)}
    return found


@pytest.fixture(scope="module")
def index(pool):
    """Serve wheels to install."""
    for wheel in (found for wheels in (SCIENTIFIC, WIDGETS) for found in wheels.build().path.glob("*.whl")):
        pool.copy("ap", wheel, f"{WHEELS}/{wheel.name}")
    serve = ["python3", "-m", "http.server", "--directory", WHEELS, str(PORT)]
    with background(pool, "ap", serve):
        yield


@pytest.fixture
def laptop(index, new_laptop):
    """Return a laptop whose sessions can install packages."""
    return new_laptop()


@pytest.fixture
def browser(laptop_browser):
    """Return a browser whose pages share what they have signed in to."""
    browser = laptop_browser()
    browser.share_past()
    return browser


@pytest.fixture
def open_lab(laptop, browser):
    """Return a function that starts a session as the page says, and opens it in the browser."""

    def start_and_open():
        words = shlex.split(typed("chtc-jupyter start"))
        assert words == ["chtc-jupyter", "start"]
        return Lab(browser.new_page(), laptop.start(*OPTIONS).url())

    return start_and_open


def stop(laptop):
    assert laptop.call(*shlex.split(typed("chtc-jupyter stop"))[1:], laptop.name).returncode == 0
    wait_for(lambda: not laptop.queued(), 90, "the session to end")


def assert_plots(notebook):
    number = notebook.cells.count() - 1
    notebook.run(PLOT)
    expect(notebook.cells.nth(number).locator(".jp-OutputArea-output img")).to_be_visible(timeout=milliseconds(20))


def test_numpy_and_a_plot_and_again_the_next_morning(laptop, open_lab):
    lab = open_lab()
    notebook = lab.new_notebook("first.ipynb")
    said = notebook.run(typed("%pip install numpy"), 120)
    assert "Successfully installed" in said, said
    assert_plots(notebook)
    notebook.save()
    packed = f"{laptop.folder}/notebooks/.jupyter-session"
    wait_for(lambda: "packages-" in laptop.on_ap("ls", packed), 60, "the packages on the access point")
    stop(laptop)
    assert "image/png" in laptop.on_ap("cat", f"{laptop.folder}/notebooks/first.ipynb")

    assert_plots(open_lab().new_notebook("second.ipynb"))
    stop(laptop)


def test_a_requirements_file_in_the_notebook_folder(laptop, open_lab):
    laptop.pool.put("ap", f"{laptop.folder}/notebooks/requirements.txt", b"numpy>=2,<3\nmatplotlib\n", laptop.user)
    notebook = open_lab().new_notebook("first.ipynb")
    said = notebook.run(typed("%pip install -r"), 120)
    assert "Successfully installed" in said, said
    assert_plots(notebook)
    stop(laptop)


def test_widgets_that_pip_installed_are_drawn_again_after_their_tab_was_closed(laptop, open_lab, browser):
    lab = open_lab()
    notebook = lab.new_notebook("widgets.ipynb")
    said = notebook.run("%pip install ipywidgets tqdm", 120)
    assert "Successfully installed" in said, said
    notebook.save()
    lab.page.reload()  # JupyterLab loads its new extension
    notebook = Notebook(lab.page)
    notebook.wait_idle()
    number = notebook.cells.count() - 1
    notebook.write(BAR)
    lab.page.keyboard.press("Shift+Enter")
    expect(notebook.cells.nth(number).locator(".widget-slider")).to_be_visible(timeout=milliseconds(60))
    expect(notebook.cells.nth(number).locator(".widget-hprogress")).to_be_visible(timeout=milliseconds(20))
    address = lab.page.url
    browser.pages.remove(lab.page)
    lab.page.close()
    again = Notebook(browser.new_page())
    again.page.goto(address)
    expect(again.cells.nth(number).locator(".jp-InputArea-prompt")).to_have_text(
        re.compile(r"\[\d+\]"), timeout=milliseconds(120)
    )
    expect(again.cells.nth(number).locator(".widget-slider")).to_be_visible(timeout=milliseconds(20))
    expect(again.cells.nth(number)).to_contain_text("100%", timeout=milliseconds(20))
    stop(laptop)
