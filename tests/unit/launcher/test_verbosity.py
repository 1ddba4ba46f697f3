"""-v and -vv: before the verb and after it, and never with a token."""

import logging

import pytest
from typer.testing import CliRunner

from chtc_jupyter import verbosity
from chtc_jupyter.cli import app


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    """Start without -v, and leave the logger as it was."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(verbosity, "_count", 0)
    logger = logging.getLogger(verbosity.ROOT)
    handlers, level = list(logger.handlers), logger.level
    yield
    logger.handlers[:], logger.level = handlers, level
    logger.setLevel(level)


@pytest.mark.parametrize(
    ("argv", "level"),
    [
        (["url", "none"], logging.NOTSET),
        (["-v", "url", "none"], logging.INFO),
        (["url", "-v", "none"], logging.INFO),
        (["-v", "url", "-v", "none"], logging.DEBUG),
        (["url", "none", "-vv"], logging.DEBUG),
        (["-vvv", "url", "none"], logging.DEBUG),
    ],
)
def test_option_may_stand_before_and_after_the_verb(argv, level):
    CliRunner().invoke(app, argv)
    assert logging.getLogger(verbosity.ROOT).level == level


def test_lines_go_to_standard_error_once_and_have_no_token(capsys):
    verbosity.add(1)
    verbosity.add(1)
    logger = logging.getLogger("chtc_jupyter.session")
    logger.info("GET http://127.0.0.1:1/lab?token=%s and more", "s3cret-s3cret_s3cret")
    logger.debug("a header: Authorization: token s3cret-s3cret_s3cret")
    logger.debug('{"token": "s3cret-s3cret_s3cret"}')
    logger.debug("Where:", exc_info=ValueError("token=s3cret-s3cret_s3cret"))
    out, err = capsys.readouterr()
    assert out == ""
    assert "s3cret" not in err
    assert err.count("/lab?token=...") == 1
    assert "INFO chtc_jupyter.session" in err
