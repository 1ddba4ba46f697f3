"""What reaches the access point, in which order, and what happens while it can't be reached."""

import threading
from unittest.mock import Mock

import pytest

from jupyter_session.condor import publisher
from jupyter_session.condor.chirp_errors import AnswerError, ChirpCode, ChirpError, ChirpRefusedError
from jupyter_session.condor.publisher import JobAdPublisher, explain_no_chirp, explain_no_files
from support.waiting import wait_for


class FakeChirp:
    """Keeps what is sent. `fail` maps the name of a method to the error that it raises."""

    def __init__(self):
        self.sent = []
        self.fail = {}
        self.arrived = threading.Event()

    def connect(self, _timeout):
        self._do("connect")
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.arrived.set()

    def set_attributes(self, values):
        self._do("set_attributes", *values.items())

    def log_event(self, text):
        self._do("log_event", text)

    def put_private(self, name, text):
        self._do("put_private", name, text)

    def remove(self, name):
        self._do("remove", name)

    def _do(self, method, *what):
        if method in self.fail:
            self.arrived.set()
            raise self.fail[method]
        self.sent += what


@pytest.fixture
def chirp(monkeypatch):
    fake = FakeChirp()
    monkeypatch.setattr(publisher, "ChirpClient", fake)
    return fake


@pytest.fixture
def said():
    return []


@pytest.fixture
def sender(chirp, said):
    made = JobAdPublisher(enabled=True, say=said.append)
    yield made
    chirp.fail.clear()
    made.close(10)


def test_files_come_first_then_attributes_in_their_order_then_the_event(chirp, sender):
    sender.publish({"A": 1, "JupyterState": "ready"}, "event", {"a.json": "{}"})
    sender.close(10)
    assert chirp.sent == ["a.json", "{}", ("A", 1), ("JupyterState", "ready"), "event"]


def test_what_the_job_ad_has_already_is_not_sent(chirp, said):
    sender = JobAdPublisher(enabled=True, say=said.append, ad={"b": 2, "jupyterstate": "ready"})
    sender.publish({"A": None, "B": None, "C": 3, "JupyterState": "ready"})
    wait_for(lambda: len(chirp.sent) == 3, 10, "all to be sent")
    sender.publish({"A": None, "B": None, "C": 3})
    sender.close(10)
    assert chirp.sent == [("B", None), ("C", 3), ("JupyterState", "ready")]


def test_an_ad_that_another_process_has_changed_is_written_anew(chirp, said):
    sender = JobAdPublisher(enabled=True, say=said.append, ad={"jupyterreason": "old"})
    sender.forget_ad()
    sender.publish({"JupyterReason": "old", "JupyterStopAt": None})
    sender.close(10)
    assert chirp.sent == [("JupyterReason", "old"), ("JupyterStopAt", None)]


def test_a_start_is_named_only_after_all_that_was_said_before(chirp, said):
    sender = JobAdPublisher(enabled=True, say=said.append, ad={"jupyterport": 5})
    take = chirp.set_attributes
    chirp.set_attributes = lambda values: fail() if "JupyterPort" in values else take(values)
    fail = Mock(side_effect=[AnswerError(ChirpCode.NO_SPACE, "set_job_attr"), None])
    sender.publish({"JupyterPort": None, "JupyterStart": 7, "JupyterState": "starting"})
    wait_for(lambda: fail.call_count == 2, 20, "the attribute to be tried again")
    sender.close(10)
    assert chirp.sent == [("JupyterState", "starting"), ("JupyterStart", 7)]


def test_a_full_disk_that_takes_no_connection_file_does_not_keep_the_state_from_the_job_ad(chirp, sender, said):
    chirp.fail["put_private"] = AnswerError(ChirpCode.NO_SPACE, "write")
    sender.publish({"JupyterState": "ready"}, "event", {"a.json": "{}"})
    wait_for(lambda: said, 10, "the problem to be told")
    assert chirp.sent == [("JupyterState", "ready"), "event"]
    assert said == ["Can't write the connection file on the access point: no space left there. Trying again."]
    assert sender.problem == said[0]
    chirp.fail.clear()
    wait_for(lambda: sender.problem == "", 20, "the file to be written")
    assert chirp.sent[2:] == ["a.json", "{}"]


def test_while_the_connection_file_is_refused_each_new_state_is_in_the_job_ad_at_once(chirp, sender, said, monkeypatch):
    monkeypatch.setattr(publisher, "_BACKOFF", publisher.Backoff(first=3600, longest=3600))
    chirp.fail["put_private"] = AnswerError(ChirpCode.NO_SPACE, "write")
    sender.publish({"JupyterState": "ready"}, "ready", {"a.json": "old"})
    wait_for(lambda: said, 10, "the problem to be told")
    sender.publish({"JupyterState": "expiring"}, "expiring", {"a.json": "new"})
    wait_for(lambda: "expiring" in chirp.sent, 10, "the next state to be told")
    assert (sender.problem, len(said)) == (said[0], 1)
    chirp.fail.clear()
    sender.publish({"JupyterState": "stopped"})
    sender.close(10)
    assert [what for what in chirp.sent if isinstance(what, str)] == ["ready", "expiring", "a.json", "new"]
    assert chirp.sent[-1] == ("JupyterState", "stopped")
    assert sender.problem == ""


