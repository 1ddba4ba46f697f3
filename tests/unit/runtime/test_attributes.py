"""What a session publishes: attributes in order, no secret, and lines that every shell reads alike."""

import json
import re
import shlex
import subprocess

import pytest

from jupyter_session.condor.attributes import (
    MAX_REASON,
    End,
    SessionTimes,
    State,
    build_attributes,
    fit_line,
    render_event,
)
from jupyter_session.condor.connection import Connection, fold_script

CONNECTION = Connection(
    port=24811,
    host="gpu1.example.org",
    token="s3cret",
    job="12.0",
    access_point="alice@ap.example.org",
    socket_name="abc",
)


def test_the_state_comes_last_and_the_token_never():
    values = build_attributes(State.READY, "It is ready.", 1700000000, CONNECTION)
    assert list(values)[-1] == "JupyterState"
    assert "s3cret" not in repr(values) + render_event(values)


def test_how_it_ended_is_unset_at_each_start_and_its_times_are_published_where_known():
    values = build_attributes(State.READY, "", None, None, times=SessionTimes(idle_seconds=7, deadline=1700000000))
    assert (values["JupyterEnd"], values["JupyterIdleSeconds"], values["JupyterDeadline"]) == (None, 7, 1700000000)
    ended = build_attributes(State.FAILED, "", None, None, end=End.FAILED)
    assert ended["JupyterEnd"] == "failed"
    assert "JupyterIdleSeconds" not in ended


def test_when_a_session_ends_for_inactivity_is_published():
    times = SessionTimes(idle_seconds=0, deadline=None, idle_timeout=7200, kept_until=1700000000)
    values = build_attributes(State.READY, "Ready.", None, None, times=times)
    assert (values["JupyterIdleTimeout"], values["JupyterKeptUntil"]) == (7200, 1700000000)


def test_an_event_is_one_line_of_json():
    name, _, text = render_event(build_attributes(State.FAILED, "a\nb", None, None)).partition(" ")
    assert name == "jupyter-session"
    assert json.loads(text) == {"state": "failed", "reason": "a b"}


def test_the_owners_file_has_the_token_and_the_lines():
    assert json.loads(CONNECTION.as_json()) | {"version": ""} == {
        "version": "", "job": "12.0", "token": "s3cret", "port": 24811, "host": "gpu1.example.org",
        "url": "http://127.0.0.1:24811/lab?token=s3cret",
        "connect": CONNECTION.connect_line, "attach": CONNECTION.attach_line,
    }  # fmt: skip


def test_a_connection_that_is_logged_shows_no_token():
    connection = Connection(
        port=1, host="ep", token="s3cret", job="1.0", access_point="a@ap", socket_name="x", host_key=None
    )
    assert "s3cret" not in repr(connection)
    assert "s3cret" in connection.as_json()


def test_the_connect_line_has_nothing_that_a_shell_on_either_host_reads_in_its_own_way():
    line = CONNECTION.connect_line
    assert line is not None
    assert not set(line) & set("$`!\n")
    assert line.count("'") == 2
    *_, host, script = shlex.split(line)
    assert host == "alice@ap.example.org"
    assert len(shlex.split(script)) == 4  # exec sh -c SCRIPT
    assert len(line) < 1200
    assert "@" not in script


def test_the_script_of_the_connect_line_is_one_that_a_shell_can_read():
    command = shlex.split(CONNECTION.connect_line)[-1]
    *_, script = shlex.split(command)
    checked = subprocess.run(["sh", "-n", "-c", script], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert re.search(r"condor_ssh_to_job .* 12\.0 jupyter-session wait 24811 \|", script)


def test_a_script_is_folded_into_one_line_that_does_the_same(tmp_path):
    text = """\
#!/bin/sh
# A comment; with a semicolon
say() {
    echo @word@ |
        tr a-z A-Z

    echo end
}
true &&
    say
say &
wait
"""
    folded = fold_script(text, {"word": "hello"})
    assert folded == "say() { echo hello | tr a-z A-Z; echo end; }; true && say; say & wait"
    (tmp_path / "script").write_text(text.replace("@word@", "hello"))
    runs = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for command in (["sh", tmp_path / "script"], ["sh", "-c", folded])
    ]
    assert runs == ["HELLO\nend\n" * 2] * 2


def test_without_an_access_point_there_is_no_line():
    local = Connection(port=1, host="h", token="t", job=None, access_point=None, socket_name="x")
    assert (local.connect_line, local.attach_line, local.file_name) == (None, None, None)


@pytest.mark.parametrize("text", ["a\nb\tc", "  a \r\n b  c ", "a\x00b\x1bc"])
def test_a_reason_is_one_printable_line(text):
    assert fit_line(text) == "a b c"


@pytest.mark.parametrize("character", ["x", "é", "漢"])
def test_a_long_reason_is_cut_to_what_fits_a_line_of_chirp(character):
    reason = fit_line(character * 5000)
    assert reason.endswith("…")
    assert len(reason.encode()) <= MAX_REASON
