"""JupyterLab that dies comes back as it was; one that can't run ends the job and says why."""

import pytest

from support.waiting import wait_for


def test_killed_server_is_back_at_the_same_address_and_its_kernels_have_ended(new_session):
    session = new_session().submit()
    session.ready()
    url, token = session.url(), session.token()
    idle, deaf, parent = session.start_kernel(), session.start_kernel(), session.start_kernel()
    session.execute(deaf, "import ctypes; ctypes.PyDLL(None).sleep(4321)")  # in C, with Python's lock taken
    session.execute(parent, "import subprocess; subprocess.run(['sleep', '9876'])")
    child = wait_for(lambda: session.pid_of("^sleep 9876$"), 20, "the kernel's child")
    kernels = [f"kernel-{kernel}.json" for kernel in (idle, deaf, parent)]
    assert all(session.pid_of(kernel) for kernel in kernels)
    killed = session.kill_server()
    wait_for(lambda: session.states() == ["starting", "ready", "starting", "ready"], 30, "the server to be back")
    assert session.events()[2].at.timestamp() - killed <= 3
    assert "SIGKILL" in session.events()[2].reason
    assert session.url().partition("?")[0] == url.partition("?")[0]
    assert session.url() != url, "the token is the former one"
    wait_for(lambda: session.token() != token, 30, "the new token on the access point")
    assert session.token() in session.url()
    assert "Forbidden" in session.request("/api/kernels", token=token)
    assert session.request("/api/kernels") == "[]"
    assert not any(session.pid_of(kernel) for kernel in kernels)
    assert session.pid_of("^sleep 9876$") != child
    assert session.ad()["JupyterState"] == "ready"


@pytest.mark.slow
def test_server_that_dies_again_and_again_fails_the_session(new_session):
    session = new_session().submit()
    session.ready()
    for times in (2, 3, 4):
        session.kill_server()
        wait_for(lambda times=times: session.states().count("ready") == times, 30, f"start {times}")
    session.kill_server()
    ad = session.wait_gone()
    assert (ad["JupyterState"], ad["ExitCode"]) == ("failed", 1)
    assert "SIGKILL" in ad["JupyterReason"]
    assert "ServerApp" in ad["JupyterReason"]
    assert ad["JupyterReason"] in session.errors()


def test_server_that_cannot_start_fails_the_session_with_the_cause(new_session):
    session = new_session()
    broken = b"c.ServerApp.tornado_settings = 5\n"
    session.pool.put("ap", f"{session.folder}/jupyter_config.py", broken, session.user)
    session.submit(
        "",
        "transfer_input_files = notebooks, jupyter_config.py",
        'environment = "JUPYTER_CONFIG_DIR=.."',  # seen from the notebook folder
    )
    ad = session.wait_gone()
    assert (ad["JupyterState"], ad["ExitCode"]) == ("failed", 1)
    assert "tornado_settings" in ad["JupyterReason"]
    assert ad["JupyterReason"] in session.errors()


def test_shut_down_in_the_menu_ends_the_session_as_intended(new_session):
    session = new_session().submit()
    session.ready()
    session.request("/api/shutdown", "POST")
    ad = session.wait_gone()
    assert (ad["JupyterState"], ad["ExitCode"]) == ("stopped", 0)
    assert session.states() == ["starting", "ready", "stopping", "stopped"]
