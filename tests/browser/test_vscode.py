"""VS Code itself, its server in the job and its window in the laptop's browser, through `ssh -L ... jupyter-JOB`."""

import contextlib
import os
import secrets

import pytest

from support.browser.workbench import Workbench
from support.ssh import SecureShell
from support.waiting import wait_for
from testbed.artifacts import vscode

PORT = 28443
SOCKET = "/tmp/code-server.sock"
#: A socket of the user's alone and a password: the laptop's end of the tunnel may be seen by others there.
CONFIG = f"""
socket: {SOCKET}
socket-mode: "600"
auth: password
password: %s
disable-telemetry: true
disable-update-check: true
disable-workspace-trust: true
"""


def install(shell):
    """Copy code-server into the job and start it there; return its password."""
    built = vscode.build()
    shell.pool.copy("laptop", built.path / "code-server.tar.gz", f"/home/{shell.user}/code-server.tar.gz", shell.user)
    os.close(built.lock)
    done = shell.run("scp", "-q", "code-server.tar.gz", f"{shell.host}:", timeout=300)
    assert done.returncode == 0, done
    password = secrets.token_hex(16)
    shell.out("tar", "xzf", "code-server.tar.gz", timeout=300)
    shell.out("sh", "-c", "umask 077; cat >code-server.yaml", input=CONFIG % password)
    command = "nohup code-server/bin/code-server --config code-server.yaml notebooks >code-server.log 2>&1 </dev/null &"
    shell.out("sh", "-c", command)
    return password


@contextlib.contextmanager
def tunnel(shell):
    """Forward a port of the laptop to the server for the duration of the block; then kill its ssh."""
    with shell.background("-N", "-L", f"127.0.0.1:{PORT}:{SOCKET}", shell.host) as running:
        fetch = ("curl", "-sS", "-m", "20", f"http://127.0.0.1:{PORT}/healthz")
        wait_for(lambda: "status" in shell.run(*fetch).stdout, 120, "code-server to answer")
        yield running


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_code_server_shows_the_job_and_goes_on_after_a_cut_until_the_session_ends(new_session, page):
    shell = SecureShell(new_session().submit()).enterable()
    password = install(shell)
    workbench = Workbench(page, f"http://127.0.0.1:{PORT}/")

    def has(name, text):
        wait_for(lambda: shell.call("cat", f"notebooks/{name}").stdout == text, 120, f"{text!r} in {name}")

    with tunnel(shell):
        workbench.log_in(password)
        workbench.open_terminal()
        workbench.type_in_terminal("kept='still here'; echo $_CONDOR_SLOT >plan.txt")
        has("plan.txt", shell.out("sh", "-c", "echo $_CONDOR_SLOT"))
        workbench.open_file("plan.txt")
        workbench.write("written in the editor")
        wait_for(lambda: "in the editor" in shell.out("cat", "notebooks/plan.txt"), 120, "the file to be saved")
    with tunnel(shell) as running:
        workbench.reload()
        workbench.type_in_terminal("echo $kept >kept.txt")
        has("kept.txt", "still here\n")
        shell.session.inside("jupyter-session", "stop")
        shell.session.wait_gone(120)
        wait_for(lambda: running.poll() is not None, 60, "the tunnel to end")
    assert shell.session.pid_of("code-server/bin/node") is None
    assert "in the editor" in shell.session.file("notebooks/plan.txt")
    shell.wait_nothing_left()
