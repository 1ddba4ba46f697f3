"""The status of a session: what its parts report, and the sentence with which `status` begins."""

import json
import os
import time

import pytest

from jupyter_session.activity.sample import Sample
from jupyter_session.condor.attributes import End, State
from jupyter_session.condor.connection import Connection
from jupyter_session.idle.culler import Policy, decide
from jupyter_session.idle.monitor import Finding
from jupyter_session.session.status import SessionStatus
from jupyter_session.session.status_reporter import JobAd, JobOutput, Notifier, StatusReporter
from jupyter_session.session.warn_once import WarnOnce
from jupyter_session.status_text import render_sentence, render_status
from support.waiting import wait_for

NOON = 43200.0  # in epoch seconds, UTC
SAVE = {"off": "", "behind": None, "saved_count": 0, "total_bytes": 0, "conflicts": {}, "left_out": {},
        "left_out_count": 0, "problem": ""}  # fmt: skip
TOKEN = "s3cret-token"
CONNECTION = Connection(port=20000, host="ep1", token=TOKEN, job="7.0", access_point="a@ap")


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setitem(os.environ, "TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def message(state="ready", **fields):
    return {
        "state": state,
        "reason": "JupyterLab is ready.",
        "verdict": "Idle.",
        "stop_at": None,
        "earliest_stop_at": None,
        "keep_alive_until": None,
        "deadline": None,
        "idle_for": 20.0,
        "sources": [],
        "save": SAVE,
        "problem": "",
        **fields,
    }


def source(*, active):
    return {"source": "kernels", "active": active, "detail": "1 busy (python3)", "error": "", "since": 62.0}


WORKS = [source(active=True)]
IN_30_MIN, IN_2_H = NOON + 1800, NOON + 7200


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"state": "starting", "reason": "JupyterLab is starting."}, "Starting: JupyterLab is starting."),
        ({"verdict": ""}, "Ready: JupyterLab is ready."),
        (
            {"stop_at": IN_30_MIN},
            "Idle for 20 s; ends at 12:30 unless something runs. To keep it: jupyter-session extend 2h",
        ),
        (
            {"state": "expiring", "stop_at": IN_30_MIN},
            "Idle for 20 s; ends at 12:30 unless something runs. To keep it: jupyter-session extend 2h",
        ),
        (
            {"stop_at": IN_2_H, "keep_alive_until": IN_2_H},
            "Kept alive until 14:00 by extend. Idle for 20 s; ends at 14:00 unless something runs.",
        ),
        ({"stop_at": IN_30_MIN, "deadline": IN_30_MIN}, "Idle for 20 s; ends at 12:30, the deadline."),
        (
            {"stop_at": IN_30_MIN, "deadline": IN_30_MIN, "keep_alive_until": IN_2_H},
            "Idle for 20 s; ends at 12:30, the deadline.",
        ),
        ({}, "Idle for 20 s; it has no idle timeout and no deadline."),
        (
            {"sources": WORKS, "earliest_stop_at": IN_30_MIN},
            "In use: kernels: 1 busy (python3). Ends at 12:30 at the earliest.",
        ),
        (
            {"sources": WORKS, "earliest_stop_at": IN_30_MIN, "stop_at": IN_2_H},
            "In use: kernels: 1 busy (python3). Ends at 12:30 at the earliest, at 14:00 at the latest.",
        ),
        (
            {"sources": WORKS, "earliest_stop_at": IN_30_MIN, "stop_at": IN_30_MIN},
            "In use: kernels: 1 busy (python3). Ends at 12:30 at the latest.",
        ),
        ({"sources": WORKS}, "In use: kernels: 1 busy (python3). It has no idle timeout and no deadline."),
    ],
)
def test_the_first_sentence_says_what_and_when(fields, sentence):
    assert render_sentence(message(**fields), NOON) == sentence


def test_the_table_follows_the_sentence():
    lines = render_status(message(sources=[source(active=False)], problem="No chirp."), NOON).splitlines()
    assert lines[1].split() == ["SOURCE", "ACTIVE", "SINCE", "SEES"]
    assert lines[2].split() == ["kernels", "no", "62", "s", "1", "busy", "(python3)"]
    assert lines[-1] == "No chirp."


@pytest.mark.parametrize(
    ("state", "published"),
    [(State.EXPIRING, 100), (State.READY, 200), (State.STARTING, None), (State.STOPPED, None)],
)
def test_the_job_ad_has_the_end_only_when_it_is_certain(state, published):
    assert SessionStatus(state=state, stop_at=100, deadline=200).published_stop_at == published


