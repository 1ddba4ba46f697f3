"""The contract: attributes in order, no secret in public, lines that survive every shell."""

import json
import shlex

import pytest

from jupyter_session.condor.contract import (
    MAX_REASON,
    Account,
    Connection,
    End,
    State,
    attributes,
    one_line,
    render_event,
)

CONNECTION = Connection(
    port=24811,
    host="gpu1.example.org",
    token="s3cret",
    job="12.0",
    access_point="alice@ap.example.org",
    socket_name="abc",
)


def test_the_state_comes_last_and_the_token_never():
    values = attributes(State.READY, "It is ready.", 1700000000, CONNECTION)
    assert list(values)[-1] == "JupyterState"
    assert "s3cret" not in repr(values) + render_event(values)


def test_how_it_ended_is_unset_at_each_start_and_what_it_held_its_slot_for_is_told_where_known():
    values = attributes(State.READY, "", None, None, account=Account(idle_seconds=7, deadline=1700000000))
    assert (values["JupyterEnd"], values["JupyterIdleSeconds"], values["JupyterDeadline"]) == (None, 7, 1700000000)
    ended = attributes(State.FAILED, "", None, None, end=End.FAILED)
    assert ended["JupyterEnd"] == "failed"
    assert "JupyterIdleSeconds" not in ended


def test_an_event_is_one_line_of_json():
    name, _, text = render_event(attributes(State.FAILED, "a\nb", None, None)).partition(" ")
    assert name == "jupyter-session"
    assert json.loads(text) == {"state": "failed", "reason": "a b"}


def test_the_owners_file_has_the_token_and_the_lines():
    assert json.loads(CONNECTION.as_json()) | {"version": ""} == {
        "version": "", "job": "12.0", "token": "s3cret", "port": 24811, "host": "gpu1.example.org",
        "url": "http://127.0.0.1:24811/lab?token=s3cret",
        "connect": CONNECTION.connect_line, "attach": CONNECTION.attach_line,
    }  # fmt: skip


def test_the_connect_line_holds_nothing_that_a_shell_on_either_host_reads_its_own_way():
    line = CONNECTION.connect_line
    assert line is not None
    assert not set(line) & set("$`!\n")
    assert line.count("'") == 2
    *_, host, script = shlex.split(line)
    assert host == "alice@ap.example.org"
    assert len(shlex.split(script)) == 4  # exec sh -c SCRIPT
    assert len(line) < 1200


def test_without_an_access_point_there_is_no_line():
    local = Connection(port=1, host="h", token="t", job=None, access_point=None, socket_name="x")
    assert (local.connect_line, local.attach_line, local.file_name) == (None, None, None)


@pytest.mark.parametrize("text", ["a\nb\tc", "  a \r\n b  c ", "a\x00b\x1bc"])
def test_a_reason_is_one_printable_line(text):
    assert one_line(text) in ("a b c", "a b c")


@pytest.mark.parametrize("character", ["x", "é", "漢"])
def test_a_long_reason_is_cut_to_what_a_line_of_chirp_holds(character):
    reason = one_line(character * 5000)
    assert reason.endswith("…")
    assert len(reason.encode()) <= MAX_REASON
