"""tmux in the job: what a person at a terminal of the access point sees and does."""

import secrets

import pytest

from support.screen import screen
from support.waiting import wait_for


@pytest.fixture
def attachable(ready_session):
    """Yield a session whose window with the log is in front, as it is at the start."""
    yield ready_session
    ready_session.inside("tmux", "select-window", "-t", "jupyter:lab")


def terminal(session, command, size="100x30"):
    """Open a terminal of the user's on the access point, in the session's folder, with a command in it."""
    return screen(session.pool, "ap", session.user, command, size, cwd=session.folder)


def attach_command(session):
    """Return the command that runs the JupyterAttach line of a session that is ready, as it is."""
    line = session.ready()["JupyterAttach"]
    session.pool.put("ap", f"{session.folder}/attach", line.encode(), session.user)
    return "bash ./attach"


def assert_shell_window_works(screen, size):
    """Open the window with the shell and use it; return what it shows since."""
    mark = secrets.token_hex(2)
    screen.press("C-b", "n")
    screen.type(f"clear; echo {mark}=$((6 * 7))-$PWD; tmux display -p '{mark}:#{{client_width}}x#{{client_height}}'")
    screen.wait(f"{mark}=42-/")  # the log in the other window names the folder too
    screen.wait("scratch/notebooks")
    screen.wait(f"{mark}:{size}")
    return f"{mark}:{size}"


def assert_session_goes_on(session):
    assert session.inside("tmux", "list-windows", "-F", "#{window_name}").split() == ["lab", "shell"]
    assert session.states() == ["starting", "ready"]


def test_tmux_attach_in_a_shell_of_the_job_shows_the_log_and_a_shell(attachable):
    with terminal(attachable, f"condor_ssh_to_job -auto-retry {attachable.job}") as screen:
        screen.wait("\n$")
        screen.type("tmux attach")
        screen.wait("ServerApp")
        shown = assert_shell_window_works(screen, "100x30")
        screen.press("C-b", "d")
        screen.wait("[detached")
        assert_session_goes_on(attachable)
        screen.type("tmux attach")
        screen.wait(shown)  # still there


def test_attach_line_pasted_as_it_is_opens_the_sessions_tmux_in_the_terminals_size(attachable):
    with terminal(attachable, attach_command(attachable)) as screen:
        screen.wait("ServerApp")
        shown = assert_shell_window_works(screen, "100x30")
        screen.press("C-b", "d")
        wait_for(screen.has_ended, 20, "the line to end")
    assert_session_goes_on(attachable)
    with terminal(attachable, "bash ./attach", "77x21") as screen:
        screen.wait(shown)
        screen.type("clear; stty size")
        screen.wait("20 77")  # one line is tmux's own


def test_session_outlives_its_tmux(new_session):
    session = new_session().submit()
    session.ready()
    url = session.url()
    session.inside("tmux", "kill-server")
    wait_for(lambda: session.states() == ["starting", "ready", "starting", "ready"], 30, "the server to be back")
    assert session.url().partition("?")[0] == url.partition("?")[0]  # the server is a new one, and so is its token
    assert session.inside("tmux", "list-windows", "-F", "#{window_name}").split() == ["lab", "shell"]


@pytest.mark.slow
def test_closed_log_window_comes_back_and_the_shell_stays(new_session):
    session = new_session().submit()
    session.ready()
    shell = session.inside("tmux", "display", "-t", "shell", "-p", "#{pane_pid}")
    session.inside("tmux", "kill-window", "-t", "lab")
    wait_for(lambda: session.states() == ["starting", "ready", "starting", "ready"], 30, "the server to be back")
    assert session.inside("tmux", "list-windows", "-F", "#{window_name}").split() == ["lab", "shell"]
    assert session.inside("tmux", "display", "-t", "shell", "-p", "#{pane_pid}") == shell


def test_a_resize_of_the_terminal_reaches_tmux_in_the_job(attachable):
    with terminal(attachable, attach_command(attachable)) as screen:
        screen.wait("ServerApp")
        assert_shell_window_works(screen, "100x30")
        screen.resize(77, 21)
        screen.type("clear; until [ \"$(stty size)\" = '20 77' ]; do :; done; echo now-$(stty size)")
        screen.wait("now-20 77")  # one line is tmux's own


@pytest.mark.slow
def test_a_tmux_that_hangs_delays_no_warning_and_no_end(new_session):
    session = new_session().submit("--idle-timeout 40s --idle-warning 20s")
    session.ready()
    server = session.inside("tmux", "display-message", "-p", "#{pid}").strip()
    session.inside("sh", "-c", f"kill -STOP {server}; until grep -q stopped /proc/{server}/status; do sleep .1; done")
    ad = session.wait_gone(150)
    assert (ad["JupyterState"], ad["JupyterEnd"], ad["ExitCode"]) == ("stopped", "idle", 0)
    assert session.states() == ["starting", "ready", "expiring", "stopping", "stopped"]
    assert session.receipt()["end"] == "idle"
