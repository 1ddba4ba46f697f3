"""The time for an end is HTCondor's to give, is shared by all steps, and is never overrun."""

import signal
import subprocess
import sys
import time

import pytest

from jupyter_session.condor.job_ad import Job
from jupyter_session.core.shutdown import ShutdownDeadline, Step

HANG = """
import threading
from jupyter_session.core.shutdown import ShutdownDeadline
ShutdownDeadline(0.2).arm(3)
threading.Lock().acquire() and threading.Event().wait()
"""


@pytest.fixture(autouse=True)
def no_alarm():
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.mark.parametrize(
    ("job", "machine", "seconds"),
    [
        ({}, {}, 26),
        ({"jobmaxvacatetime": 10}, {}, 6),
        ({"jobmaxvacatetime": 600}, {"machinemaxvacatetime": 600}, 26),
        ({}, {"machinemaxvacatetime": 15}, 11),
        ({"jobmaxvacatetime": 0}, {}, 2),
    ],
)
def test_the_shorter_of_what_job_and_machine_say_counts(job, machine, seconds):
    left = ShutdownDeadline.of(Job("1.0", job, machine)).left(Step.PUBLISH)
    assert seconds - 1 < left <= seconds


def test_outside_a_job_it_is_htcondors_default():
    assert 25 < ShutdownDeadline.of(None).left(Step.PUBLISH) <= 26


def test_a_step_that_took_its_share_leaves_the_rest_to_the_next():
    deadline = ShutdownDeadline(100.0, began=time.monotonic() - 21)
    assert deadline.left(Step.ASK_SERVER) == 0
    assert 23 < deadline.left(Step.SHUT_DOWN_SERVER) <= 24


def test_the_schedule_uses_the_whole_time_in_order():
    shares = [step.value for step in Step]
    assert shares == sorted(set(shares))
    assert shares[-1] == 1


def test_a_deadline_that_is_not_armed_ends_nothing():
    before = signal.getsignal(signal.SIGALRM)
    ShutdownDeadline(0.01)
    assert signal.getsignal(signal.SIGALRM) is before


def test_a_step_that_hangs_ends_the_process_with_its_status():
    assert (
        subprocess.run([sys.executable, "-c", HANG], env={"PYTHONPATH": ":".join(sys.path)}, check=False).returncode
        == 3
    )