@pytest.mark.parametrize("method", ["set_attributes", "log_event"])
def test_what_the_schedd_can_not_take_now_waits_alone_and_nothing_old_comes_after_something_new(
    chirp, sender, said, monkeypatch, method
):
    monkeypatch.setattr(publisher, "_BACKOFF", publisher.Backoff(first=3600, longest=3600))
    chirp.fail[method] = AnswerError(ChirpCode.TRY_AGAIN, "set_job_attr")
    sender.publish({"A": 1, "B": 1}, "first")
    wait_for(lambda: said, 10, "the problem to be told")
    chirp.fail.clear()
    sender.publish({"A": 2}, "second")
    wait_for(lambda: ("A", 2) in chirp.sent, 10, "the attribute to be sent")
    sender.close(10)
    assert chirp.sent.index(("A", 2)) < (chirp.sent.index(("B", 1)) if method == "set_attributes" else len(chirp.sent))
    assert [what for what in chirp.sent if isinstance(what, str)] == ["first", "second"]
    assert ("A", 1) not in chirp.sent or chirp.sent.index(("A", 1)) < chirp.sent.index(("A", 2))


def test_what_waited_for_a_connection_is_sent_when_there_is_one_again(chirp, sender, said, monkeypatch):
    monkeypatch.setattr(publisher, "_BACKOFF", publisher.Backoff(first=3600, longest=3600))
    chirp.fail["connect"] = ChirpError("chirp does not answer")
    sender.publish({"A": 1}, "first", {"a.json": "{}"})
    wait_for(lambda: said, 10, "the problem to be told")
    chirp.fail.clear()
    sender.publish({"B": 1})
    wait_for(lambda: "first" in chirp.sent, 10, "the rest to be sent")
    assert sorted(map(str, chirp.sent)) == sorted(map(str, [("B", 1), "a.json", "{}", ("A", 1), "first"]))


def test_an_attribute_that_has_not_changed_is_not_sent_again_but_the_state_is(chirp, sender):
    sender.publish({"A": 1, "JupyterState": "ready"})
    assert chirp.arrived.wait(10)
    sender.publish({"A": 1, "JupyterState": "ready"})
    sender.close(10)
    assert chirp.sent == [("A", 1), ("JupyterState", "ready"), ("JupyterState", "ready")]


def test_what_could_not_be_sent_is_sent_later_and_the_problem_is_said_once(chirp, sender, said, monkeypatch):
    monkeypatch.setattr(publisher, "_BACKOFF", publisher.Backoff(first=0.01, longest=0.01))
    chirp.fail["log_event"] = ChirpError("chirp does not answer")
    sender.publish({"A": 1}, "event")
    assert chirp.arrived.wait(10)
    chirp.fail.clear()
    wait_for(lambda: chirp.sent == [("A", 1), "event"], 10, "the event to be sent again")
    sender.close(10)
    assert said == ["Can't update the job ad: chirp does not answer. Trying again."]
    assert sender.problem == ""


@pytest.mark.parametrize(
    ("method", "problem", "sent"),
    [
        ("set_attributes", explain_no_chirp(asked=False), ["a.json", "{}"]),
        ("put_private", explain_no_files(asked=False), [("A", 1), "event"]),
    ],
)
def test_what_the_job_may_not_do_is_named_and_the_rest_is_sent(chirp, sender, said, method, problem, sent):
    chirp.fail[method] = ChirpRefusedError(-8)
    sender.publish({"A": 1}, "event", {"a.json": "{}"})
    sender.close(10)
    assert (chirp.sent, said, sender.problem) == (sent, [problem], problem)


def test_a_refusal_is_said_once_although_something_else_is_sent_between_two_tries(chirp, sender, said):
    chirp.fail["put_private"] = chirp.fail["remove"] = ChirpRefusedError(-8)
    for attributes, files in (({"A": 1}, {"a.json": "{}"}), ({"A": 2}, {}), ({"A": 3}, {"a.json": None})):
        sender.publish(attributes, None, files)
        wait_for(lambda sent=("A", attributes["A"]): sent in chirp.sent, 10, "the attribute to be sent")
        wait_for(lambda: sender.problem == sender.no_files, 10, "the problem to be kept")
    sender.close(10)
    assert said == [sender.no_files]


def test_outside_a_job_nothing_is_sent(chirp):
    outside = JobAdPublisher(enabled=False, say=print)
    outside.publish({"A": 1})
    outside.close(10)
    assert chirp.sent == []


@pytest.mark.parametrize("explain", [explain_no_chirp, explain_no_files])
def test_the_line_that_the_submit_file_lacks_is_named_only_where_it_lacks_it(explain):
    assert "`want_io_proxy = true`" in explain(asked=False)
    assert "want_io_proxy" not in explain(asked=True)
    assert explain(asked=True).startswith("This machine doesn't let jobs")