def look(status, *, active, now, until=None):
    samples = [Sample(source="kernels", active=active, last=None, detail="x", since=0.0)]
    verdict = decide(samples, Policy.of(1800, 300), started=0, now=now, keep_alive_until=until)
    return status.after_look(Finding(samples=samples, verdict=verdict, idle_seconds=7.0), until, now)


def test_a_look_changes_the_times_and_nothing_else():
    before = SessionStatus(state=State.READY, connection=CONNECTION)
    idle = look(before, active=False, now=100.0)
    assert (idle.state, idle.connection, idle.idle_seconds) == (State.READY, CONNECTION, 7.0)
    assert abs(idle.stop_at - (time.time() + 1700)) < 60
    assert idle.earliest_stop_at == idle.stop_at
    busy = look(idle, active=True, now=200.0)
    assert busy.stop_at is None
    assert abs(busy.earliest_stop_at - (time.time() + 1800)) < 60
    assert before.samples == ()


@pytest.mark.parametrize(("until", "kept"), [(None, False), (50.0, False), (5000.0, True)])
def test_an_extension_is_shown_while_it_lasts(until, kept):
    assert (look(SessionStatus(), active=False, now=100.0, until=until).keep_alive_until is not None) == kept


def test_the_message_for_commands_can_be_json():
    status = look(SessionStatus(connection=CONNECTION), active=False, now=100.0)
    found = json.loads(json.dumps(status.as_message(130.0, saving={}, packages={}, slot={}, problem="")))
    assert (found["url"], found["idle_for"]) == (CONNECTION.secret_url, 130.0)
    assert found["sources"][0]["since"] == 130.0


class Publisher:
    def __init__(self):
        self.published = []

    def publish(self, values, event, files=None):
        self.published.append((values, event, files))


class Screen:
    def __init__(self, *, broken=False):
        self.shown, self.broken = [], broken

    def show(self, sentence):
        if self.broken:
            raise OSError("no tmux")
        self.shown.append(sentence)

    def request(self, _method, _path, body, *, timeout):
        self.shown.append((body["text"], body["stop_at"]))


def test_each_change_reaches_every_listener(capsys):
    publisher, tmux, lab = Publisher(), Screen(), Screen()
    reporter = StatusReporter(SessionStatus(), [JobAd(publisher, None), JobOutput(), Notifier(tmux, lab)])
    reporter.enter(State.READY, "It is\nready.", connection=CONNECTION)
    reporter.update(look(reporter.status, active=False, now=1600.0))
    reporter.enter(State.EXPIRING, "It ends soon.")
    reporter.warn("Memory is short.")
    reporter.enter(State.STOPPING, "It ends.", end=End.FAILED)
    reporter.enter(State.FAILED, "It ends.", receipt="It ran 5 s.")

    states = [values["JupyterState"] for values, _, _ in publisher.published if values]
    assert states == ["ready", "expiring", "stopping", "failed"]
    assert publisher.published[0][0]["JupyterReason"] == "It is ready."
    assert TOKEN in publisher.published[0][2]["jupyter-7.0.json"]
    assert publisher.published[-1][2] == {"jupyter-7.0.json": None}
    assert "Memory is short." in publisher.published[2][1]
    wait_for(lambda: len(tmux.shown) == len(lab.shown) == 2, 10, "the notices")
    assert tmux.shown == ["It ends soon.", "Memory is short."]
    assert lab.shown == [("It ends soon.", reporter.status.stop_at), ("Memory is short.", None)]
    assert reporter.status.warnings == ("Memory is short.",)
    printed = capsys.readouterr()
    assert [line[20:] for line in printed.out.splitlines()] == [
        "ready: It is ready.", "expiring: It ends soon.", "Memory is short.", "It ends.", "It ran 5 s.",
    ]  # fmt: skip
    assert printed.err == "jupyter-session: It ends.\n"
    assert TOKEN not in printed.out + str([(values, event) for values, event, _ in publisher.published])


def test_a_screen_that_is_broken_disturbs_nobody():
    lab = Screen()
    StatusReporter(SessionStatus(), [Notifier(Screen(broken=True), lab)]).warn("Memory is short.")
    wait_for(lambda: lab.shown == [("Memory is short.", None)], 10, "the notice")


def test_only_the_newest_warnings_stay():
    reporter = StatusReporter(SessionStatus(), [])
    for number in range(25):
        reporter.warn(f"warning {number}")
    assert len(reporter.status.warnings) == 20
    assert reporter.status.warnings[-1] == "warning 24"


def test_a_cause_is_warned_of_once_and_again_after_it_had_gone():
    told = []
    refused = WarnOnce(told.append)
    for sentence in ("", "1 file", "2 files", "", "3 files"):
        refused.update(sentence)
    assert told == ["1 file", "3 files"]
