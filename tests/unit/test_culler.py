"""`decide`: keep, warn or stop, with a sentence that explains it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_session.activity import Sample
from jupyter_session.culler import Action, Policy, decide

POLICY = Policy(idle_timeout=1800, idle_warning=300)


def sample(source="kernels", *, active=False, last=None, error=""):
    return Sample(source=source, active=active, last=last, detail="2 idle", error=error)


@pytest.mark.parametrize(
    ("samples", "now", "action", "stop_at", "words"),
    [
        ([], 0, Action.KEEP, 1800, "Nothing has worked for 0 s"),
        ([], 1499, Action.KEEP, 1800, "ends in"),
        ([], 1500, Action.WARN, 1800, "the session ends in 5 min if nothing does"),
        ([], 1799, Action.WARN, 1800, "ends in 1 s"),
        ([], 1800, Action.STOP, 1800, "Nothing has worked for 30 min; the idle timeout is 30 min"),
        ([sample(active=True)], 99999, Action.KEEP, None, "In use: kernels: 2 idle"),
        ([sample(last=1000)], 1800, Action.KEEP, 2800, "13 min"),
        ([sample(last=1000)], 2500, Action.WARN, 2800, "kernels: 2 idle"),
        ([sample(last=1000)], 2800, Action.STOP, 2800, "kernels: 2 idle"),
        ([sample(last=1000), sample("requests", last=2000)], 2800, Action.KEEP, 3800, "requests"),
        ([sample(last=1000), sample("terminals", active=True)], 9000, Action.KEEP, None, "In use: terminals"),
        ([sample(active=True, error="no answer")], 9000, Action.KEEP, None, "(kernels: no answer)"),
        ([sample(error="no answer")], 1800, Action.STOP, 1800, "(kernels: no answer)"),
    ],
)
def test_the_rules(samples, now, action, stop_at, words):
    verdict = decide(samples, POLICY, started=0, now=now)
    assert (verdict.action, verdict.stop_at) == (action, stop_at)
    assert words in verdict.sentence


def test_never_is_never():
    verdict = decide([], Policy.of(None, 300), started=0, now=1e9)
    assert (verdict.action, verdict.stop_at) == (Action.KEEP, None)
    assert "never" in verdict.sentence


def test_the_warning_comes_no_sooner_than_after_half_of_a_short_timeout():
    assert Policy.of(20, 300).idle_warning == 10
    assert Policy.of(1800, 300).idle_warning == 300


TIMES = st.floats(0, 1e6)
SAMPLES = st.lists(st.builds(sample, active=st.booleans(), last=st.none() | TIMES, error=st.sampled_from(["", "x"])))


@given(SAMPLES, TIMES, TIMES)
def test_what_works_or_has_worked_within_the_timeout_is_never_stopped_and_what_has_not_always_is(
    samples, started, wait
):
    latest = max([started, *(s.last for s in samples if s.last is not None)])
    now = latest + wait
    verdict = decide(samples, POLICY, started=started, now=now)
    busy = any(s.active for s in samples)
    assert (verdict.action is Action.STOP) == (not busy and now >= latest + 1800)
    assert (verdict.stop_at is None) == busy
