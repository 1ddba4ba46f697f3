"""Delays between attempts that fail."""

from jupyter_session.backoff import Backoff


def test_delays_double_up_to_the_longest():
    backoff, delays = Backoff(first=5, longest=60), [0.0]
    for _ in range(6):
        delays.append(backoff.delay_after(delays[-1]))
    assert delays == [0, 5, 10, 20, 40, 60, 60]
