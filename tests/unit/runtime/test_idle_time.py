"""The time in which nothing worked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_session.activity import Sample
from jupyter_session.idle.idle_time import IdleTime, read_earlier_idle_time


def sample(*, active=False, last=None):
    return Sample(source="kernels", active=active, last=last, detail="")


def test_what_passes_without_activity_counts_and_what_passes_in_use_does_not():
    idle = IdleTime(opened=5)
    assert idle.look([sample()], 15) == 10
    assert idle.look([sample(), sample(active=True)], 25) == 10
    assert idle.look([sample(), sample(last=25)], 35) == 20


def test_activity_between_two_looks_counts_up_to_its_last_moment():
    idle = IdleTime(opened=0)
    assert idle.look([sample(last=7), sample(last=3)], 10) == 3


def test_an_evicted_session_goes_on_counting():
    assert IdleTime(opened=2, already=read_earlier_idle_time({"jupyteridleseconds": 100})).look([sample()], 5) == 103


@pytest.mark.parametrize("told", [None, "10", True, -5, 1.5])
def test_what_is_no_number_of_seconds_counts_as_none(told):
    assert read_earlier_idle_time({"jupyteridleseconds": told}) == 0


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans(), st.none() | st.floats(0, 1e4))))
def test_idle_time_never_shrinks_and_is_never_more_than_has_passed(looks):
    idle, now, before = IdleTime(opened=0), 0.0, 0.0
    for gap, active, last in looks:
        now += gap
        seconds = idle.look([sample(active=active, last=last)], now)
        assert before <= seconds <= now + 1e-6
        before = seconds
