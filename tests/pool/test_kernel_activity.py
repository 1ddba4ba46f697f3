"""Kernels keep a session alive by what they do, whatever Jupyter's own `execution_state` reads."""

import json

import pytest

from support.idleness import TIMEOUT, ends, keeps_alive
from support.waiting import wait_for

_CONNECT = """
import glob, sys
from jupyter_client import BlockingKernelClient
client = BlockingKernelClient(connection_file=glob.glob(f"/tmp/jupyter-session-*/runtime/kernel-{sys.argv[1]}.json")[0])
client.load_connection_file()
client.start_channels()
"""
#: Runs in the job: creates a subshell, as JupyterLab does at a kernel's first widget.
SUBSHELL = (
    _CONNECT
    + """
client.control_channel.send(client.session.msg("create_subshell_request"))
print(client.get_control_msg(timeout=30)["content"]["status"])
"""
)
#: Runs in the job: runs a cell, and waits for its end.
RUN = (
    _CONNECT
    + """
cell = client.execute(sys.argv[2])
while client.get_shell_msg(timeout=60)["parent_header"].get("msg_id") != cell:
    pass
print("done")
"""
)
FLOOD = "for n in range(20_000):\n    print(n, flush=True)"


@pytest.fixture
def session(new_session):
    session = new_session().submit(f"--idle-timeout {TIMEOUT}s")
    session.ready()
    return session


def jupyter_says(session, kernel):
    answer = session.request(f"/api/kernels/{kernel}?no_track_activity=1")  # none from a server that is behind
    return json.loads(answer)["execution_state"] if answer else ""


def test_a_cell_that_jupyter_reads_as_idle_keeps_the_session_alive(session):
    kernel = session.start_kernel()
    session.execute(kernel, "import time; time.sleep(3600)")
    assert "ok" in session.python(SUBSHELL, kernel)
    wait_for(lambda: jupyter_says(session, kernel) == "idle", 30, "Jupyter to read idle")
    keeps_alive(session, "kernels", "1 busy (python3)")
    assert jupyter_says(session, kernel) == "idle"


@pytest.mark.slow
def test_a_kernel_that_is_done_keeps_nothing_alive_though_jupyter_reads_busy(session):
    kernel = session.start_kernel()
    assert "done" in session.python(RUN, kernel, "1")
    server = str(session.server_pid())
    for _ in range(4):  # most times, the last `idle` is lost to Jupyter
        session.pool.exec("ep1", ["kill", "-STOP", server], check=True)
        try:
            assert "done" in session.python(RUN, kernel, FLOOD)
        finally:
            session.pool.exec("ep1", ["kill", "-CONT", server], check=True)
        said = wait_for(lambda: jupyter_says(session, kernel), 30, "Jupyter to answer")
        if said == "busy":
            break
    print("Jupyter reads", said)
    ends(session, "kernels: 1 idle")
    assert session.receipt()["running"] == []
