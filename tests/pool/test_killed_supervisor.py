"""A session whose supervisor is killed explains itself all the same."""

from support.waiting import wait_for


def test_a_killed_supervisor_fails_the_session_with_a_reason_and_the_notebooks_come_back(new_session):
    session = new_session().submit()
    session.ready()
    session.save_notebook("kept.ipynb", "kept")
    kernel = session.start_kernel()
    assert session.pid_of(f"kernel-{kernel}.json")
    tunnel = session.tunnel()
    tunnel.url()
    session.kill_supervisor()

    ad = session.wait_gone()
    assert (ad["JupyterState"], ad["ExitCode"]) == ("failed", 1)
    assert "killed by SIGKILL" in ad["JupyterReason"]
    assert ad["JupyterReason"] in session.errors()
    assert session.states()[-1] == "failed"
    assert session.has_notebook("kept.ipynb", "kept")
    receipt = session.receipt()
    assert (receipt["reason"], receipt["changed"]["names"]) == (ad["JupyterReason"], ["kept.ipynb"])
    assert session.file(f"jupyter-{session.job}.json") is None
    assert "JupyterReason" in tunnel.wait_end(15)
    assert session.pid_of(f"kernel-{kernel}.json") is None
    slots = ["condor_status", "-af", "JobId"]
    wait_for(lambda: session.job not in session.ap(*slots, check=True).stdout.split(), 15, "the slot to be free")
