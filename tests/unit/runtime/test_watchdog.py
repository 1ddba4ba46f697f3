"""The watchdog outlives the process that it watches, and knows how that ended."""

import os
import signal
import subprocess
import sys

import pytest

WATCH = """
import os, signal, sys, time
from jupyter_session.session import watchdog
status = watchdog.fork_and_wait()
if status is None:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    print(os.getpid(), flush=True)
    exec(sys.argv[1])
print("ended", status)
"""


def watch(child):
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", WATCH, child],
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        stdin=subprocess.PIPE,
    )


@pytest.mark.parametrize("status", [0, 1, 2])
def test_the_exit_status_of_the_watched_process_is_known(status):
    with watch(f"sys.exit({status})") as running:
        assert running.stdout.read().splitlines()[1] == f"ended {status}"


def test_a_signal_to_the_watchdog_reaches_the_watched_process_and_the_watchdog_stays():
    # It waits for the signal itself: one that comes just before `time.sleep` would be noticed only after it.
    with watch("sys.exit(7 if signal.sigwait([signal.SIGTERM]) else 0)") as running:
        running.stdout.readline()
        running.send_signal(signal.SIGTERM)
        assert running.stdout.read() == "ended 7\n"


def test_a_watched_process_that_is_killed_leaves_a_watchdog_that_knows_the_signal():
    with watch("time.sleep(600)") as running:
        os.kill(int(running.stdout.readline()), signal.SIGKILL)
        assert running.stdout.read() == "ended -9\n"
