"""What a session publishes: attributes in order, no secret, and lines that every shell reads alike."""

import dataclasses
import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from jupyter_session.condor import connection
from jupyter_session.condor.attributes import (
    MAX_REASON,
    End,
    SessionTimes,
    State,
    build_attributes,
    fit_line,
    render_event,
)
from jupyter_session.condor.chirp import LONGEST_LINE, quote_string
from jupyter_session.condor.connection import Connection, fold_script, render_connect_line

CONNECTION = Connection(
    port=24811,
    host="gpu1.example.org",
    token="s3cret",
    job="12.0",
    access_point="alice@ap.example.org",
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


def test_a_start_says_which_it_is_and_takes_back_how_an_earlier_one_could_be_reached():
    values = build_attributes(State.STARTING, "", None, None, start=1700000000)
    assert values["JupyterStart"] == 1700000000
    assert {values[name] for name in ("JupyterURL", "JupyterPort", "JupyterConnect", "JupyterHostKey")} == {None}
    assert list(values)[-2:] == ["JupyterStart", "JupyterState"]
    assert "JupyterPort" not in build_attributes(State.FAILED, "", None, None, end=End.FAILED)


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
    connection = Connection(port=1, host="ep", token="s3cret", job="1.0", access_point="a@ap", host_key=None)
    assert "s3cret" not in repr(connection)
    assert "s3cret" in connection.as_json()


def test_the_connect_line_has_nothing_that_a_shell_on_either_host_reads_in_its_own_way():
    line = CONNECTION.connect_line
    assert line is not None
    assert not set(line) & set("`!\n")
    assert "\\\\" not in line  # two backslashes are one to fish
    assert '\\"' not in line  # which a job ad can't hold
    assert len(quote_string(line).replace(" ", "  ").replace("\\", "\\\\").encode()) < LONGEST_LINE * 3 // 4
    *_, laptop, remote, host, job, port = shlex.split(line)
    assert (host, job, port) == ("alice@ap.example.org", "12.0", "24811")
    assert "'" not in laptop
    assert len(shlex.split(remote)) == 4  # exec sh -c SCRIPT
    assert "'" not in shlex.split(remote)[-1]


def test_the_scripts_of_the_connect_line_are_such_that_a_shell_can_read_them():
    laptop, remote = shlex.split(CONNECTION.connect_line)[2:4]
    for script in (laptop, shlex.split(remote)[-1]):
        checked = subprocess.run(["sh", "-n", "-c", script], capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")


@pytest.fixture
def connect(tmp_path):
    """Return what runs a connect line with stand-ins for ssh and for HTCondor's commands, of which they are shells."""

    def put(name, script):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    def run(line, **scripts):
        first = scripts.pop("ssh_first", ":")
        scripts = {"condor_q": "exit 1", **scripts}
        put("ssh", f'echo "$@" >>{tmp_path}/asked; {first}; for last; do :; done; setsid -w sh -c "$last"')
        for name, script in scripts.items():
            if script is not None:
                put(name, script)
        environ = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        argv = ["sh", "-c", line]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, env=environ, timeout=30, check=False)
        return done.stdout.decode(errors="surrogateescape"), (tmp_path / "asked").read_text()

    return run


SAID = "printf '    http://127.0.0.1:24811/lab?token=abc\\nstopped: done\\n'"


def test_each_use_of_the_connect_line_has_a_folder_of_its_own_that_is_gone_afterwards(connect):
    folders = []
    for _ in range(2):
        out, asked = connect(CONNECTION.connect_line, condor_ssh_to_job=f"ls -ld $TMP; {SAID}")
        assert out.startswith("drwx------"), out
        folders += re.findall(r"24811:(/tmp/jupyter-12\.0-[0-9a-f]{16})/lab", asked.splitlines()[-1])
    first, second = folders
    assert first != second
    assert not Path(first).exists()
    assert len(f"{first}/lab") <= 107  # what a Unix socket's path may have


def test_a_folder_in_the_way_is_not_used_and_not_removed(connect, tmp_path):
    script = fold_script((Path(connection.__file__).with_name("connect.sh")).read_text())
    asked = subprocess.run(
        ["sh", "-c", script, "12.0", tmp_path, "-t", "24811"], capture_output=True, text=True, timeout=10, check=False
    )
    assert (asked.returncode, asked.stdout) == (
        1,
        "\nway\nSomething was in the way of this tunnel: paste the line again.\n",
    )
    assert tmp_path.exists()


def test_the_fixed_line_takes_a_number_alone_from_the_access_point(connect):
    line = render_connect_line("alice@ap.example.org", "12")
    wanted = 'case "$1 $2 $3 $4" in "12 -af JobStatus ifThenElse((JupyterStart ?:"*) echo 2'
    out, asked = connect(line, condor_q=f"{wanted} 24811; esac", condor_ssh_to_job=f'echo "$@"; {SAID}')
    assert "http://127.0.0.1:20012/lab?token=abc\r\n" in out
    assert "-L 127.0.0.1:20012:/tmp/jupyter-12-" in asked
    assert "12 set -- jupyter-session;" in out
    assert "exec $* wait 24811" in out
    for answer in ("undefined", "''", "';touch x'", "-1", "'$(id)'", "error"):
        out, _ = connect(line, condor_q=f"echo 1 {answer}", condor_ssh_to_job="echo it runs")
        assert out == "Job 12 is not a session that runs. To see why, run condor_q 12 on the access point.\r\n"


def test_the_fixed_line_asks_a_session_that_has_published_no_port(connect):
    line = render_connect_line("alice@ap.example.org", "12")
    job = f'case "$*" in *--json*) echo \'"port": 24811,\'; exit; esac; echo $TMP; {SAID}'
    out, _ = connect(line, condor_q="echo 2 undefined", condor_ssh_to_job=job)
    assert out.startswith("Asking job 12 for its port.\r\n/tmp/jupyter-12-")
    assert "http://127.0.0.1:20012/lab?token=abc\r\n" in out


def test_the_fixed_line_says_why_nothing_can_reach_a_session(connect):
    line = render_connect_line("alice@ap.example.org", "12")
    for said in ("ENABLE_SSH_TO_JOB=false", "bob is not authorized for access"):
        out, _ = connect(line, condor_q="echo 2 undefined", condor_ssh_to_job=f"echo '{said}' >&2; exit 1")
        assert out == f"Asking job 12 for its port.\r\nJob 12 runs, but nothing can reach it. {said}\r\n"


def test_the_fixed_line_quotes_htcondor_and_not_the_session_that_has_no_port_yet(connect):
    line = render_connect_line("alice@ap.example.org", "12")
    job = r"""printf '{\n  "state": "starting",\n  "port": null\n}\n'; echo 'Connection reset' >&2"""
    out, _ = connect(line, condor_q="echo 2 undefined", condor_ssh_to_job=job, sleep="")
    assert out.endswith("Job 12 runs, but has no port yet: paste the line again in a minute. Connection reset\r\n")


def test_the_line_says_that_there_is_no_htcondor(connect):
    out, _ = connect(CONNECTION.connect_line, condor_q=None)
    assert out.startswith("There is no condor_q: not in the PATH of a login on the access point")


def test_the_fixed_line_says_that_the_queue_can_not_be_asked(connect):
    line = render_connect_line("alice@ap.example.org", "12")
    out, _ = connect(line, condor_q="echo no schedd >&2; exit 1", condor_ssh_to_job="echo it runs")
    assert out == ("no schedd\r\nHTCondor on this access point can not look for job 12: condor_q failed.\r\n")


def test_a_line_of_an_earlier_run_ends_with_its_sentence(connect):
    """The session refuses on its standard error; only then the tunnel ends."""
    job = "PATH=$TMP:$PATH; printf '#!/bin/sh\\necho jupyter-session: earlier run >&2; exit 1' >$TMP/jupyter-session; "
    job += 'chmod +x $TMP/jupyter-session; for last; do :; done; sh -c "$last"; exec sleep 600'
    out, _ = connect(CONNECTION.connect_line, condor_ssh_to_job=job)
    assert out == "jupyter-session: earlier run\r\n"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (r"\033]0;title\007\033[31mred", "]0;title[31mred"),
        (r"\302\23331m\r\tx", "31mx"),
        ("http://evil.example:1/lab?token=x", "    http://127.0.0.1:24811/lab?token=x"),
        ("http://127.0.0.1:1/lab?token=x", "    http://127.0.0.1:24811/lab?token=x"),
    ],
)
def test_what_comes_back_is_printed_without_control_characters_and_leads_to_the_own_port(connect, said, shown):
    out, _ = connect(CONNECTION.connect_line, condor_ssh_to_job=f"printf '{said}\\n'")
    assert out == f"{shown}\r\n"


