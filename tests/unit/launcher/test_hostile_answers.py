"""What a session answers is only shown: no answer breaks `status`, whatever is where in it."""

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chtc_jupyter.commands import session_status, verbs
from chtc_jupyter.errors import FailedError
from chtc_jupyter.terminal import Terminal

NASTY = (
    "../x", "/etc/x", "\x1b]0;title\x07", "\x9b31m", "see [/nope] x", "[link=https://x.example/]y[/link]",
    "a\u202eb", "\ud800", "a\nb", "-oX=y", "", "." * 50, "9" * 5000,
)  # fmt: skip
texts = st.text() | st.sampled_from(NASTY)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(10**15, 10**30) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
several = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def assert_plain(text):
    for line in text.split("\n"):
        assert line.replace("\t", " ").isprintable(), line


FACTS = {
    "state": "ready", "reason": "", "stop_at": None, "earliest_stop_at": None, "sources": [], "idle_for": 1,
    "keep_alive_until": None, "deadline": None, "problem": "", "warnings": [],
    "save": {"off": "", "saved_count": 1, "behind": 1, "total_bytes": 1, "conflicts": {}, "left_out": {},
             "left_out_count": 0, "problem": ""},
}  # fmt: skip
SOURCES = [{"source": "kernels", "active": False, "since": 1, "detail": "x", "error": ""}]


@given(st.sampled_from([*FACTS, *FACTS["save"], *SOURCES[0]]), values)
@several
def test_no_answer_of_a_session_breaks_status(monkeypatch, capsys, key, value):
    facts = {**FACTS, "save": dict(FACTS["save"]), "sources": [dict(SOURCES[0])]}
    for part in (facts, facts["save"], facts["sources"][0]):
        if key in part:
            part[key] = value

    async def answer(*_):
        return json.dumps(facts)

    monkeypatch.setattr(verbs, "run_inside", answer)
    capsys.readouterr()
    try:
        asyncio.run(verbs._show_session(None, {"ClusterId": 12, "ProcId": 0}, Terminal()))
    except FailedError as error:
        Terminal().say(str(error))
    for part in capsys.readouterr():
        assert_plain(part)


def test_facts_that_are_too_deep_are_no_facts():
    with pytest.raises(ValueError, match="deep"):
        session_status.parse_facts('{"a":' + "[" * 100_000)
