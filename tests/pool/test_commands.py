"""The commands of `jupyter-session` inside the job."""

import json
import re

from support.tunnel import URL


def test_commands_inside_the_job_answer(ready_session):
    ad = ready_session.ready()
    assert URL.fullmatch(ready_session.url())[2] == ready_session.token()
    sentence, table, *_ = ready_session.inside("jupyter-session", "status").splitlines()
    assert re.match(r"(Idle for|In use: ).* at .*\d\d:\d\d", sentence)
    assert table.split() == ["SOURCE", "ACTIVE", "SINCE", "SEES"]
    status = json.loads(ready_session.inside("jupyter-session", "status", "--json"))
    assert (status["state"], status["job"], status["host"]) == ("ready", ready_session.job, ad["JupyterHost"])
    assert status["earliest_stop_at"]  # other tests use the session, too: that it ends then isn't foreseen
    assert f"http://127.0.0.1:{ad['JupyterPort']}/lab" in ready_session.inside(
        "jupyter-session", "logs", "--lines", "100000"
    )
    assert len(ready_session.inside("jupyter-session", "logs", "--lines", "2").splitlines()) == 2
    supervisor = ready_session.inside("jupyter-session", "logs", "--supervisor", "--lines", "100000")
    assert "ready: JupyterLab is ready." in supervisor
    assert "DEBUG jupyter_session.session.supervisor: " in supervisor
    assert ready_session.token() not in supervisor


def test_stop_inside_the_job_ends_it_and_says_so(new_session):
    session = new_session().submit()
    session.ready()
    session.save_notebook("kept.ipynb", "kept")
    said = session.inside("jupyter-session", "stop")
    ad = session.wait_gone()
    assert (ad["JupyterState"], ad["ExitCode"]) == ("stopped", 0)
    assert f"stopped: {ad['JupyterReason']}" in said
    assert "user" in ad["JupyterReason"]
    assert session.has_notebook("kept.ipynb", "kept")
