"""What in `ssh jupyter-JOB` keeps a session alive, and what does not."""

import json

import pytest

from support.ssh import SecureShell
from support.waiting import wait_for

#: Works on a share of a core for ever, and leaves the rest of the machine to other tests.
WORK = "import time; all(sum(range(10**5)) and not time.sleep(.01) for _ in iter(int, 1))"


def source(shell, name="ssh"):
    status = json.loads(shell.out("jupyter-session", "status", "--json"))
    return next(source for source in status["sources"] if source["source"] == name)


def test_open_connections_that_do_nothing_keep_no_session_alive(new_session):
    shell = SecureShell(new_session().submit("--idle-timeout 45s")).enterable()
    with (
        shell.screen(shell.host) as screen,
        shell.background(shell.host, "exec sleep 1000") as running,
        shell.background("-N", "-L", "127.0.0.1:0:127.0.0.1:1", shell.host) as tunnel,
    ):
        shell.session.wait_gone(250)
        for ended in (screen.has_ended, running.poll, tunnel.poll):
            wait_for(lambda ended=ended: ended() not in (None, False), 60, "the connection to end")
    assert shell.session.ad()["JupyterReason"].startswith("Idle for ")


@pytest.mark.slow
def test_program_and_typing_in_a_connection_are_seen(new_session):
    shell = SecureShell(new_session().submit("--idle-timeout 60s")).enterable()
    with shell.background(shell.host, f"exec python3 -c '{WORK}'"):
        detail = wait_for(lambda: (s := source(shell))["active"] and s["detail"], 60, "the program to be seen")
        assert "python" in detail
    wait_for(lambda: not source(shell)["active"], 90, "the program's end to be seen")
    with shell.screen(shell.host) as screen:
        screen.wait("$")
        wait_for(lambda: (source(shell)["idle_for"] or 0) > 15, 60, "quiet")
        screen.type("echo typed")
        wait_for(lambda: source(shell)["idle_for"] < 15, 60, "the typing to be seen")
        assert not source(shell)["active"]