@pytest.mark.parametrize("job", ["", "-oProxyCommand=x", "12;id", "../x", "0"])
def test_the_line_refuses_what_is_no_job(connect, job):
    with pytest.raises(FileNotFoundError):
        connect(render_connect_line("alice@ap.example.org", shlex.quote(job)))


def test_a_script_is_folded_into_one_line_that_does_the_same(tmp_path):
    text = """\
#!/bin/sh
# A comment; with a semicolon
say() {
    echo hello |
        tr a-z A-Z

    echo end
}
true &&
    say
say &
wait
"""
    folded = fold_script(text)
    assert folded == "say() { echo hello | tr a-z A-Z; echo end; }; true && say; say & wait"
    (tmp_path / "script").write_text(text)
    runs = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for command in (["sh", tmp_path / "script"], ["sh", "-c", folded])
    ]
    assert runs == ["HELLO\nend\n" * 2] * 2


def test_without_an_access_point_there_is_no_line():
    local = Connection(port=1, host="h", token="t", job=None, access_point=None)
    assert (local.connect_line, local.attach_line, local.file_name) == (None, None, None)


@pytest.mark.parametrize("text", ["a\nb\tc", "  a \r\n b  c ", "a\x00b\x1bc"])
def test_a_reason_is_one_printable_line(text):
    assert fit_line(text) == "a b c"


