"""Which processes are those of logins by condor_ssh_to_job, and how they end."""

import subprocess
import sys
import time

import pytest

from jupyter_session.activity.procfs import Process
from jupyter_session.condor.job_ad import Job
from jupyter_session.session.logins import end_logins, find_logins
from support.waiting import wait_for

#: By process ID: parent and name. As in a container with process IDs of its own.
CONTAINED = {
    1: (0, "appinit"),
    10: (1, "python3"),  # the watchdog
    11: (10, "python3"),  # the supervisor
    12: (1, "nohup"),
    30: (0, "sh"),
    31: (30, "sleep"),
    32: (31, "sleep"),
    40: (0, "bash"),
}
#: As on a machine whose containers have none: 20 is another job's starter.
SHARED = {
    1: (0, "systemd"),
    2: (0, "kthreadd"),
    5: (1, "condor_startd"),
    6: (5, "condor_starter"),
    7: (6, "starter"),
    8: (7, "python3"),
    11: (8, "python3"),
    30: (6, "condor_nsenter"),
    31: (30, "bash"),
    32: (6, "sshd-session"),
    33: (32, "condor_docker_e"),
    35: (6, "job_hook"),
    20: (5, "condor_starter"),
    21: (20, "sshd-session"),
    22: (1, "sshd-session"),
}


def table(processes, *, foreign=()):
    values = dict.fromkeys(("group", "session", "tty", "foreground", "own", "total", "disk"), 0)
    return {
        pid: Process(
            pid=pid, started=pid, parent=parent, uid=0 if pid in foreign else 7, name=name, argv=(name,), **values
        )
        for pid, (parent, name) in processes.items()
    }


@pytest.mark.parametrize(
    ("processes", "own", "foreign", "found"),
    [
        (CONTAINED, 11, (), [[30, 31, 32], [40]]),
        (CONTAINED, 11, (40,), [[30, 31, 32]]),
        (CONTAINED, 32, (), []),  # in a login itself
        (SHARED, 11, (2,), [[30, 31], [32, 33]]),
        (SHARED, 31, (), []),
        ({1: (0, "systemd"), 2: (0, "kthreadd"), 11: (1, "python3")}, 11, (1, 2), []),  # no job at all
        ({11: (7, "python3"), 30: (0, "sh")}, 11, (), []),  # its parents can't be seen
        ({}, 11, (), []),
    ],
)
def test_the_processes_of_each_login(processes, own, foreign, found):
    logins = find_logins(table(processes, foreign=foreign), own)
    assert [[process.pid for process in login] for login in logins] == found


class Login:
    """A program that somebody runs, and the folder that HTCondor has for it until it has ended."""

    def __init__(self, folder, code, monkeypatch):
        self.folder = folder / ".condor_ssh_to_job_1"
        self.folder.mkdir()
        self.said = folder / "said"
        self.process = subprocess.Popen([sys.executable, "-c", code, str(self.said)])
        wait_for(self.said.exists, 20, "the program to run")
        monkeypatch.setattr("jupyter_session.session.logins.find_logins", self.find)

    def find(self, processes, _own):
        if self.process.poll() is not None and self.folder.exists():
            self.folder.rmdir()
        return [[processes[self.process.pid]]] if self.process.pid in processes else []


HEEDS = """
import pathlib, signal, sys, time
def heed(*_):
    time.sleep({delay})
    pathlib.Path(sys.argv[1]).write_text("rescued")
    sys.exit()
signal.signal(signal.SIGHUP, {handler})
pathlib.Path(sys.argv[1]).touch()
while True: signal.pause()
"""
QUICK, SLOW = HEEDS.format(delay=0, handler="heed"), HEEDS.format(delay=0.7, handler="heed")
DEAF = HEEDS.format(delay=0, handler="signal.SIG_IGN")


@pytest.mark.parametrize(("code", "said", "status"), [(QUICK, "rescued", 0), (DEAF, "", -9)])
def test_a_program_may_put_things_in_order_before_it_is_ended(tmp_path, monkeypatch, code, said, status):
    login = Login(tmp_path, code, monkeypatch)
    end_logins(Job("7.0", {}, {}), {"_CONDOR_SCRATCH_DIR": str(tmp_path)}, 20)
    assert (login.said.read_text(), login.process.wait(5)) == (said, status)


def test_a_program_that_outlives_its_login_is_waited_for_while_it_puts_things_in_order(tmp_path, monkeypatch):
    (folder := tmp_path / "editor").mkdir()
    editor, shell = Login(folder, SLOW, monkeypatch), Login(tmp_path, QUICK, monkeypatch)

    def find(processes, own):
        return [*shell.find(processes, own), *editor.find(processes, own)] if shell.folder.exists() else []

    monkeypatch.setattr("jupyter_session.session.logins.find_logins", find)
    assert end_logins(Job("7.0", {}, {}), {"_CONDOR_SCRATCH_DIR": str(tmp_path)}, 20)
    assert not shell.folder.exists()
    assert editor.said.read_text() == "rescued"
    assert (shell.process.wait(5), editor.process.wait(5)) == (0, 0)


@pytest.mark.parametrize(
    ("job", "scratch"),
    [(None, True), (Job("7.0", {"interactivejob": True}, {}), True), (Job("7.0", {}, {}), False)],
)
def test_outside_a_job_and_in_an_interactive_one_nothing_is_ended(tmp_path, monkeypatch, job, scratch):
    login = Login(tmp_path, DEAF, monkeypatch)
    end_logins(job, {"_CONDOR_SCRATCH_DIR": str(tmp_path)} if scratch else {}, 20)
    assert login.process.poll() is None
    login.process.kill()
    login.process.wait()


def test_a_login_that_htcondor_never_sees_end_is_waited_for_a_short_time_only(tmp_path, monkeypatch):
    (tmp_path / ".condor_ssh_to_job_3").mkdir()
    monkeypatch.setattr("jupyter_session.session.logins.find_logins", lambda *_: [])
    began = time.monotonic()
    assert not end_logins(Job("7.0", {}, {}), {"_CONDOR_SCRATCH_DIR": str(tmp_path)}, 0.3)
    assert time.monotonic() - began < 5
