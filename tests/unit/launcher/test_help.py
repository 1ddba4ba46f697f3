"""What the launcher says of itself."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

import chtc_condor
import chtc_jupyter
from chtc_jupyter.cli import app

#: Imports all of the launcher, and prints the help of every verb.
PRINT_ALL = """
import importlib, pkgutil, typer.main
import chtc_jupyter
from chtc_jupyter.cli import app
from typer.testing import CliRunner
for module in pkgutil.walk_packages(chtc_jupyter.__path__, "chtc_jupyter."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
for verb in typer.main.get_command(app).commands:
    done = CliRunner().invoke(app, [verb, "--help"])
    assert done.exit_code == 0, (verb, done)
    print(done.stdout)
"""
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


@pytest.mark.parametrize("python", ["python3.10", "python3.11", "python3.12", "python3.13", "python3.14"])
def test_help_is_printed_by_every_python(python):
    program = sys.executable if python == f"python{sys.version_info.major}.{sys.version_info.minor}" else python
    missing = "tomli" if python == "python3.10" else "sys"
    folders = [*(str(Path(package.__file__).parents[1]) for package in (chtc_jupyter, chtc_condor))]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([*folders, sysconfig.get_path("purelib")])}
    if (
        not shutil.which(program)
        or subprocess.run([program, "-c", f"import {missing}"], check=False, capture_output=True, env=env).returncode
    ):
        pytest.skip(f"there is no {python} with {missing} here")
    done = subprocess.run([program, "-c", PRINT_ALL], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--prometheus" in done.stdout
