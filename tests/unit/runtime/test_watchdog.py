"""The watchdog outlives the process that it watches, passes signals on to it, and knows how that ended."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_session.condor.job_ad import Job
from jupyter_session.session.watchdog import Remains
from jupyter_session.settings import resolve
from jupyter_session.state_dir import StateDir
from support.waiting import wait_for

#: As when the image's files can't be read any more.
NO_PROGRAM = "import sys; sys.executable = '/no/python'"
#: Forks; the new process says its process ID, and then does what the test wants.
WATCH = """
import os, signal, sys, time
from pathlib import Path
from jupyter_session.session import watchdog
from jupyter_session.settings import resolve
from jupyter_session.state_dir import StateDir
state = StateDir(Path(sys.argv[1]), in_job=False)
state.create()
watchdog._SUDDEN_END = "sudden_end"  # the test's
watchdog.fork(state, watchdog.Remains(resolve({}, {}, {}), None, state, publishes=False, started=0.0).write())
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGHUP])
print(os.getpid(), flush=True)
exec(sys.argv[2])
"""
SUDDEN_END = """
import sys, signal, os
from jupyter_session.session.watchdog import Remains
os.kill(os.getpid(), signal.SIGTERM)
print("killed by", sys.argv[2], Remains.read(int(sys.argv[1])).state.root)
raise SystemExit(44)
"""


@contextlib.contextmanager
def watch(tmp_path, code):
    """Yield the watchdog, as soon as it is one, and the process ID of what it watches."""
    (tmp_path / "sudden_end.py").write_text(SUDDEN_END)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    words = [sys.executable, "-c", WATCH, str(tmp_path / "state"), code]
    with subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        child = int(running.stdout.readline())
        try:
            line = Path(f"/proc/{running.pid}/cmdline")
            wait_for(lambda: b"wait_for_supervisor.py" in line.read_bytes() or running.poll() is not None, 10, "it")
            yield running, child
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("status", [0, 1, 2, 130])
def test_the_exit_status_of_the_watched_process_is_that_of_the_watchdog(tmp_path, status):
    with watch(tmp_path, f"sys.exit({status})") as (running, _):
        assert running.communicate() == ("", "")
        assert running.returncode == status


def test_each_signal_that_ends_a_session_reaches_the_watched_process_and_the_watchdog_stays(tmp_path):
    # It waits for the signals itself: one that comes just before `time.sleep` would be noticed only after it.
    waits = "; ".join("print(signal.sigwait([signal.SIGTERM, signal.SIGHUP]).name, flush=True)" for _ in range(3))
    with watch(tmp_path, f"{waits}; sys.exit(7)") as (running, _):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGTERM):
            running.send_signal(number)
            assert running.stdout.readline() == f"{number.name}\n"
        assert running.communicate() == ("", "")
        assert running.returncode == 7


def test_what_explains_a_sudden_end_knows_the_signal_and_the_session_and_is_not_ended_itself(tmp_path):
    with watch(tmp_path, "time.sleep(600)") as (running, child):
        os.kill(child, signal.SIGKILL)
        assert running.communicate() == (f"killed by 9 {tmp_path / 'state'}\n", "")
        assert running.returncode == 44


def test_an_image_that_has_gone_leaves_a_watchdog_that_says_so(tmp_path):
    code = f"{NO_PROGRAM}\n{WATCH}"
    words = [sys.executable, "-c", code, str(tmp_path / "state"), "os.kill(os.getpid(), signal.SIGBUS)"]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "jupyter-session: The session's supervisor was killed by signal 7, and nothing could be put in order after it "
        "(No such file or directory).\n"
    )


def test_what_explains_a_sudden_end_still_has_the_folder_to_itself(tmp_path):
    with watch(tmp_path, "time.sleep(600)") as (running, _):
        files = Path(f"/proc/{running.pid}/fd").iterdir()
        assert (tmp_path / "state/lock") in [file.readlink() for file in files]


def test_it_has_little_memory_of_its_own_and_no_mark_of_the_session(tmp_path):
    with watch(tmp_path, "time.sleep(600)") as (running, _):
        own = Path(f"/proc/{running.pid}")
        lines = (own / "smaps_rollup").read_text().splitlines()
        assert sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) < 4000  # kB
        assert b"JUPYTER_SESSION_ID" not in (own / "environ").read_bytes()


def test_what_remains_is_read_as_it_was_written(tmp_path):
    job = Job("1.0", {"owner": "alice"}, {"machine": "ep1"})
    remains = Remains(resolve({}, {}, {}), job, StateDir(tmp_path, in_job=True), publishes=True, started=5.0)
    found = Remains.read(remains.write())
    assert (found.settings, found.job, found.publishes, found.started) == (remains.settings, job, True, 5.0)
    assert vars(found.state) == vars(remains.state)
