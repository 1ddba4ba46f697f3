"""What hangs is waited for by nobody."""

import threading
import time

import pytest

from jupyter_session.condor.attributes import State
from jupyter_session.core.background import InBackground, call_in_time
from jupyter_session.session.status import SessionStatus
from jupyter_session.session.status_reporter import Notifier, StatusReporter
from support.waiting import patience, wait_for


def test_calls_are_made_in_order_one_failure_ends_nothing_and_a_flood_fills_no_memory():
    seen, go = [], threading.Event()

    def do(number):
        go.wait(30)
        seen.append(number)
        if number % 2:
            raise ValueError(number)

    background = InBackground(do)
    began = time.monotonic()
    for number in range(1000):
        background(number)
    assert time.monotonic() - began < 5 * patience()
    go.set()
    wait_for(lambda: seen[-1:] == [999], 10, "the last")
    assert seen == sorted(seen)
    assert len(seen) <= 22


def test_a_call_in_time_has_its_result_or_its_error_and_another_is_given_up():
    assert call_in_time(lambda: 7, 10) == 7
    with pytest.raises(ZeroDivisionError):
        call_in_time(lambda: 1 / 0, 10)
    with pytest.raises(TimeoutError):
        call_in_time(threading.Event().wait, 0.01)


class Hanging:
    """A tmux, and a JupyterLab, of which one or both never answer."""

    def __init__(self, *, hangs):
        self.hangs, self.shown = hangs, []

    def show(self, line):
        if self.hangs:
            threading.Event().wait()
        self.shown.append(line)

    def request(self, _method, _path, body, timeout):
        assert timeout
        self.show(body["text"])


@pytest.mark.parametrize("hangs", [(True, False), (False, True), (True, True)])
def test_a_notice_reaches_whoever_answers_and_nobody_waits_for_the_other(hangs):
    tmux, lab = (Hanging(hangs=one) for one in hangs)
    reporter = StatusReporter(SessionStatus(), [Notifier(tmux, lab)])
    began = time.monotonic()
    reporter.enter(State.EXPIRING, "It ends soon.")
    reporter.warn("Memory is short.")
    assert time.monotonic() - began < 5 * patience()
    for one in (tmux, lab):
        wait_for(lambda one=one: one.hangs or one.shown == ["It ends soon.", "Memory is short."], 10, "the notices")
