"""Regular expressions that come from a file: they are as if compiled, and everything else is compiled as ever."""

import importlib
import marshal
import re
import subprocess
import sys

import pytest

from jupyter_session.jupyter import compiled_patterns

compiler = importlib.import_module("re._compiler")


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    """Have `re` as it was, and nothing in its cache."""
    monkeypatch.setattr(compiler, "compile", compiler.compile)
    monkeypatch.setattr(compiler, "_sre", compiler._sre)
    re.purge()
    yield
    compiled_patterns.end()
    re.purge()


def store(*expressions):
    """Return what a file has of some expressions with their flags."""
    noted = compiled_patterns.note()
    for pattern, flags in expressions:
        re.compile(pattern, flags)
    re.purge()
    return marshal.loads(marshal.dumps(noted))  # noqa: S302


EXPRESSIONS = [
    (r"(?P<year>\d{4})-(?P<month>\d\d)", 0),
    (r"(?i)[a-zäöü]+(?:ß|ss)$", re.MULTILINE),
    (rb"\xff[\x00-\x1f]*", re.DOTALL),
    (r"(?x) a  # with a comment", re.ASCII),
    (r"(a)|(b)(?(1)c|d)(?<=x)(?!y)", re.VERBOSE | re.IGNORECASE),
    ("", 0),
]


def test_stored_expression_is_what_it_would_be_compiled_to(monkeypatch):
    stored = store(*EXPRESSIONS)
    usual = [re.compile(*each) for each in EXPRESSIONS]
    re.purge()
    assert len(stored) == len(EXPRESSIONS)
    monkeypatch.setattr(compiler, "compile", None)  # nothing is compiled
    compiled_patterns.begin(stored)
    for (pattern, flags), same in zip(EXPRESSIONS, usual, strict=True):
        found = re.compile(pattern, flags)
        assert found == same  # by their code
        assert (found.pattern, found.flags, found.groups) == (same.pattern, same.flags, same.groups)
        assert dict(found.groupindex) == dict(same.groupindex)
    assert re.match(EXPRESSIONS[0][0], "2026-11").groupdict() == {"year": "2026", "month": "11"}


def test_other_expressions_are_compiled_and_so_are_all_after_the_end():
    compiled_patterns.begin(store((r"a+", 0)))
    assert re.compile(r"a+", re.IGNORECASE).match("A")
    assert not re.compile(r"a+").match("A")
    assert re.compile(b"a+").match(b"a")
    with pytest.raises(re.error, match="unterminated"):
        re.compile("(a")
    compiled_patterns.end()
    re.purge()
    assert re.compile(r"a+").match("aa")


def test_expression_that_json_and_argparse_compile_at_their_import_is_stored_too():
    code = (
        "from jupyter_session.jupyter import compiled_patterns\nnoted = compiled_patterns.note()\n"
        "import argparse, json\nprint(len(noted) > 5, all(len(given) == 5 for given in noted.values()))\n"
    )
    environ = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ, check=False)
    assert done.stdout == "True True\n", done.stderr
