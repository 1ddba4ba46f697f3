"""What `extend` grants, and what it answers."""

import os
import time

import pytest

from jupyter_session.activity.monitor import ActivityMonitor
from jupyter_session.activity.sample import Sample
from jupyter_session.idle.culler import Action, Policy
from jupyter_session.idle.deadlines import Deadlines
from jupyter_session.idle.extension import Extension
from jupyter_session.idle.monitor import IdleMonitor

NOON = 43200.0


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setitem(os.environ, "TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def extension(max_runtime=None, longest=36000.0):
    return Extension(Deadlines(max_runtime, 300, {}), longest, wall=lambda: NOON)


@pytest.mark.parametrize(
    ("max_runtime", "wanted", "answer"),
    [
        (None, 7200, "The session will stay up until 14:00 at the earliest (2 h)."),
        (
            None,
            90000,
            "The session will stay up until 22:00 at the earliest (10 h, the most that --max-extend allows).",
        ),
        (None, 0, "The session is no longer kept alive by extend."),
        (3700, 7200, "The session ends at 13:00 at the latest (in 1 h): --max-runtime is 1 h 2 min."),
        (9000, 7200, "The session will stay up until 14:00 at the earliest (2 h)."),
    ],
)
def test_the_answer_says_until_when(max_runtime, wanted, answer):
    assert extension(max_runtime).extend(wanted, now=100.0) == answer


def test_it_grants_no_more_than_is_allowed_and_the_newest_counts():
    kept = extension(longest=600.0)
    assert kept.until is None
    kept.extend(7200, now=100.0)
    assert kept.until == 700
    kept.extend(0, now=200.0)
    assert kept.until == 200


class Source:
    name = "kernels"

    def __init__(self):
        self.active = False

    def sample(self, _now):
        return Sample(source=self.name, active=self.active, last=None, detail="x")


def test_the_monitor_decides_by_sources_extension_and_deadlines():
    source, deadlines = Source(), Deadlines(20000, 300, {})
    kept = Extension(deadlines, 43200.0)
    monitor = IdleMonitor(ActivityMonitor([source]), Policy.of(1800, 300), deadlines, kept, opened=0.0, already=40.0)
    assert monitor.look(100.0).verdict.action is Action.KEEP
    assert monitor.look(1600.0).verdict.action is Action.WARN
    kept.extend(7200, now=1600.0)
    found = monitor.look(1700.0)
    assert (found.verdict.action, found.verdict.stop_at, found.idle_seconds) == (Action.KEEP, 8800, 1740)
    source.active = True
    found = monitor.look(9000.0)
    assert (found.verdict.stop_at, found.verdict.earliest_stop_at) == (20000, 10800)
    assert monitor.look(20000.0).verdict.action is Action.STOP
