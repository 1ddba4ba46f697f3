"""A session in which nothing works any more ends by itself, even with clients connected."""

import pytest

from support.waiting import wait_for


@pytest.mark.slow
def test_idle_session_stops_although_a_tunnel_is_open(new_session):
    session = new_session().submit("--idle-timeout 20s")
    session.ready()
    session.save_notebook("kept.ipynb", "kept")
    tunnel = session.tunnel()
    tunnel.url()
    assert session.inside("echo", "beside it").strip() == "beside it"  # HTCondor loses sight of the tunnel
    assert session.wait_state("expiring")["JupyterStopAt"]

    ad = session.wait_gone()
    assert (ad["JupyterState"], ad["ExitCode"]) == ("stopped", 0)
    assert "the idle timeout" in ad["JupyterReason"]
    assert session.states() == ["starting", "ready", "expiring", "stopping", "stopped"]
    assert session.has_notebook("kept.ipynb", "kept")
    said = tunnel.wait_end(15)
    assert ad["JupyterReason"] in said
    receipt = session.receipt()
    assert (receipt["state"], receipt["reason"]) == ("stopped", ad["JupyterReason"])
    assert receipt["changed"] == {"count": 1, "complete": True, "names": ["kept.ipynb"]}
    assert receipt["seconds"] >= 20
    assert 50e6 < receipt["memory_peak_bytes"] < receipt["memory_limit_bytes"]
    sentence = next(line for line in session.output().splitlines() if "files changed: kept.ipynb" in line)
    assert sentence.partition("The session ran ")[2] in said
    wait_for(lambda: session.job not in jobs_on_slots(session), 15, "the slot to be free")
    assert session.job not in session.pool.exec("ap", ["ls", "-A", "/tmp"]).stdout
    assert session.file(f"jupyter-{session.job}.json") is None


def test_busy_kernel_keeps_the_session_until_it_is_interrupted(new_session):
    session = new_session().submit("--idle-timeout 30s")
    session.ready()
    kernel = session.start_kernel()
    session.execute(kernel, "import time; time.sleep(3600)")
    process = str(session.pid_of(f"kernel-{kernel}.json"))
    age = ["ps", "-o", "etimes=", "-p", process]
    wait_for(lambda: int(session.pool.exec("ep1", age).stdout) > 35, 60, "the kernel to be older than the timeout")
    assert session.states()[-1] == "ready"

    session.request(f"/api/kernels/{kernel}/interrupt", "POST")
    ad = session.wait_gone()
    assert (ad["JupyterState"], ad["ExitCode"]) == ("stopped", 0)
    assert "the idle timeout" in ad["JupyterReason"]


def jobs_on_slots(session):
    return session.pool.exec("ap", ["condor_status", "-af", "JobId"], check=True).stdout.split()
