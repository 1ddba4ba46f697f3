"""`ssh jupyter-JOB`: into which jobs it leads, and how it ends."""

import pytest

from chtc_condor.codes import JobStatus
from support.ssh import SecureShell
from support.waiting import wait_for


def connections(shell):
    """Open one of each kind: a terminal, a command, a forward."""
    return (
        shell.screen(shell.host),
        shell.background(shell.host, "echo it is up; exec sleep 1000"),
        shell.background("-N", "-L", "127.0.0.1:0:127.0.0.1:1", shell.host),
    )


@pytest.mark.parametrize("end", ["condor_rm", "stop"])
def test_end_of_the_session_ends_every_connection_and_frees_the_slot(new_session, end):
    shell = SecureShell(new_session().submit()).enterable()
    terminal, command, forward = connections(shell)
    with terminal as screen, command as running, forward as tunnel:
        screen.type("echo $((6 * 7))")
        screen.wait("42")
        wait_for(lambda: "is up" in running.stdout.readline(), 30, "the command")
        if end == "stop":
            shell.session.inside("jupyter-session", "stop")
        else:
            shell.session.ap("condor_rm", shell.session.job, check=True)
        shell.session.wait_gone(60)
        for ended in (screen.has_ended, running.poll, tunnel.poll):
            wait_for(lambda ended=ended: ended() not in (None, False), 60, "the connection to end")
    assert shell.session.ad()["JupyterState"] == "stopped"
    shell.wait_nothing_left()
    slots = ("condor_status", "-af", "JobId")
    wait_for(lambda: shell.session.job not in shell.session.ap(*slots).stdout.split(), 60, "the slot to be free")


def test_session_that_runs_as_nobody_lets_its_owner_in(session_as_nobody):
    shell = SecureShell(session_as_nobody).enterable()
    assert shell.out("id", "-un") == "nobody\n"
    with shell.screen(shell.host, size="91x27") as screen:
        screen.type("stty size; echo $SHELL; command -v jupyter-lab")
        screen.wait("27 91")
        screen.wait("/bin/bash")
        screen.wait("/opt/jupyter/bin/jupyter-lab")
    copy = "seq 100 >n; scp -q n {0}:n; rm n; scp -q {0}:n n; tail -n 1 n; rm n"
    assert shell.run("sh", "-ec", copy.format(shell.host)).stdout == "100\n"


def test_job_that_can_not_be_entered_is_told_in_a_sentence(new_session):
    waiting = SecureShell(new_session().submit("", "request_cpus = 1000"))
    job = waiting.session.job
    done = waiting.call("true")
    assert f"job {job} is not running. Run condor_q {job}" in done.stderr
    waiting.session.ap("condor_hold", job, check=True)
    waiting.session.wait_status(JobStatus.HELD)
    assert f"job {job} is not running" in waiting.call("true").stderr
    for name in ("999999", "999999.0"):
        assert f"job {name} is not running" in SecureShell(waiting.session, job=name).call("true").stderr
    for name in ("1x", "1-", "1-all"):
        assert "there is no job" in SecureShell(waiting.session, job=name).call("true").stderr


def test_job_without_a_container_says_that_there_is_no_session_in_it(new_session):
    session = new_session().submit("1000", "executable = /bin/sleep", without="container_image")
    session.wait_status(JobStatus.RUNNING)
    done = SecureShell(session).call("true")
    assert done.returncode == 255
    assert "There is no jupyter-session where HTCondor runs the command" in done.stderr
    session.ap("condor_rm", session.job)
