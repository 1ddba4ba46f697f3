"""Sessions of one account on one machine, with one /tmp, never see each other: nobody's, or two of one person."""

import contextlib
import json
import re
import secrets
import time

import pytest

from support import kernels
from support.hosts import SHARED_IMAGE, background, configure, place_image
from support.screen import screen
from support.session import sessions
from support.shared_sessions import NOBODY
from support.waiting import let_pass, wait_for

#: They enter many jobs of one account at once, so one runs after another.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("neighbors")]

#: Jobs of both users run as nobody, and see the machine's own /tmp.
ONE_ACCOUNT = (*NOBODY, "My.WantSharedTmp = true")
MINUTES = 2


class Neighbor:
    """A session with a kernel that knows a word."""

    def __init__(self, session):
        self.session = session
        self.ad = session.ready(120)
        self.word = secrets.token_hex(4)
        self.kernel = session.start_kernel()
        assert self.ask(f"word = {self.word!r}; word") == repr(self.word)

    def ask(self, code):
        return kernels.ask(self.session, self.kernel, code).text

    def address(self):
        return f"http://127.0.0.1:{self.ad['JupyterPort']}/"

    def assert_is_its_own(self, other):
        """Everything that a shell of the job shows is of this session, and nothing of the other."""
        status = json.loads(self.session.inside("jupyter-session", "status", "--json"))
        assert (status["state"], status["port"]) == ("ready", self.ad["JupyterPort"])
        assert self.session.url().startswith(self.address())
        assert self.session.url().endswith(self.session.token())
        log = self.session.inside("tmux", "capture-pane", "-p", "-J", "-S", "-", "-t", "jupyter:lab")
        assert self.address() in log
        assert other.address() not in log
        assert self.session.inside("tmux", "list-sessions", "-F", "#{session_name}") == "jupyter\n"
        assert self.kernel in self.session.request("/api/kernels")
        assert other.kernel not in self.session.request("/api/kernels")

    def activity(self):
        return [source["detail"] for source in self.session.status()["sources"] if source["active"]]

    def assert_lives(self):
        assert self.ask("word") == repr(self.word)
        assert self.session.states() == ["starting", "ready"]


def start_two(new_session):
    """Start alice's session and bob's at once, as one account."""
    started = [new_session(user).submit("", *ONE_ACCOUNT) for user in ("alice", "bob")]
    for session in started:
        session.ready(120)
    return [Neighbor(session) for session in started]


def list_shared(person):
    """Return the folders that sessions have in a /tmp that they share."""
    return set(person.session.inside("sh", "-c", "ls -d /tmp/jupyter-session-* /tmp/js??????").split())


def test_sessions_of_two_users_as_one_account_with_one_tmp_never_see_each_other(new_session):
    alice, bob = start_two(new_session)
    alice.assert_is_its_own(bob)
    bob.assert_is_its_own(alice)
    with screen(bob.session.pool, "ap", "bob", f"condor_ssh_to_job -auto-retry {bob.session.job}") as terminal:
        terminal.wait("\n$")
        terminal.type("tmux attach")
        terminal.wait(bob.address().rstrip("/"))
        assert alice.address().rstrip("/") not in terminal.text()
    before = list_shared(alice)
    bob.session.inside("jupyter-session", "stop")
    assert bob.session.wait_gone()["JupyterState"] == "stopped"
    alice.assert_lives()
    alice.assert_is_its_own(bob)
    gone = before - list_shared(alice)  # another session of the account may have its own there
    assert [path for path in gone if path.endswith(f"-{bob.session.job}")], gone
    assert [path for path in gone if path.startswith("/tmp/js")], gone


@pytest.mark.slow
def test_neighbors_keep_their_kernels_for_minutes_and_when_the_other_one_ends(new_session):
    alice, bob = start_two(new_session)
    until = time.monotonic() + MINUTES * 60
    while time.monotonic() < until:
        alice.assert_lives()
        bob.assert_lives()
        let_pass(5)
    alice.session.inside("tmux", "kill-server")  # its own: JupyterLab there starts again
    wait_for(lambda: alice.session.states() == ["starting", "ready"] * 2, 60, "alice's server to be back")
    bob.assert_lives()
    alice.session.kill_supervisor()
    assert "SIGKILL" in alice.session.wait_gone()["JupyterReason"]
    bob.assert_lives()
    bob.assert_is_its_own(alice)


