"""The simulation behind `ci/bench culler`: what it makes up, how it counts, and others' rules as they are written."""

from dataclasses import replace
from functools import partial
from random import Random

import pytest

from testbed.bench.culling import __main__ as bench
from testbed.bench.culling.baselines import HubCuller, JupyterServer, NoRule
from testbed.bench.culling.simulate import replay
from testbed.bench.culling.traces import WEEK, Activity, Trace, computations, forgotten, week

SERVER = JupyterServer
STRICT = partial(JupyterServer, connected=True, terminals=True)
STRICTER = partial(JupyterServer, connected=True, terminals=True, busy=True)
HUB = partial(HubCuller, proxy=True)
BLIND_HUB = partial(HubCuller, proxy=False)

COMES = Activity(story="comes", start=0, end=10, real=True, person=True, tab="visible", requests=3)
LEFT = Activity(story="left", start=9, end=WEEK)
KERNEL = Activity(story="kernel", start=0, end=WEEK, kernel="k")
BUSY = replace(LEFT, kernel="k", busy=True)
VISIBLE, HIDDEN = replace(LEFT, tab="visible"), replace(LEFT, tab="hidden")
TERMINAL = replace(LEFT, terminal="1", prints=1)
FOREVER = WEEK
COMPUTATIONS = computations(Random(1), 11, "k")  # noqa: S311 - no secret in it


def held(rule, *things):
    """Return the minutes for which a rule holds a session that someone left after ten minutes."""
    return replay(Trace([COMES, *things]), rule).held


@pytest.mark.parametrize(
    ("things", "server", "strict", "stricter", "hub", "blind_hub"),
    [
        # nothing left: when 30 minutes are over, at the next look
        ([], 41, 41, 41, 46, 46),
        # an idle kernel is culled on the way
        ([KERNEL], 41, 41, 41, 46, 46),
        # a busy kernel that prints nothing: the hub does not know it
        ([BUSY], FOREVER, FOREVER, 42, 46, 46),
        ([BUSY, HIDDEN], FOREVER, FOREVER, 42, FOREVER, 46),
        # one that prints
        ([replace(BUSY, messages=1)], FOREVER, FOREVER, FOREVER, FOREVER, FOREVER),
        # an open tab: its polling counts while it can be seen, its connection for the proxy and for an idle kernel
        ([VISIBLE], FOREVER, FOREVER, FOREVER, FOREVER, FOREVER),
        ([HIDDEN], 41, 41, 41, FOREVER, 46),
        ([KERNEL, HIDDEN], FOREVER, 41, 41, FOREVER, 46),
        # a terminal that prints: seen only through a connected tab; never culled by default
        ([TERMINAL], FOREVER, 42, 42, 46, 46),
        ([TERMINAL, HIDDEN], FOREVER, FOREVER, FOREVER, FOREVER, FOREVER),
        # traffic through jupyter-server-proxy
        ([replace(LEFT, proxied=1)], FOREVER, FOREVER, FOREVER, FOREVER, FOREVER),
        # work that Jupyter knows nothing of
        ([replace(LEFT, pane="shell", cpu=8.0, gpu=1.0)], 41, 41, 41, 46, 46),
    ],
)
def test_the_others_rules(things, server, strict, stricter, hub, blind_hub):
    expected = [server, strict, stricter, hub, blind_hub]
    assert [held(rule, *things) for rule in (SERVER, STRICT, STRICTER, HUB, BLIND_HUB)] == expected


def test_a_stop_of_what_someone_waits_for_is_false_and_loses_what_had_run():
    training = replace(LEFT, story="trains", real=True, pane="shell", cpu=1.0, end=500)
    outcome = replay(Trace([COMES, training]), SERVER)
    assert (outcome.false_stops, outcome.lost) == ({"trains": 1}, 40 - 9)
    assert not outcome.idle


def test_a_kernel_that_is_culled_at_work_is_a_false_stop_though_the_session_goes_on():
    training = replace(LEFT, story="trains", real=True, kernel="k", cpu=1.0)
    outcome = replay(Trace([COMES, KERNEL, training, TERMINAL]), SERVER)
    assert (outcome.false_stops, outcome.held) == ({"trains": 1}, WEEK)


