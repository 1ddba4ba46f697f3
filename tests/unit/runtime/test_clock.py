"""The session's clock: seconds in which the session could work."""

import time

from hypothesis import given
from hypothesis import strategies as st

from jupyter_session.core.clock import SessionClock


def clock(*readings, longest_step=30.0):
    times = iter(readings)
    return SessionClock(longest_step, read=lambda: next(times))


def test_it_counts_from_its_making():
    session = clock(1000.0, 1000.0, 1010.0, 1030.0)
    assert [session.now() for _ in range(3)] == [0, 10, 30]


def test_a_gap_counts_as_the_longest_step_at_most():
    session = clock(0.0, 10.0, 10.0 + 8 * 3600, 20.0 + 8 * 3600)
    assert [session.now() for _ in range(3)] == [10, 40, 50]


def test_a_reading_that_goes_back_stands_still_and_goes_on_from_there():
    session = clock(100.0, 110.0, 50.0, 60.0)
    assert [session.now() for _ in range(3)] == [10, 10, 20]


@given(st.lists(st.floats(-1e9, 1e9), min_size=2), st.floats(0.1, 1e3))
def test_it_never_goes_back_nor_faster_than_the_longest_step(readings, longest_step):
    session = clock(*readings, longest_step=longest_step)
    before = 0.0
    for _ in readings[1:]:
        now = session.now()
        assert 0 <= now - before <= longest_step * 1.001
        before = now


def test_it_reads_the_monotonic_clock_by_itself():
    session = SessionClock(30.0)
    before = time.monotonic()
    first = session.now()
    assert 0 <= session.now() - first <= time.monotonic() - before
