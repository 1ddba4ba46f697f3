"""A session whose own cells set what they like in its ad, its log, and its files: on the laptop all of it is data."""

import json
import unicodedata

import pytest

from support.waiting import wait_for

pytestmark = pytest.mark.timeout(600)
#: Runs in the job: sets attributes and writes an event, as any cell can.
SET = """
import ast, sys
from jupyter_session.condor.chirp import ChirpClient
with ChirpClient.connect() as chirp:
    chirp.set_attributes(ast.literal_eval(sys.argv[1]))
    chirp.log_event(ast.literal_eval(sys.argv[2]))
"""
WORDS = "\x1b]0;title\x07\x1b[31mred \x9b31m [/nope] [link=http://127.0.0.1:9/]here[/link] \u202eback"
EVENT = f"jupyter-session {json.dumps({'state': 'expiring', 'reason': WORDS, 'warning': WORDS})}"


def assert_harmless(said):
    for text in (said.stdout, said.stderr):
        bad = {c for c in text if c not in "\n\t\r" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
        assert not bad, (bad, text)
        assert "Traceback" not in text


def change(laptop, job, **attributes):
    words = [
        "/opt/jupyter/bin/python",
        "-c",
        SET,
        repr(attributes),
        repr(EVENT.replace("\x07", "").replace("\x9b", "")),
    ]
    laptop.inside(*words)


@pytest.mark.parametrize(
    "names",
    [
        ("../../../../victim", WORDS),
        pytest.param(("{home}/victim", "..", "-oProxyCommand=x", "[/nope]"), marks=pytest.mark.slow),
    ],
    ids=["a path and escapes", "others"],
)
def test_what_a_session_says_of_itself_neither_colors_a_terminal_nor_leads_to_a_file(names, new_laptop):
    owner = new_laptop()
    job = owner.start_and_leave()
    victims = [f"{owner.home}/victim{suffix}" for suffix in (".json", ".opened", ".html", "")]
    for path in victims:
        owner.pool.exec(owner.host, ["sh", "-c", 'echo mine >"$0"', path], user=owner.user, check=True)
    try:
        for name in (each.replace("{home}", owner.home) for each in names):
            change(owner, job, JupyterName=name, JupyterReason=WORDS, JupyterStopAt=10**17, JupyterHost=WORDS)
            other = new_laptop()
            other.name = owner.name
            for verb in (
                ("list", "--ap", "ap"),
                ("list", "--ap", "ap", "--json"),
                ("status", job, "--ap", "ap"),
                ("logs", job, "--ap", "ap"),
                ("extend", job, "1h", "--ap", "ap"),
                ("admin", "--ap", "ap"),
            ):
                assert_harmless(other.call(*verb))
            running = other.run_on("connect", job, "--ap", "ap", "--no-browser")
            assert other.answers(running.url()), name
            running.interrupt()
            assert running.wait_end() == 0
            running.stdout, running.stderr = running.read(), ""
            assert_harmless(running)
            assert_harmless(other.call("list"))
            assert_harmless(other.call("forget", job))
            found = other.pool.exec(other.host, ["find", other.home, "-name", "*victim*"], user=other.user).stdout
            assert found == ""
    finally:
        change(owner, job, JupyterName=owner.name)
    for path in victims:
        assert owner.pool.path(owner.host, path).read_text() == "mine\n"
    assert_harmless(owner.call("stop", owner.name))
    wait_for(lambda: not owner.queued(), 60, "the session to end")
