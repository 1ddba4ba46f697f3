"""The keeper outlives the process that it keeps, and knows how that ended."""

import os
import signal
import subprocess
import sys

import pytest

KEEP = """
import os, signal, sys, time
from jupyter_session.session import watchdog
def ended(*_):
    sys.exit(int(sys.argv[2]))
status = watchdog.fork()
if status is None:
    signal.signal(signal.SIGTERM, ended)
    print(os.getpid(), flush=True)
    exec(sys.argv[1])
print("kept", status)
"""


def keep(child, *argv):
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", KEEP, child, *argv],
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        stdin=subprocess.PIPE,
    )


@pytest.mark.parametrize("status", [0, 1, 2])
def test_the_exit_status_of_the_kept_process_is_known(status):
    with keep(f"sys.exit({status})") as running:
        assert running.stdout.read().splitlines()[1] == f"kept {status}"


def test_a_signal_to_the_keeper_reaches_the_kept_process_and_the_keeper_stays():
    with keep("time.sleep(600)", "7") as running:
        running.stdout.readline()
        running.send_signal(signal.SIGTERM)
        assert running.stdout.read() == "kept 7\n"


def test_a_kept_process_that_is_killed_leaves_a_keeper_that_knows_the_signal():
    with keep("time.sleep(600)") as running:
        os.kill(int(running.stdout.readline()), signal.SIGKILL)
        assert running.stdout.read() == "kept -9\n"
