"""Output that survives its tab, with the recorder on: in the page that is opened again, and on the access point."""

import json

import pytest

from support.browser.lab import Lab
from support.waiting import wait_for

pytestmark = [pytest.mark.timeout(400), pytest.mark.slow]
LINES = "import time\nfor i in range({}):\n    print('line', i, flush=True)\n    time.sleep(1)"


def text_on_access_point(session, name):
    found = session.file(f"notebooks/{name}")
    cells = json.loads(found)["cells"] if found else []
    return "".join("".join(output.get("text", "")) for cell in cells for output in cell["outputs"])


def lines(count):
    return "".join(f"line {i}\n" for i in range(count))


def test_a_closed_tab_s_output_is_shown_by_the_next_and_comes_back_with_the_session(new_session, laptop_browser):
    session = new_session().submit("--recorder on")
    session.ready()
    url = session.tunnel().url()
    page = laptop_browser().new_page()
    notebook = Lab(page, url).new_notebook("kept.ipynb")
    notebook.write(LINES.format(20))
    page.keyboard.press("Shift+Enter")
    wait_for(lambda: "line 3" in notebook.output(0), 60, "some lines in the page")
    page.close()
    again = Lab(laptop_browser().new_page(), url).open_notebook("kept.ipynb")
    wait_for(lambda: "line 3" in again.output(0), 60, "the lines in the page that was opened again")
    again.page.close()
    wait_for(lambda: text_on_access_point(session, "kept.ipynb") == lines(20), 240, "all lines on the access point")


def test_a_running_cell_s_output_comes_back_when_the_job_is_removed(new_session, laptop_browser):
    session = new_session().submit("--recorder on")
    session.ready()
    page = laptop_browser().new_page()
    notebook = Lab(page, session.tunnel().url()).new_notebook("kept.ipynb")
    notebook.write(LINES.format(300))
    page.keyboard.press("Shift+Enter")
    wait_for(lambda: "line 3" in notebook.output(0), 60, "some lines in the page")
    page.close()
    session.remove()
    assert text_on_access_point(session, "kept.ipynb").startswith(lines(4))
