"""The job's line to the access point may be missing or break off: the session works, and says what is missing."""

import pytest

from chtc_condor.codes import JobStatus
from support.hosts import background
from support.waiting import wait_for

LINE = "`want_io_proxy = true`"
HANG_UP = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    listener.accept()[0].close()
    print("hung up", flush=True)
"""


def test_session_without_chirp_runs_and_says_once_which_line_to_add(new_session):
    session = new_session().submit(without=("want_io_proxy", "My.WantRemoteUpdates"))
    session.wait_status(JobStatus.RUNNING)
    url = wait_for(session.url, 30, "the URL from inside the job")
    page = session.pool.exec("ep1", ["curl", "-sSL", "-c", "/dev/null", url])
    assert "JupyterLab" in page.stdout
    session.inside("jupyter-session", "stop")
    assert session.wait_gone()["ExitCode"] == 0
    assert session.errors().count(LINE) == session.errors().count("\n") == 1


def test_session_that_may_only_set_attributes_says_that_the_connection_file_is_missing(new_session):
    session = new_session().submit(without="want_io_proxy")
    assert session.ready()["JupyterConnect"]
    assert session.file(f"jupyter-{session.job}.json") is None
    session.inside("jupyter-session", "stop")
    assert session.wait_gone()["JupyterState"] == "stopped"
    assert session.errors().count(LINE) == session.errors().count("\n") == 1
    assert "no connection file" in session.errors()


@pytest.mark.slow
def test_session_outlives_a_chirp_that_breaks_off_and_tells_all_when_it_is_back(new_session):
    session = new_session().submit()
    session.ready()
    name = session.inside("sh", "-c", "echo $_CONDOR_CHIRP_CONFIG").strip()
    host, _port, cookie = session.pool.exec("ep1", ["cat", name], check=True).stdout.split()
    whole = session.pool.path("ep1", name).read_text()
    with background(session.pool, "ep1", ["python3", "-uc", HANG_UP]) as listener:
        session.pool.path("ep1", name).write_text(f"{host} {listener.stdout.readline().strip()} {cookie}\n")
        session.kill_server()
        assert listener.stdout.readline() == "hung up\n"
        said = "Can't update the job ad"
        wait_for(lambda: said in session.status()["problem"], 20, "the problem to be reported")
        wait_for(lambda: session.status()["state"] == "ready", 20, "the server to be back")
        assert said in session.inside("jupyter-session", "status")
        assert session.states() == ["starting", "ready"]
        session.pool.path("ep1", name).write_text(whole)
        wait_for(lambda: session.states() == ["starting", "ready", "starting", "ready"], 60, "the events")
    assert said not in session.inside("jupyter-session", "status")
    assert session.ad()["JupyterState"] == "ready"
