"""Access points with odd startup files and sshd settings: the ways by hand, without chtc-jupyter."""

import contextlib

import pytest

from support.hosts import background, login_shell
from support.kinds import pool_of
from support.session import sessions
from support.tunnel import Tunnel
from support.waiting import patience, wait_for
from testbed.artifacts import ssh_template
from testbed.pool.kinds import USUAL

#: They share a pool, so one runs after another.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("odd")]

#: What alice's .bashrc begins with on the access point: a command of ssh's runs in the end.
WORKS = {
    "reads a line": "read -r project; export PROJECT=$project",
    "reads three lines": "read -r a; read -r b; read -rs c",
    "another shell inside": "zsh",
    "shells that take more than a line": "sh -s; dash; bash --norc",
    "prints without a line end": "printf 'title'; printf 'error' >&2",
}
#: It never does.
REPLACED = {"zsh": "exec zsh", "bash": "case $- in *c*) exec bash;; esac", "sh": "exec sh -s"}


@pytest.fixture(scope="module")
def odd():
    """Yield a session on a pool whose access point these tests may change, with submit/ssh_config set up."""
    with pool_of(USUAL) as pool, sessions(pool) as new:
        ssh_template.set_up(pool, "alice")
        session = new().submit()
        session.ready()
        yield session


def enter(session):
    """`ssh jupyter-JOB`, with what is typed for its input, over a connection of its own."""
    session.pool.exec("laptop", ["pkill", "-u", "alice", "-x", "ssh"])
    argv = ["ssh", f"jupyter-{session.job}", "echo in; wc -c"]
    return session.pool.exec("laptop", argv, user="alice", input="12345", timeout=90)


@contextlib.contextmanager
def pasted(session):
    """Paste the line to connect; the laptop has no terminal for what a startup file would ask."""
    line = session.ad()["JupyterConnect"]
    tunnel = Tunnel(session.pool, session.user, line)
    try:
        yield tunnel
    finally:
        tunnel.close()


@contextlib.contextmanager
def sshd_setting(pool, line):
    """Give the access point's sshd a setting for the duration of the block."""
    place, reload = "/etc/ssh/sshd_config.d/aa.conf", ["sh", "-c", "kill -HUP $(pgrep -o -x sshd)"]
    pool.put("ap", place, f"{line}\n".encode())
    pool.exec("ap", reload, check=True)
    pool.exec("laptop", ["pkill", "-u", "alice", "-x", "ssh"])
    try:
        yield
    finally:
        pool.exec("ap", ["rm", place])
        pool.exec("ap", reload, check=True)


@pytest.mark.parametrize("kind", WORKS)
def test_stock_ssh_enters_through_a_login_shell_that_runs_commands_in_the_end(odd, kind):
    with login_shell(odd.pool, "alice", WORKS[kind]):
        done = enter(odd)
    assert done.stdout == "in\n5\n", done


@pytest.mark.parametrize("kind", REPLACED)
def test_stock_ssh_says_that_another_shell_takes_the_place_of_the_command(odd, kind):
    with login_shell(odd.pool, "alice", REPLACED[kind]):
        done = enter(odd)
    assert done.returncode == 255, done
    assert "starts another shell" in done.stderr


@pytest.mark.parametrize("line", ["exec cat", "cat >/dev/null", "fish"])
def test_stock_ssh_says_within_30_s_that_no_command_has_run(odd, line):
    odd.pool.exec("laptop", ["pkill", "-u", "alice", "-x", "ssh"])
    argv = ["ssh", f"jupyter-{odd.job}", "true"]
    with login_shell(odd.pool, "alice", line), background(odd.pool, "laptop", argv, "alice") as running:
        wait_for(lambda: "No command has run on the access point" in running.stdout.readline(), 30, "the reason")


@pytest.mark.parametrize("line", ["exec zsh", "read -r project", "exec cat"])
def test_line_to_connect_says_within_30_s_that_no_command_has_run(odd, line):
    with login_shell(odd.pool, "alice", line), pasted(odd) as tunnel:
        said = tunnel.read
        wait_for(lambda: "No command has run yet" in said(), 30, lambda: f"the reason; it said {said()!r}")
        assert "/lab?token=" not in said()


def test_line_to_connect_works_without_a_terminal_on_the_access_point_and_leaves_nothing(odd):
    with sshd_setting(odd.pool, "PermitTTY no"):
        with pasted(odd) as tunnel:
            page = odd.pool.exec("laptop", ["curl", "-sSL", "-c", "/dev/null", tunnel.url()], user="alice")
            assert "JupyterLab" in page.stdout
            assert "PTY" not in tunnel.output
        left = lambda: odd.ap("pgrep", "-u", "alice", "-fa", "condor_ssh_to_job").stdout  # noqa: E731
        wait_for(lambda: not left(), 30, lambda: f"its processes to end: {left()}")


def test_line_to_connect_names_the_port_of_the_users_own_forward(odd):
    own = b"Host ap\n LocalForward 8888 localhost:8888\n"
    odd.pool.put("laptop", "/home/alice/own_config", own, "alice", 0o600)
    before = odd.pool.path("laptop", "/home/alice/.ssh/config").read_bytes()
    odd.pool.put("laptop", "/home/alice/.ssh/config", own + before, "alice", 0o600)
    try:
        with background(odd.pool, "laptop", ["ssh", "-N", "ap"], "alice"):
            listens = lambda: odd.pool.exec("laptop", ["ss", "-Hltn", "sport = 8888"]).stdout  # noqa: E731
            wait_for(listens, 20, "the forward")
            line = odd.ad()["JupyterConnect"]
            said = Tunnel(odd.pool, odd.user, line).wait_end(30 * patience())
    finally:
        odd.pool.put("laptop", "/home/alice/.ssh/config", before, "alice", 0o600)
    assert "cannot listen to port: 8888" in said
    assert "Another program has that port. Your own ssh configuration may forward it for alice@ap." in said
