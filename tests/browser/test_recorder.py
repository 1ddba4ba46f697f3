"""Output that survives its tab: in the page that is opened again, and on the access point."""

import json

import pytest

from support.browser.lab import Lab
from support.notebook_client import lines, text_of
from support.waiting import wait_for

pytestmark = [pytest.mark.timeout(400), pytest.mark.slow]
LINES = "import time\nfor i in range({}):\n    print('line', i, flush=True)\n    time.sleep(1)"


def text_on_access_point(session, name):
    found = session.file(f"notebooks/{name}")
    cells = json.loads(found)["cells"] if found else []
    return "".join(map(text_of, cells))


def test_a_closed_tab_s_output_is_shown_by_the_next_and_comes_back_with_the_session(new_session, laptop_browser):
    session = new_session().submit()
    session.ready()
    url = session.tunnel().url()
    page = laptop_browser().new_page()
    notebook = Lab(page, url).new_notebook("kept.ipynb")
    notebook.write(LINES.format(20))
    page.keyboard.press("Shift+Enter")
    wait_for(lambda: "line 3" in notebook.output(0), 60, "some lines in the page")
    page.close()
    again = Lab(laptop_browser().new_page(), url).open_notebook("kept.ipynb")
    wait_for(lambda: "line 3" in again.all_output(), 60, "the lines in the page that was opened again")
    again.page.close()
    wait_for(lambda: text_on_access_point(session, "kept.ipynb") == lines(20), 240, "all lines on the access point")


@pytest.fixture
def closed(new_session, laptop_browser):
    """Return a function that starts a session whose cell prints lines after its tab was closed, and says how many."""

    def run(count, arguments=""):
        session = new_session().submit(arguments)
        session.ready()
        page = laptop_browser().new_page()
        notebook = Lab(page, session.tunnel().url()).new_notebook("kept.ipynb")
        notebook.write(LINES.format(count))
        page.keyboard.press("Shift+Enter")
        wait_for(lambda: "line 3" in notebook.output(0), 60, "some lines in the page")
        page.close()
        return session

    return run


def test_a_running_cell_s_output_comes_back_when_the_job_is_removed(closed):
    session = closed(300)
    session.remove()
    assert text_on_access_point(session, "kept.ipynb").startswith(lines(4))


def test_a_running_cell_s_output_is_there_when_the_job_was_evicted_and_runs_again(closed):
    session = closed(300)
    session.ap("condor_vacate_job", session.job, check=True)
    wait_for(lambda: session.states().count("ready") == 2, 150, "the second run to be ready")
    cells = json.loads(session.inside("cat", "notebooks/kept.ipynb"))["cells"]
    assert text_of(cells[0]).startswith(lines(4))


def test_a_cell_s_output_comes_back_when_the_session_stops_as_nobody_is_there(closed):
    session = closed(25, "--idle-timeout 30s")
    ad = session.wait_gone(150)
    assert (ad["JupyterState"], ad["ExitCode"]) == ("stopped", 0), ad["JupyterReason"]
    assert text_on_access_point(session, "kept.ipynb") == lines(25)
