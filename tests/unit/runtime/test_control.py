"""The control socket: every client is answered, and none can stop the supervisor's loop."""

import json
import socket
import stat
import threading
import time

import pytest

from jupyter_session.control import server as control
from jupyter_session.control.client import ask, connect, messages
from jupyter_session.core.event_loop import Loop
from jupyter_session.errors import SessionError
from support.waiting import patience, wait_for


class Bench:
    """A control server whose loop turns in a thread, as a session's does."""

    def __init__(self, path):
        self.path, self.loop, self.status = path, Loop(), {"state": "ready"}
        self.longest_turn = 0.0
        verbs = {"stop": lambda _: {}, "double": lambda request: {"twice": 2 * request["number"]}}
        self.server = control.ControlServer(path, self.loop, status=lambda: self.status, verbs=verbs)
        self.server.listen()
        self._over = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._over:
            self.loop.turn(0.05)
            began = time.monotonic()
            self.loop.turn(0)
            self.longest_turn = max(self.longest_turn, time.monotonic() - began)

    def close(self):
        self._over = True
        self._thread.join()
        self.server.close()

    def raw(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(20)
        client.connect(str(self.path))
        return client


@pytest.fixture
def bench(tmp_path):
    found = Bench(tmp_path / "control")
    yield found
    found.close()


def test_the_socket_is_private(bench):
    assert stat.S_IMODE(bench.path.stat().st_mode) == 0o600


def test_a_request_is_answered_by_the_status_and_what_the_verb_adds(bench):
    assert list(ask(bench.path, "double", number=21)) == [{"state": "ready", "twice": 42}]


def test_a_verb_that_is_unknown_is_an_error(bench):
    with pytest.raises(SessionError, match="The session has no verb 'dance'"):
        list(ask(bench.path, "dance"))


def test_without_a_session_the_error_says_where_to_use_the_command(tmp_path):
    with pytest.raises(SessionError, match="Use this command inside the job"):
        connect(tmp_path / "control", "status")


def test_whoever_waits_is_sent_each_change(bench):
    with connect(bench.path, "wait") as client:
        told = messages(client)
        assert next(told)["state"] == "ready"
        wait_for(lambda: bench.server._staying, 10, "the server to remember who waits")
        bench.status = {"state": "stopped"}
        bench.server.send_status()
        assert next(told)["state"] == "stopped"


def test_a_request_in_pieces_is_answered(bench):
    with bench.raw() as client:
        for part in (b'{"verb": "dou', b'ble", "num', b'ber": 4}\n'):
            client.sendall(part)
            time.sleep(0.02)  # so that the pieces arrive one by one
        assert json.loads(client.recv(4096))["twice"] == 8


@pytest.mark.parametrize("data", [b"junk\n", b"[]\n", b'{"verb": []}\n', b"\xff\n", b"{}\n"])
def test_junk_ends_the_connection_and_nothing_else(bench, data):
    with bench.raw() as client:
        client.sendall(data)
        answer = client.recv(4096)
        assert not answer or "error" in json.loads(answer)
    assert next(ask(bench.path, "status"))["state"] == "ready"


def test_a_request_without_an_end_is_dropped(bench):
    with bench.raw() as client:
        try:
            client.sendall(b"x" * 200_000)
            assert client.recv(1) == b""
        except (BrokenPipeError, ConnectionResetError):
            pass  # dropped before all of it was sent
    assert next(ask(bench.path, "status"))["state"] == "ready"


def dribble(client, between):
    """Send a request that never ends, one byte at a time."""
    for _ in range(100_000):
        client.sendall(b" ")
        between()


def test_a_client_that_dribbles_is_dropped_in_time_and_stops_nobody(bench, monkeypatch):
    monkeypatch.setattr(control, "PATIENCE", 0.5)
    began = time.monotonic()
    with bench.raw() as slow:
        answers = []
        with pytest.raises(BrokenPipeError):  # when the server hangs up
            dribble(slow, lambda: answers.append(next(ask(bench.path, "status"))["state"]))
    assert 0.5 <= time.monotonic() - began < 10
    assert len(answers) > 1
    assert set(answers) == {"ready"}
    assert bench.longest_turn < 0.4


def test_a_client_that_never_reads_is_dropped_and_stops_nobody(bench):
    bench.status = {"state": "ready", "padding": "x" * 20_000}
    with connect(bench.path, "wait"):
        began = time.monotonic()
        for _ in range(100):
            bench.server.send_status()
        assert time.monotonic() - began < 5 * patience()
        assert not bench.server._staying


def test_a_timer_wakes_the_loop_once():
    loop, calls = Loop(), []
    loop.call_at(time.monotonic() + 0.05, lambda: calls.append("due"))
    loop.cancel(loop.call_at(time.monotonic(), lambda: calls.append("canceled")))
    began = time.monotonic()
    while not calls and time.monotonic() < began + 10:
        loop.turn(10)
    assert 0.05 <= time.monotonic() - began < 5 * patience()
    loop.turn(0)
    assert calls == ["due"]