def test_what_is_held_without_work_is_idle_after_the_timeout():
    outcome = replay(Trace([COMES, VISIBLE]), SERVER)
    assert outcome.idle == {"left": WEEK - 10 - 29}
    assert not outcome.false_stops


def test_a_session_that_nobody_opens_is_held_idle_by_no_rule_alone():
    submitted = Activity(story="nobody", start=100, end=101, submits=True)
    assert replay(Trace([submitted]), NoRule).held == WEEK - 100
    assert replay(Trace([submitted]), bench.ThisProject).held == 31


def test_who_comes_back_after_a_stop_starts_another_session():
    again = replace(COMES, start=1000, end=1010)
    assert replay(Trace([COMES, again]), SERVER).held == 2 * 41


def test_suspended_time_counts_nowhere_and_only_the_hub_goes_on_in_it():
    suspended = Trace([COMES, BUSY], suspended=frozenset(range(20, 5000)))
    assert replay(suspended, SERVER).held == WEEK - 4980
    assert replay(suspended, HUB).held == 20
    assert replay(Trace([COMES], suspended=frozenset(range(20, 5000))), bench.ThisProject).held == 40


def test_the_weeks_are_the_same_for_the_same_seed():
    assert week(1, 7) == week(1, 7)
    assert week(1, 7) != week(2, 7)
    assert week(1, 7) != week(1, 8)


@pytest.mark.parametrize("computation", COMPUTATIONS, ids=lambda thing: thing.story)
def test_our_rule_keeps_each_computation_to_its_end_and_no_longer(computation):
    outcome = replay(Trace([COMES, KERNEL, computation]), bench.ThisProject)
    assert not outcome.false_stops
    assert computation.end + 29 <= outcome.held <= computation.end + 31


@pytest.mark.parametrize("computation", [t for t in COMPUTATIONS if t.busy], ids=lambda thing: thing.story)
def test_our_rule_keeps_a_cell_that_jupyter_reads_as_idle(computation):
    outcome = replay(Trace([COMES, KERNEL, replace(computation, reads="idle")]), bench.ThisProject)
    assert not outcome.false_stops
    assert computation.end + 29 <= outcome.held <= computation.end + 31


def test_by_jupyters_word_a_silent_cell_that_reads_idle_is_a_false_stop():
    cell = replace(LEFT, story="waits", real=True, kernel="k", busy=True, reads="idle", end=200)
    assert replay(Trace([COMES, KERNEL, cell]), partial(bench.ThisProject, follows=False)).false_stops == {"waits": 1}
    assert not replay(Trace([COMES, KERNEL, cell]), bench.ThisProject).false_stops


def test_a_done_kernel_that_reads_busy_keeps_a_session_by_jupyters_word_and_not_by_our_rule():
    done = replace(LEFT, kernel="k", reads="busy")
    assert held(bench.ThisProject, KERNEL, done) <= 41
    assert held(partial(bench.ThisProject, follows=False), KERNEL, done) > 240


def test_jupyter_is_wrong_about_some_kernels_of_weeks_that_are_otherwise_the_same():
    things = [thing for number in range(5) for thing in week(1, number).things]
    assert {thing.reads for thing in things} == {"", "idle", "busy"}
    assert all(thing.busy for thing in things if thing.reads == "idle")
    assert not any(thing.busy or thing.real for thing in things if thing.reads == "busy")


@pytest.mark.parametrize("number", range(len(forgotten(11, WEEK, "k"))))
def test_our_rule_ends_each_thing_that_is_forgotten(number):
    left = forgotten(11, WEEK, "k")[number]
    held = replay(Trace([COMES, KERNEL, VISIBLE, *left]), bench.ThisProject).held
    if any(thing.messages for thing in left):
        assert held == WEEK  # a kernel that sends by itself
    else:
        assert held <= 45 + (240 if any(thing.busy for thing in left) else 0)


def test_our_rule_stops_nothing_that_someone_waits_for_and_the_table_is_always_the_same():
    found, again = (bench.outcomes(map(partial(bench.one_week, 1), range(2))) for _ in range(2))
    assert not found[bench.OURS].false_stops
    assert bench.table(found) == bench.table(again)
    assert all(found[name].idle.total() > 0 for name in bench.RULES)
