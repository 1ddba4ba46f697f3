"""A question stays a question, in a person's terminal: nothing is drawn over it, and no late answer ends a session."""

import re
import time

import pytest

from chtc_condor.codes import JobStatus
from support.laptop import SMALL
from support.screen import screen
from support.waiting import wait_for

ASKED = "[w]ait for it, [r]emove it"


def command(laptop, *more):
    """Return the line that a person types to start a session."""
    env = " ".join(f"{name}={value}" for name, value in laptop.env.items())
    return f"env {env} chtc-jupyter start {laptop.name} --ap ap --no-browser {' '.join([*SMALL, *more])}; sleep 100"


@pytest.mark.slow
def test_late_answer_to_ctrl_c_in_the_queue_removes_no_session_that_is_ready(new_laptop, pool):
    """A job that can't start is asked about; then it starts. The `r` typed after that does nothing."""
    laptop = new_laptop()
    later = "--set 'requirements = time() > " + str(int(time.time()) + 25) + "'"
    with screen(pool, "laptop", "alice", command(laptop, later), size="110x40") as terminal:
        terminal.wait("queued", 60)
        terminal.type("r")  # before there is a question
        terminal.press("C-c")
        terminal.wait(ASKED)
        question = re.findall(r".*\[r\]emove it.*", terminal.text())[-1]
        terminal.wait("the question is withdrawn", 120)
        shown = terminal.text()
        assert question in shown  # nothing was drawn over it
        terminal.type("r")
        terminal.wait("/chtc-jupyter/open/", 60)
        terminal.type("r")
        wait_for(lambda: laptop.queued() == [JobStatus.RUNNING], 20, "the session to run on")
        assert laptop.call_json("status")[0]["state"] == "ready"
        terminal.press("C-c")
        terminal.wait("The session keeps running")
    assert laptop.queued() == [JobStatus.RUNNING]


def test_question_stands_alone_until_it_is_answered_and_ctrl_c_again_leaves_the_job(new_laptop, pool):
    laptop = new_laptop()
    with screen(pool, "laptop", "alice", command(laptop, "--memory", "100GB"), size="110x40") as terminal:
        terminal.wait("queued", 60)
        terminal.press("C-c")
        terminal.wait(ASKED)
        before = terminal.text().rstrip()
        time.sleep(12)  # in which the reason would be asked for and shown: the promise is about the time
        assert terminal.text().rstrip() == before
        terminal.type("what")
        wait_for(lambda: terminal.text().count(ASKED) == 2, 20, terminal.text)
        terminal.type("w")
        terminal.wait("no machine in this pool has")
        terminal.press("C-c")
        wait_for(lambda: terminal.text().count(ASKED) == 3, 20, terminal.text)
        terminal.press("C-c")
        terminal.wait("stays in the queue")
    assert laptop.queued() == [JobStatus.IDLE]
