"""Waits of the tests: what they return, and what they report when they fail."""

import pytest

from support import waiting
from support.waiting import assert_never, wait_for


@pytest.fixture(autouse=True)
def _idle(monkeypatch):
    """Have the machine idle."""
    monkeypatch.setattr(waiting, "patience", lambda: 1.0)


def test_a_wait_returns_the_first_true_value():
    values = iter([0, "", None, 42, 43])
    assert wait_for(lambda: next(values), 10, "a value", every=0) == 42


def test_a_message_is_made_only_when_the_wait_fails():
    seen = []
    assert wait_for(lambda: True, 0, lambda: seen.append("made") or "x")
    assert seen == []
    with pytest.raises(AssertionError, match="in vain for what there is then: 3"):
        wait_for(lambda: seen.append("looked") and None, 0, lambda: f"what there is then: {2 + seen.count('looked')}")


def test_a_loaded_machine_is_given_more_time(monkeypatch):
    monkeypatch.setattr(waiting, "patience", lambda: 1000.0)
    values = iter([0] * 5 + [1])
    assert wait_for(lambda: next(values), 0.001, "a value", every=0.01) == 1


def test_what_must_never_be_fails_at_once_when_it_is():
    assert_never(lambda: False, 0.01, "nothing happens")
    with pytest.raises(AssertionError, match="it happened"):
        assert_never(lambda: True, 10, "it happened")
