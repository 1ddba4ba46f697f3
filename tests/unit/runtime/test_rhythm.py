# ruff: noqa: S311 - nothing here is secret
"""A page's timer keeps no session alive, whatever it sends, and people at work are seen, whatever they do."""

import itertools
import json
import math
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_session.jupyter.extension.proxy_traffic import REMEMBERED, Traffic
from jupyter_session.jupyter.extension.rhythm import Rhythms, drop_counters, has_rhythm

PATH = "/proxy/8050/_dash-update-component"
FEW = settings(max_examples=15, deadline=None)


def dash(value, output="graph.figure", prop="interval.n_intervals"):
    """Return what Dash's front end sends for a callback; `value` is its input's."""
    name, what = prop.split(".")
    inputs = [{"id": name, "property": what, "value": value}]
    return json.dumps({"output": output, "inputs": inputs, "changedPropIds": [prop], "state": []}).encode()


def poll(traffic, period, seconds, *, jitter=0.1, start=0.0, seed=0, path=PATH, make=dash):
    """Poll as a timer in a browser does, with a counter; return when it was last taken for a person."""
    rng = random.Random(seed)
    for number in range(int(seconds / period)):
        at = start + number * period
        traffic.note_request("POST", path, make(number), at + rng.uniform(0, jitter) * period)
    return traffic.at


@FEW
@given(st.floats(0.2, 300), st.floats(0, 0.15), st.integers())
def test_a_timer_whose_requests_are_all_different_counts_at_its_beginning_only(period, jitter, seed):
    assert poll(Traffic(), period, 400 * period, jitter=jitter, seed=seed) <= 14 * period


@pytest.mark.parametrize(
    "make",
    [
        dash,
        lambda number: dash(f"2026-01-01T00:{number:02}:00.5Z"),
        lambda number: dash(random.Random(number).randbytes(16).hex() + "0"),
        lambda number: f"_={1_700_000_000_000 + number * 37}".encode(),
        lambda number: b"x" * 100_000 + str(number).encode(),
    ],
)
def test_counters_times_and_identifiers_are_no_news(make):
    assert poll(Traffic(), 5, 3600, make=make) < 120


def test_a_path_that_differs_each_time_is_no_news_either():
    traffic = Traffic()
    for number in range(1000):
        traffic.note_request("GET", f"/proxy/8050/data/{number}", b"", number * 5.0)
    assert traffic.at < 120


@pytest.mark.parametrize("tabs", [2, 3, 4])
def test_several_tabs_with_the_same_page_are_no_person(tabs):
    traffic, rng = Traffic(), random.Random(tabs)
    offsets = [rng.uniform(0, 2) for _ in range(tabs)]
    for at in sorted(number * 2 + offset for number in range(2000) for offset in offsets):
        traffic.note_request("POST", PATH, dash(at), at)
    assert traffic.at < 120


def test_a_timer_that_is_late_now_and_then_as_on_a_busy_server_is_no_person():
    traffic, rng, at = Traffic(), random.Random(5), 0.0
    for number in range(3000):
        at += 2 + (rng.random() < 0.05) * rng.uniform(1, 30)
        traffic.note_request("POST", PATH, dash(number), at)
    assert traffic.at < 300


def test_a_tab_that_is_hidden_and_shown_again_counts_for_some_minutes_at_most():
    traffic = Traffic()
    poll(traffic, 1, 600)
    assert poll(traffic, 60, 7200, start=660) < 660 + 1000
    assert poll(traffic, 1, 3600, start=8000) < 8000 + 60


@FEW
@given(st.integers(), st.floats(0.8, 10))
def test_a_person_who_moves_one_slider_beside_a_timer_is_seen_all_the_time(seed, pace):
    traffic, rng = Traffic(), random.Random(seed)
    now, seen, actions = 0.0, [], []
    while now < 1800:  # people pause, and do several things at once
        now += pace * math.exp(rng.gauss(0, 0.9))
        actions.append(now)
    events = [(at, dash(round(at * 7), "map.figure", "slider.value")) for at in actions]
    events += [(float(at), dash(at)) for at in range(1800)]
    for at, body in sorted(events):
        before = traffic.at
        traffic.note_request("POST", PATH, body, at)
        if traffic.at != before:
            seen.append(at)
    assert max(later - earlier for earlier, later in itertools.pairwise(seen)) < 300
    assert seen[-1] > 1500


def test_messages_in_a_rhythm_are_no_typing_and_those_of_a_person_are():
    traffic, rng = Traffic(), random.Random(1)
    for number in range(1000):  # a Streamlit page that reruns itself sends all that its widgets have
        traffic.note_message("/proxy/8501/_stcore/stream", 1500 + number // 300, number * 5.0)
    assert traffic.at < 120
    now = 5_100.0
    for _ in range(100):
        now += rng.expovariate(0.3)
        traffic.note_message("/proxy/8501/_stcore/stream", 1500, now)
    assert traffic.at > now - 60


def test_what_was_long_ago_is_no_rhythm_and_kinds_without_end_fill_no_memory():
    rhythms = Rhythms(REMEMBERED)
    assert [rhythms.note("a", at) for at in range(20)][-1]
    assert not rhythms.note("a", 20 + 2 * REMEMBERED)
    for number in range(5000):
        rhythms.note(number, 0)
    assert len(rhythms._times) <= 1000
    assert not has_rhythm([1.0, 2.0, 3.0])


@pytest.mark.parametrize("text", [b"a" * 1_000_000, b"a1" * 1_000_000, b"a 1" * 1_000_000, b"\xff" * 1_000_000])
def test_no_body_takes_long_to_compare(text):
    began = time.process_time()
    drop_counters(text)
    assert time.process_time() - began < 1
