"""When a session ends, with Lab open in a browser."""

import json
import time

import pytest

from support.browser.lab import Lab
from support.idleness import ends, keeps_alive

pytestmark = pytest.mark.timeout(300)


def test_open_tab_does_not_keep_a_session_alive_and_the_notebook_comes_back_with_its_output(new_session, page):
    session = new_session().submit("--idle-timeout 30s")
    session.ready()
    tunnel = session.tunnel()
    notebook = Lab(page, tunnel.url()).new_notebook("answer.ipynb")
    assert notebook.run("6*7") == "42"
    notebook.save()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    ad = session.wait_gone(90)
    assert (ad["JupyterState"], ad["ExitCode"]) == ("stopped", 0), ad["JupyterReason"]
    assert "stopped" in tunnel.wait_end(20)
    page.title()  # Playwright tells of requests only while it is asked something
    assert any("/api/kernels?" in url for url in asked), "the tab did not poll"
    cells = json.loads(session.file("notebooks/answer.ipynb"))["cells"]
    assert cells[0]["outputs"][0]["data"]["text/plain"] in ("42", ["42"])


@pytest.mark.slow
def test_saving_in_lab_withdraws_the_warning_each_time_and_so_keeps_the_session_alive(new_session, page):
    session = new_session().submit("--idle-timeout 40s")
    session.ready()
    notebook = Lab(page, session.tunnel().url()).new_notebook("notes.ipynb")
    started = time.monotonic()
    while time.monotonic() - started < 90:
        session.wait_state("expiring")
        notebook.write("# a thought\n")
        notebook.save()
        session.ready(seconds=5)


@pytest.mark.slow
def test_restart_and_run_all_keeps_a_session_alive_until_its_last_cell_has_ended(new_session, page):
    session = new_session().submit("--idle-timeout 30s")
    session.ready()
    notebook = Lab(page, session.tunnel().url()).new_notebook("all.ipynb")
    notebook.run("import time")
    notebook.write("time.sleep(75)")
    notebook.save()
    notebook.restart_and_run_all()
    keeps_alive(session, "kernels", "1 busy (python3)")
    ends(session, "kernels: 1 idle")
