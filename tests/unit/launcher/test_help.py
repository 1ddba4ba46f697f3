"""What the launcher says of itself."""

import re

import pytest
import typer.main
from typer.testing import CliRunner

from chtc_jupyter.cli import app

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
