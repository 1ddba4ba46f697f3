"""`jupyter-session top`: the panel in a terminal."""

from support.screen import screen
from support.waiting import wait_for


def test_output_that_is_no_terminal_gets_it_once(ready_session):
    shown = ready_session.inside("jupyter-session", "top")
    for part in ("Memory", "of the slot's 1.5 GB", "SOURCE", "kernels", f"Job: {ready_session.job} on ep1"):
        assert part in shown


def test_keys_keep_the_session_and_leave(ready_session):
    command = f"condor_ssh_to_job -auto-retry {ready_session.job}"
    with screen(ready_session.pool, "ap", "alice", command) as terminal:
        terminal.wait("$")
        terminal.type("jupyter-session top")
        terminal.wait("q: quit")
        terminal.wait("of 1 core")
        terminal.press("k")
        wait_for(lambda: ready_session.status()["keep_alive_until"], 30, "the session to be kept alive")
        terminal.press("q")
        terminal.type("echo left=$?")
        terminal.wait("left=0")
        assert "SOURCE" not in terminal.text()  # the shell's own screen is back
    ready_session.inside("jupyter-session", "extend", "0s")
