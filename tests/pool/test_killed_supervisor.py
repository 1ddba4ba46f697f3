"""A session whose supervisor is killed explains itself all the same."""

import pytest

from support.waiting import wait_for


@pytest.mark.slow
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


def test_what_changed_on_the_access_point_meanwhile_outlives_a_killed_supervisor(new_session):
    session = new_session()
    for name in ("theirs.txt", "both.txt", "ours.txt", "neither.txt"):
        session.pool.put("ap", f"{session.folder}/notebooks/{name}", b"before\n", session.user)
    session.submit().ready()
    session.inside("sh", "-c", "cd notebooks; echo saved >ours.txt; echo saved >both.txt; echo saved >new.txt")
    saved = {"ours.txt", "both.txt", "new.txt"}
    wait_for(lambda: saved <= set(session.status()["save"]["saved"]), 90, "the files to be saved")
    session.ap("sh", "-c", "cd notebooks; echo theirs >theirs.txt; echo theirs >both.txt", check=True)
    session.inside("sh", "-c", "cd notebooks; echo last >ours.txt; echo last >both.txt; echo last >new.txt")
    session.kill_supervisor()
    session.wait_gone()
    found = {name: session.file(f"notebooks/{name}") for name in ("theirs.txt", "both.txt", *saved, "neither.txt")}
    kept = {"theirs.txt": "theirs\n", "both.txt": "theirs\n", "neither.txt": "before\n"}
    assert found == kept | {"ours.txt": "last\n", "new.txt": "last\n"}
    own = f"both (from job {session.job}).txt"
    assert session.file(f"notebooks/{own}") == "last\n"
    saved = session.receipt()["saved"]
    assert (saved["conflicts"], saved["problem"]) == ({"both.txt": own}, "")
    assert saved["left_out"]["theirs.txt"] == "newer on the access point"