@pytest.mark.parametrize("character", ["x", "é", "漢"])
def test_a_long_reason_is_cut_to_what_fits_a_line_of_chirp(character):
    reason = fit_line(character * 5000)
    assert reason.endswith("…")
    assert len(reason.encode()) <= MAX_REASON


@pytest.mark.parametrize("name", ["into_session.sh", "find_condor.sh"])
def test_a_script_of_both_programs_is_the_same(name):
    ours = Path(connection.__file__).with_name(name)
    theirs = Path(__file__).parents[3] / "submit/src/chtc_jupyter/ssh/scripts" / name
    assert ours.read_text() == theirs.read_text()


def test_the_attach_line_finds_the_session_from_outside_of_the_container():
    short, line = (dataclasses.replace(CONNECTION, outside=outside).attach_line for outside in (False, True))
    assert short == 'condor_ssh_to_job -auto-retry -ssh "ssh -t" 12.0 jupyter-session attach'
    *words, inside = shlex.split(line)
    assert words == shlex.split(short)[:-2]
    assert not set(line) & set("`!\n\\")
    checked = subprocess.run(["sh", "-n", "-c", inside], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    said = subprocess.run(
        ["sh", "-c", inside], capture_output=True, text=True, timeout=10, check=False, env={"PATH": "/bin"}
    )
    assert said.stdout == "failed: nobody can enter this job, not even its owner\n"


def test_the_line_is_tried_without_a_terminal_where_there_is_none_to_have(connect):
    refuse = '[ "$1" = -T ] || { echo PTY allocation request failed on channel 0 >&2; exit 255; }'
    out, asked = connect(CONNECTION.connect_line, condor_ssh_to_job=f"sleep 2; {SAID}", ssh_first=refuse)
    assert [line.split()[0] for line in asked.splitlines()] == ["-t", "-T"]
    assert "PTY" not in out
