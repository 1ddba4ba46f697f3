"""The command line: every verb explains itself, and an error is one sentence."""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import jupyter_session
from jupyter_session import settings
from jupyter_session.cli import main, make_parser

#: Prints the help of every verb; argparse validates help texts in Python 3.13 and 3.14 differently.
PRINT_ALL = """
import argparse
from jupyter_session.cli import make_parser
parser = make_parser()
print(parser.format_help())
for action in parser._actions:
    if isinstance(action, argparse._SubParsersAction):
        for verb in action.choices.values():
            print(verb.format_help())
"""


def verbs():
    (found,) = (action for action in make_parser()._actions if isinstance(action, argparse._SubParsersAction))
    return found.choices


@pytest.mark.parametrize("verb", sorted(verbs()))
def test_every_verb_has_help(verb, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    with pytest.raises(SystemExit) as caught:
        main([verb, "--help"])
    assert caught.value.code == 0
    assert verbs()[verb].description in " ".join(capsys.readouterr().out.split())


def test_help_of_run_shows_every_setting_as_it_is():
    text = " ".join(verbs()["run"].format_help().split())
    for setting in settings.TABLE:
        assert f"{setting.flag} {setting.metavar}" in text
    assert "(default: 97%)" in text


@pytest.mark.parametrize("python", ["python3.11", "python3.12", "python3.13", "python3.14"])
def test_help_is_printed_by_every_python(python):
    program = sys.executable if python == f"python{sys.version_info.major}.{sys.version_info.minor}" else python
    if not shutil.which(program) or subprocess.run([program, "-c", ""], check=False, capture_output=True).returncode:
        pytest.skip(f"there is no {python} here")
    path = {"PYTHONPATH": str(Path(jupyter_session.__file__).parents[1])}
    done = subprocess.run([program, "-c", PRINT_ALL], env=path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "97%" in done.stdout


@pytest.mark.parametrize("verb", sorted(verbs()))
def test_every_verb_takes_v(verb):
    arguments = {"extend": ["2h"], "sshd": ["ssh-ed25519", "AAAA"]}.get(verb, [])
    assert make_parser().parse_args([verb, "-vv", *arguments]).verbose == 2


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "jupyter-session: The following arguments are required: VERB. See `jupyter-session --help`.\n"),
        (["extend"], "jupyter-session: The following arguments are required: DURATION. See `jupyter-session extend"),
        (["hold"], "jupyter-session: Argument VERB: invalid choice: 'hold'"),
    ],
)
def test_a_wrong_argument_is_one_sentence(argv, message, capsys):
    assert main(argv) == 2
    assert capsys.readouterr().err.startswith(message)
