"""The image on a workstation, with no HTCondor job: a session for the user alone."""

import json
import os
import secrets
import select

import pytest

from support.hosts import SHARED_IMAGE, background, place_image
from support.tunnel import URL
from support.waiting import wait_for

RUN = ("apptainer", "-q", "run", SHARED_IMAGE)


@pytest.fixture
def workstation(pool):
    place_image(pool, "laptop")
    return Workstation(pool)


class Workstation:
    """Sessions of `alice` there, each of them in a folder of its own and with a state folder of its own."""

    def __init__(self, pool):
        self.pool = pool
        self.name = f"session-{secrets.token_hex(4)}"
        self.home = f"/home/alice/{self.name}"
        self.state = f"/tmp/{self.name}"
        self.env = {"JUPYTER_SESSION_DIR": self.state}
        self.exec("mkdir", self.home, cwd="/home/alice")

    def exec(self, *argv, cwd=None):
        return self.pool.exec("laptop", argv, user="alice", cwd=cwd or self.home, env=self.env)

    def start(self, redirection="", **options):
        words = ("sh", "-c", f'exec "$@" {redirection}', "sh", *RUN)
        return background(self.pool, "laptop", words, "alice", cwd=self.home, env=self.env, **options)

    def url(self):
        return self.exec("apptainer", "-q", "exec", SHARED_IMAGE, "jupyter-session", "url").stdout.strip()

    def status(self, url):
        match = URL.fullmatch(url)
        words = ["curl", "-sS", "-H", f"Authorization: token {match[2]}", f"http://127.0.0.1:{match[1]}/api/status"]
        return json.loads(self.exec(*words).stdout)

    def describe(self):
        """Return what the session, its supervisor, and JupyterLab say."""
        log = "cd $JUPYTER_SESSION_DIR; grep -v \"request 'status'\" supervisor.log; cat lab.log; ss -ltnp"
        status = self.exec("apptainer", "-q", "exec", SHARED_IMAGE, "jupyter-session", "status")
        return status.stdout + status.stderr + self.exec("sh", "-c", log).stdout

    def left(self):
        """Return the processes and files of the session."""
        files = self.exec("sh", "-c", f"ls -d {self.state}*").stdout.split()
        return files + self.exec("pgrep", "-fa", self.name).stdout.splitlines()


@pytest.mark.parametrize("number", [2, 15], ids=["SIGINT", "SIGTERM"])
def test_session_on_a_workstation_works_and_ends_in_order_by_a_signal(workstation, number):
    with workstation.start() as running:
        url = wait_for(workstation.url, 60, "the address")
        assert "started" in workstation.status(url)
        assert workstation.left()
        running.send_signal(number)
        assert running.wait(20) == 0
    assert workstation.left() == []


@pytest.mark.parametrize("redirection", [">/dev/full 2>&1", ">&- 2>&-"], ids=["full", "closed"])
def test_session_whose_output_cannot_be_written_works_and_ends_in_order(workstation, redirection):
    with workstation.start(redirection) as running:
        url = wait_for(workstation.url, 60, "the address")
        assert "started" in workstation.status(url)
        running.send_signal(15)
        assert running.wait(20) == 0
    assert workstation.left() == []


def test_second_session_on_a_workstation_is_refused_in_one_sentence_and_the_first_goes_on(workstation):
    with workstation.start() as running:
        url = wait_for(workstation.url, 60, "the address")
        refused = workstation.exec(*RUN)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.startswith("jupyter-session: A session is already running here")
        assert refused.stderr.count("\n") == 1
        assert workstation.url() == url
        assert "started" in workstation.status(url)
        running.send_signal(15)
        assert running.wait(20) == 0


def test_terminal_shows_the_address_and_ctrl_c_ends_the_session(workstation):
    shown, keyboard = "", os.pipe()
    with os.fdopen(keyboard[0]) as reader, workstation.start(tty=True, stdin=reader) as running:

        def look():
            nonlocal shown
            if select.select([running.stdout], [], [], 0)[0]:
                shown += os.read(running.stdout.fileno(), 65536).decode()
            return URL.search(shown)

        url = wait_for(look, 60, "the address")[0]
        assert "started" in workstation.status(url)
        os.write(keyboard[1], b"\x03")
        assert running.wait(20) == 0
        os.close(keyboard[1])
    assert workstation.left() == []


def test_tmux_of_the_users_own_is_not_touched(workstation):
    workstation.exec("tmux", "-f", "/dev/null", "new-session", "-d", "-s", "jupyter", "sleep 1000")
    try:
        before = workstation.exec("tmux", "list-panes", "-a", "-F", "#{session_name} #{pane_pid}").stdout
        with workstation.start() as running:
            wait_for(workstation.url, 60, "the address")
            running.send_signal(15)
            assert running.wait(20) == 0
        assert workstation.exec("tmux", "list-panes", "-a", "-F", "#{session_name} #{pane_pid}").stdout == before != ""
    finally:
        workstation.exec("tmux", "kill-server")


@pytest.mark.slow
def test_session_starts_although_one_before_it_was_killed(workstation):
    with workstation.start():
        before = wait_for(workstation.url, 60, "the address")
    assert workstation.left()  # the block's end kills the supervisor and nothing else
    with workstation.start() as running:

        def look():
            url = workstation.url()
            return url if url != before else None

        assert "started" in workstation.status(wait_for(look, 60, lambda: f"the new address: {workstation.describe()}"))
        running.send_signal(15)
        assert running.wait(20) == 0
    assert workstation.left() == []
