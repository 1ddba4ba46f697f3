"""People who are still logged in with condor_ssh_to_job when a session ends: HTCondor would keep the job for them."""

import contextlib
import re
import subprocess

import pytest

from chtc_condor.codes import JobStatus
from chtc_jupyter.errors import ExitStatus
from support.hosts import background
from support.kinds import pool_of
from support.laptop import laptops
from support.session import sessions
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(300)
#: Saves what isn't saved when the connection breaks, as editors do.
EDITOR = (
    "trap 'sleep 1; echo typed >notebooks/rescued.txt; exit' HUP; touch notebooks/opened.txt; while :; do sleep 1; done"
)
#: What they run: a shell, and programs with and without a terminal, one of which heeds nothing.
LOGINS = {
    "shell": ("-ssh", "ssh -tt", "{}"),
    "editor": ("-ssh", "ssh -tt", "{}", EDITOR),
    "program": ("{}", "sleep", "600"),
    "deaf": ("{}", "trap '' HUP TERM; touch notebooks/deaf.txt; while :; do sleep 1; done"),
}
SAID = "somebody was logged in to the job with condor_ssh_to_job"
KINDS = ("no-pidns", "pilot", "ep-23.9-no-pidns")


@pytest.mark.parametrize("login", [pytest.param(name, marks=[pytest.mark.slow] * (name == "deaf")) for name in LOGINS])
def test_a_session_ends_although_somebody_is_logged_in(new_session, login):
    end_with(new_session().submit("--idle-timeout 25s --idle-warning 5s"), login)


@pytest.mark.slow
def test_a_killed_supervisor_s_job_ends_although_somebody_is_logged_in(new_session):
    session = new_session().submit()
    session.ready()
    with log_in(session, "shell"):
        session.kill_supervisor()
        assert "SIGKILL" in session.wait_gone(60)["JupyterReason"]


@pytest.mark.slow
def test_a_log_that_is_followed_ends_with_how_the_session_ended(new_session, new_laptop):
    session, laptop = new_session().submit(), new_laptop()
    session.ready()
    laptop.call("config", "ap", "ap")
    following = laptop.run_on("logs", session.job, "-f")
    following.wait_for("Jupyter Server", 60)
    session.inside("jupyter-session", "stop")
    assert following.wait_end(60) == 0, following.output
    assert "stopped by its user" in following.output


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_session_ends_although_somebody_is_logged_in_on_a_pool_of_each_kind(kind):
    with pool_of(kind) as pool, sessions(pool) as new:
        for login in ("shell", "editor", "program"):
            end_with(new().submit("--idle-timeout 25s --idle-warning 5s"), login)


@pytest.mark.slow
def test_a_login_that_the_session_can_t_end_is_told():
    """HTCondor 23.9 runs it outside of the container, whose processes don't see it."""
    with pool_of("ep-23.9") as pool, sessions(pool) as new, laptops(pool) as new_laptop:
        session, laptop = new().submit("--idle-timeout 25s --idle-warning 5s"), new_laptop()
        session.ready(120)
        laptop.call("config", "ap", "ap")
        with log_in(session, "program"):
            wait_for(lambda: SAID in session.ad().get("JupyterReason", ""), 90, "the reason")
            assert any(SAID in warning for warning in session.warnings())
            assert session.ad()["JobStatus"] == JobStatus.RUNNING
            status = laptop.call("status", session.job)
            assert (status.returncode, status.stdout.startswith("Stopped: "), SAID in status.stdout) == (0, True, True)
            extended = laptop.call("extend", "1h", session.job)
            assert (extended.returncode, SAID in extended.stderr) == (ExitStatus.NO_SUCH_SESSION, True), extended
            attached = laptop.run_on("attach", session.job, tty=True)
            assert attached.wait_end(60) == ExitStatus.NO_SUCH_SESSION, attached.output
            assert SAID in re.sub(r"\s+", " ", attached.output)
            logs = laptop.call("logs", session.job)
            assert (logs.returncode, SAID in logs.stderr) == (ExitStatus.NO_SUCH_SESSION, True), logs
            connecting = laptop.run_on("connect", session.job, tty=True)
            connecting.wait_for("maybe because somebody is logged in", 60)
            connecting.type("\x03")
        assert session.wait_gone(60)["JobStatus"] == JobStatus.COMPLETED


@pytest.mark.slow
@pytest.mark.parametrize("how", ["stock", "lossy", "idle"])
def test_stop_says_what_keeps_a_job_whose_session_has_ended(how):
    with pool_of("ep-23.9") as pool, sessions(pool) as new, laptops(pool) as new_laptop:
        lossy = how == "lossy"
        lines = ("when_to_transfer_output = ON_EXIT", "My.SpoolOnEvict = true") if lossy else ()
        idle = " --idle-timeout 25s --idle-warning 5s" if how == "idle" else ""
        without = tuple(line.split(" =")[0] for line in lines)
        session = new().submit(f'"--save-max-file 1MB{idle}"', *lines, without=without)
        session.ready(120)
        laptop = new_laptop()
        laptop.call("config", "ap", "ap")
        session.inside("sh", "-c", "head -c 8000000 /dev/zero >notebooks/large.bin")  # left for the end of the job
        with log_in(session, "program"):
            if how == "idle":
                session.wait_state("stopped", seconds=120)
            stopped = laptop.call("stop", session.job, timeout=200)
            assert "maybe because somebody is logged in to it with condor_ssh_to_job" in stopped.stderr
            assert stopped.returncode == (31 if lossy else 0), stopped
            assert session.ad()["JobStatus"] == (JobStatus.RUNNING if lossy else JobStatus.REMOVED)
        session.wait_gone(60)
        assert pool.path("ap", f"{session.folder}/notebooks/large.bin").stat().st_size == 8_000_000


def end_with(session, login):
    """Let a session end while somebody is logged in; the rest of what they typed comes back."""
    session.ready(120)
    with log_in(session, login):
        session.wait_state("stopped", seconds=120)
        ad = session.wait_gone(30)
    assert (ad["JobStatus"], ad["ExitCode"], ad["JupyterEnd"]) == (JobStatus.COMPLETED, 0, "idle")
    if login == "editor":
        assert session.file("notebooks/rescued.txt") == "typed\n"


@contextlib.contextmanager
def log_in(session, login):
    argv = ["condor_ssh_to_job", "-auto-retry", *(word.format(session.job) for word in LOGINS[login])]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with background(session.pool, "ap", argv, session.user, **streams):
        wait_for(lambda: any(pid for pid in list_logins(session)), 60, "somebody to be logged in")
        if login in ("editor", "deaf"):
            made = {"editor": "opened", "deaf": "deaf"}[login]
            wait_for(lambda: session.file(f"notebooks/{made}.txt") is not None, 60, "the program to run")
        yield


def list_logins(session):
    found = session.pool.exec("ep1", ["pgrep", "-f", "condor_docker_enter|sshd-session.*@|sshd: .*@"])
    return found.stdout.split()
