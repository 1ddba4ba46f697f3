"""What the launcher says of itself: its help, and its page."""

import re
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from chtc_jupyter import errors
from chtc_jupyter.cli import app

PAGE = (Path(__file__).parents[3] / "submit/README.md").read_text()
VERBS = typer.main.get_command(app).commands


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_fits_eighty_columns_and_explains_every_argument(verb):
    words = ["--help"] if not verb else [verb, "--help"]
    done = CliRunner(env={"COLUMNS": "80", "TERM": "dumb"}).invoke(app, words)
    assert done.exit_code == 0
    assert max(map(len, done.stdout.splitlines())) <= 80
    shown = re.sub(r"[\s│]+", " ", done.stdout)
    for parameter in VERBS[verb].params if verb else ():
        assert parameter.help.split()[0] in shown, parameter.name


def test_page_has_every_verb_and_every_exit_status():
    told = re.findall(r"^\| `([a-z-]+)", PAGE, re.MULTILINE)
    assert told == [name for name, verb in VERBS.items() if not verb.hidden]
    assert re.findall(r"^\| (\d+) \| (.*) \|$", PAGE, re.MULTILINE) == [
        (str(code), meaning) for code, meaning in errors.table()
    ]