@pytest.mark.slow
def test_neighbors_who_see_each_others_processes_leave_them_alone(own_pool):
    configure(own_pool, "ep1", "SINGULARITY_USE_PID_NAMESPACES = false")
    with sessions(own_pool) as new_session:
        alice, bob = start_two(new_session)
        assert "jupyter-lab" in bob.session.inside(
            "sh", "-c", f"ps ax | grep -F -e -{alice.session.job}/ | grep -v grep"
        )
        bob.session.execute(bob.kernel, "while True: pass")
        alice.assert_lives()
        wait_for(bob.activity, 60, "bob's session to be active")
        wait_for(lambda: not alice.activity(), 60, lambda: f"alice's session to be idle: {alice.activity()}")
        alice.session.kill_server()
        wait_for(lambda: alice.session.states() == ["starting", "ready"] * 2, 60, "alice's server to be back")
        alice.session.kill_supervisor()
        assert "SIGKILL" in alice.session.wait_gone()["JupyterReason"]
        assert bob.session.states() == ["starting", "ready"]
        assert bob.activity()


PREPARE = {
    "folder": "mkdir -m 777 {0}; touch {0}/control {0}/lock; chmod 666 {0}/*",
    "link": "mkdir -p -m 777 /tmp/trap; ln -s /tmp/trap {0}",
    "dangling": "ln -s /tmp/nowhere {0}",
    "fifo": "mkfifo -m 666 {0}",
}


@pytest.mark.parametrize("kinds", [("folder", "link"), ("dangling", "fifo")], ids="-".join)
def test_session_starts_although_another_user_has_taken_its_places(kinds, new_session, pool):
    started = [new_session().submit("", *ONE_ACCOUNT, "hold = true") for _ in kinds]
    try:
        for kind, session in zip(kinds, started, strict=True):
            line = PREPARE[kind].format(f"/tmp/jupyter-session-65534-{session.job}")
            socket = "mkdir -m 777 /tmp/tmux-65534; touch /tmp/tmux-65534/default"
            pool.exec("ep1", ["sh", "-c", f"{line}; {socket}"], user="slot1_32")
            session.ap("condor_release", session.job, check=True)
        for session in started:
            port = session.ready(120)["JupyterPort"]
            assert f"127.0.0.1:{port}/" in session.url()
            assert "shell" in session.inside("tmux", "list-windows", "-t", "jupyter", "-F", "#{window_name}")
    finally:
        pool.exec("ep1", ["sh", "-c", "rm -rf /tmp/trap /tmp/tmux-65534 /tmp/jupyter-session-65534-*"])


@contextlib.contextmanager
def by_hand(pool, folder):
    """Run a session of alice's on the laptop in a folder for the duration of the block."""
    pool.exec("laptop", ["mkdir", "-p", folder], user="alice", check=True)
    with background(pool, "laptop", ("apptainer", "-q", "run", SHARED_IMAGE), "alice", cwd=folder) as running:
        yield running


def test_two_sessions_by_hand_are_each_found_from_their_own_folder(pool):
    place_image(pool, "laptop")
    home = f"/home/alice/by-hand-{secrets.token_hex(3)}"

    def call(folder, *argv):
        return pool.exec("laptop", ["apptainer", "-q", "exec", SHARED_IMAGE, *argv], user="alice", cwd=folder)

    def url(folder):
        found = re.fullmatch(r"http://127\.0\.0\.1:\d+/lab\?token=\S+\n", call(folder, "jupyter-session", "url").stdout)
        return found and found[0].strip()

    with by_hand(pool, f"{home}/one") as first, by_hand(pool, f"{home}/two") as second:
        wait_for(lambda: url(f"{home}/one") and url(f"{home}/two"), 60, "both to be ready")
        urls = [url(f"{home}/{name}") for name in ("one", "two")]
        assert len(set(urls)) == 2
        for name, address in zip(("one", "two"), urls, strict=True):
            shown = call(f"{home}/{name}", "tmux", "capture-pane", "-p", "-J", "-S", "-", "-t", "jupyter:lab").stdout
            assert address.partition("lab?")[0] in shown
        for argv in (("jupyter-session", "status"), ("jupyter-session", "stop"), ("tmux", "list-sessions")):
            refused = call("/", *argv)
            assert refused.returncode == 1
            assert "2 of your sessions run here. Set JUPYTER_SESSION_DIR" in refused.stderr
            assert f"{home}/one/notebooks" in refused.stderr
        assert call(f"{home}/two", "jupyter-session", "stop").returncode == 0
        assert second.wait(30) == 0
        assert url(home) == url(f"{home}/two") == urls[0]  # the only one that is left
        first.send_signal(15)
        assert first.wait(30) == 0
    assert not pool.exec("laptop", ["sh", "-c", "ls -d /tmp/jupyter-session-2001* /tmp/js??????"]).stdout
