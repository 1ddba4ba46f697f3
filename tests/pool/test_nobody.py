"""Jobs may run as nobody, who has no shell and no home: terminals and tmux work all the same."""

import json
import os
import secrets
import select
import subprocess

from support.hosts import background
from support.waiting import wait_for

#: Runs in the job: types a line into a terminal of Jupyter, and prints what it shows until the mark appears.
TYPE = """
import json, subprocess, sys, websocket
name, line, mark = sys.argv[1:]
about = json.loads(subprocess.check_output(["jupyter-session", "status", "--json"]))
token = about["url"].partition("token=")[2]
url = f"ws://127.0.0.1:{about['port']}/terminals/websocket/{name}"
terminal = websocket.create_connection(url, header=[f"Authorization: token {token}"], timeout=20)
terminal.send(json.dumps(["stdin", line + chr(13)]))
shown = ""
while mark not in shown:
    kind, *text = json.loads(terminal.recv())
    shown += "".join(text) if kind == "stdout" else ""
print(shown)
"""


def test_terminal_of_a_session_that_runs_as_nobody_is_a_bash(session_as_nobody):
    terminal = json.loads(session_as_nobody.request("/api/terminals", "POST", "{}"))["name"]
    mark = secrets.token_hex(4)
    line = f"echo $(id -un) $SHELL ${{BASH_VERSION:+bash}} {mark[:4]}''{mark[4:]}"
    assert f"nobody /bin/bash bash {mark}" in session_as_nobody.python(TYPE, terminal, line, mark)


def test_tmux_of_a_session_that_runs_as_nobody_has_a_bash(session_as_nobody):
    words = ("tmux", "list-panes", "-s", "-t", "jupyter", "-F", "#{window_name} #{pane_current_command} #{pane_dead}")
    assert "shell bash 0" in session_as_nobody.inside(*words).splitlines()
    mark = secrets.token_hex(4)
    session_as_nobody.inside("tmux", "send-keys", "-t", "jupyter:shell", f"id -un > {mark}", "Enter")
    there = f"notebooks/{mark}"
    wait_for(lambda: session_as_nobody.file(there) == "nobody\n", 60, "the file on the access point")


def test_tmux_attach_works_in_a_session_that_runs_as_nobody(session_as_nobody):
    shown = ""

    def shows(text):
        nonlocal shown
        if select.select([screen.stdout], [], [], 0)[0]:
            shown += os.read(screen.stdout.fileno(), 65536).decode(errors="replace")
        return text in shown

    words = ["condor_ssh_to_job", "-auto-retry", session_as_nobody.job]
    with background(
        session_as_nobody.pool, "ap", words, session_as_nobody.user, tty=True, stdin=subprocess.PIPE
    ) as screen:
        wait_for(lambda: shows("\n$ "), 30, "the prompt")
        os.write(screen.stdin.fileno(), b"tmux attach\n")
        wait_for(lambda: shows("ServerApp"), 20, "the server's log")


def test_session_that_runs_as_nobody_says_who_else_can_do_what_it_can(session_as_nobody):
    said = "jobs of other people may run under the same account (nobody)"
    wait_for(lambda: said in session_as_nobody.inside("jupyter-session", "status"), 20, "the warning")
    assert said in (session_as_nobody.file(f"jupyter-{session_as_nobody.cluster}.log") or "")


def test_session_with_an_account_of_its_own_does_not_say_so(ready_session):
    assert "same account" not in ready_session.inside("jupyter-session", "status")


def test_jobs_of_its_account_alone_can_use_a_sessions_chirp(ready_session, session_as_nobody):
    """docs/operators.md: why slots should have accounts of their own."""
    for session, account, can in ((ready_session, "slot1_32", False), (session_as_nobody, "nobody", True)):
        name = session.inside("sh", "-c", "echo $_CONDOR_CHIRP_CONFIG").strip()
        assert session.pool.exec("ep1", ["test", "-s", name]).returncode == 0
        read = session.pool.exec("ep1", ["cat", name], user=account)
        assert (read.returncode == 0) is can, (account, read)
