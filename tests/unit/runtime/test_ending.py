"""The end of a session: its parts are stopped in order, and a part that fails or hangs doesn't stop the end."""

import json
import signal
import time

import pytest

from jupyter_session.condor.attributes import End, Ending, State
from jupyter_session.jupyter.lab import LabError
from jupyter_session.saveback import Report
from jupyter_session.session.ending import Shutdown
from jupyter_session.session.lab_queries import LabQueries
from jupyter_session.session.logins import LOGIN_LEFT
from jupyter_session.session.receipt_writer import ReceiptWriter
from jupyter_session.session.status import SessionStatus
from jupyter_session.session.status_reporter import StatusReporter


@pytest.fixture(autouse=True)
def no_alarm():
    before = signal.getsignal(signal.SIGALRM)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


class Parts:
    """Every part of a session; each writes down what is asked of it."""

    def __init__(self, folder, *, broken=False):
        self.calls, self.broken, self.report = [], broken, Report()
        self.has_sibling = False
        self.cpu_seconds = 12.0
        self.seconds = {}  # the time that each part got
        self.names = {}
        self.reporter = StatusReporter(SessionStatus(state=State.READY), [self])
        self.receipts = ReceiptWriter(
            folder, "7.0", meter=None, processes=self, look=self.look, sessions=self.look, say=self.calls.append
        )

    def look(self):
        if self.broken:
            raise LabError("JupyterLab does not answer")
        return []

    def stop(self, _deadline):
        self.calls.append("server")

    def kill(self):
        self.calls.append("tmux")
        if self.broken:
            raise OSError("no tmux")

    def finish(self, seconds):
        self.calls.append("saved")
        self.seconds["save"] = seconds

    def clear_way(self, seconds):
        self.calls.append("way cleared")
        self.seconds.setdefault("way", seconds)
        self.names = {"notebooks/v/lib64": "a link to a folder"}
        if self.broken:
            raise OSError("no way")

    def close(self, seconds):
        self.calls.append("published")
        self.seconds["publish"] = seconds

    def publish(self, attributes):
        self.calls.append(attributes)

    def clear(self, *, keep_log):
        self.calls.append(f"cleared, log kept: {keep_log}")

    def on_state(self, status):
        self.calls.append(status.state.value)

    def on_warnings(self, sentences):
        self.calls += sentences

    def end(self, ending):
        parts = {"server": self, "tmux": self, "saver": self, "set_aside": self, "publisher": self}
        parts["packages"] = Packages(self.calls)
        shutdown = Shutdown(None, self, receipts=self.receipts, reporter=self.reporter, **parts)
        return shutdown.run(ending, began=time.monotonic(), gpu=None)


class Packages:
    def __init__(self, calls):
        self.calls = calls

    def close(self):
        self.calls.append("packing")

    def finish(self, seconds):
        self.calls.append("packed")

    def take_news(self):
        return []


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize(("how", "final", "status"), [(End.USER, "stopped", 0), (End.FAILED, "failed", 1)])
def test_the_parts_end_in_order_whatever_fails(tmp_path, how, final, status, broken):
    parts = Parts(tmp_path, broken=broken)
    assert parts.end(Ending(how, "It ends.")) == status
    log = f"cleared, log kept: {final == 'failed'}"
    ended = ["packing", "stopping", "server", "tmux", "packed", "saved", "way cleared"]
    assert parts.calls == [*ended, final, "published", "way cleared", log]
    assert parts.reporter.status.end is how
    assert parts.reporter.status.receipt.startswith("The session ran ")
    receipt = json.loads((tmp_path / ".jupyter-session/last-session.json").read_text())
    assert receipt["set_aside"] == {"count": 1, "names": {"notebooks/v/lib64": "a link to a folder"}}
    assert (receipt["state"], receipt["job"], receipt["reason"]) == (final, "7.0", "It ends.")


def test_the_last_changes_and_the_report_of_the_end_get_their_shares_of_the_time(tmp_path):
    parts = Parts(tmp_path)
    parts.end(Ending(End.USER, "It ends."))
    whole = 26  # of HTCondor's 30 s, less the margin for the container
    assert (
        0.6 * whole < parts.seconds["save"] <= 0.85 * whole < parts.seconds["way"] < parts.seconds["publish"] <= whole
    )


def test_a_receipt_that_cant_be_written_is_said_and_ends_nothing(tmp_path):
    parts = Parts(tmp_path / "no" / "such" / "folder")
    assert parts.end(Ending(End.USER, "It ends.")) == 0
    assert "The receipt of this session could not be written: No such file or directory." in parts.calls


def test_a_login_that_is_left_is_said_before_the_job_ad_is_closed(tmp_path, monkeypatch):
    monkeypatch.setattr("jupyter_session.session.ending.end_logins", lambda *_: False)
    parts = Parts(tmp_path)
    assert parts.end(Ending(End.USER, "It ends.")) == 0
    said = parts.calls[parts.calls.index("stopped") : parts.calls.index("published")]
    assert said == ["stopped", LOGIN_LEFT, {"JupyterReason": f"It ends. {LOGIN_LEFT}"}]


class Lab:
    def __init__(self, seconds):
        self.asked, self.seconds = 0, seconds

    def request(self, _method, _path, *, timeout):
        self.asked += 1
        time.sleep(min(self.seconds, timeout))
        if self.seconds >= timeout:
            raise LabError("JupyterLab does not answer: timed out")
        return {"kernels": 1}


def test_a_server_that_hangs_is_not_asked_again_at_once(monkeypatch):
    monkeypatch.setattr("jupyter_session.session.lab_queries._PATIENCE", 0.05)
    lab = Lab(seconds=1)
    queries = LabQueries(lab, pause=60.0)
    for _ in range(5):
        with pytest.raises(LabError, match="does not answer"):
            queries.get("/api/kernels")
    assert lab.asked == 1


def test_a_server_that_answers_is_asked_each_time():
    lab = Lab(seconds=0)
    queries = LabQueries(lab, pause=60.0)
    assert [queries.get("/api/kernels") for _ in range(3)] == [{"kernels": 1}] * 3
    assert lab.asked == 3
