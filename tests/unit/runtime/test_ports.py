"""Ports: free, in range, and none is one sentence."""

import os
import socket

import pytest

from jupyter_session.errors import SessionError
from jupyter_session.ports import PortRange, choose_port, default_port_range, is_free, listens_on, parse_port_range


@pytest.fixture
def taken():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_that_someone_listens_on_is_not_free(taken):
    assert not is_free(taken)


def test_who_listens_on_a_port_is_known(taken):
    assert listens_on(os.getpid(), taken)
    assert not listens_on(os.getppid(), taken)
    assert not listens_on(os.getpid(), taken + 1)
    assert not listens_on(2**22, taken), "there is no such process"
    with socket.create_connection(("127.0.0.1", taken)) as client:
        assert not listens_on(os.getpid(), client.getsockname()[1]), "a connection is not a listener"


def test_a_full_range_is_one_sentence_that_names_the_range_and_the_way_out(taken):
    with pytest.raises(SessionError, match=f"{taken}-{taken}.*--port-range"):
        choose_port(PortRange(taken, taken))


def test_a_port_to_avoid_is_never_chosen():
    assert choose_port(PortRange(23000, 23001), avoid={23000}) == 23001


def test_the_default_range_ends_below_the_ephemeral_ports(monkeypatch, tmp_path):
    limits = tmp_path / "ip_local_port_range"
    monkeypatch.setattr("jupyter_session.ports._EPHEMERAL", limits)
    for low, expected in ((32768, 31999), (20000, 19999), (1024, 31999)):
        limits.write_text(f"{low}\t60999\n")
        assert default_port_range() == PortRange(16000, expected)


@pytest.mark.parametrize(("text", "ports"), [("20000-20100", PortRange(20000, 20100)), ("8888", PortRange(8888, 8888))])
def test_a_range_is_read(text, ports):
    assert parse_port_range(text) == ports


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("20100-20000", "is reversed"),
        ("a-b", "Invalid port range"),
        ("1-2-3", "Invalid port range"),
        ("80-90", "from 1024"),
        ("60000-70000", "from 1024"),
        ("", "Invalid port range"),
        ("-5", "Invalid port range"),
    ],
)
def test_a_bad_range_is_refused_with_its_reason(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_port_range(text)
