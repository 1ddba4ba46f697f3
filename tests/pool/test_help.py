"""`--help` of every verb of both programs, on each Python that they run on, and of the image."""

import json
import os
import subprocess
import sys

import pytest
import typer.main

from chtc_jupyter.cli import app
from jupyter_session import cli
from support.hosts import ROOT, SHARED_IMAGE, place_image
from testbed.artifacts import launcher

LAUNCHER_VERBS = sorted(typer.main.get_command(app).commands)
SESSION_VERBS = sorted(cli._VERBS)
#: Prints each verb whose help can't be had, and this Python's version.
SHOW = """
import contextlib, importlib, io, json, sys
main = importlib.import_module(sys.argv[1]).main
failed = {}
for verb in ["", *sys.argv[2:]]:
    sys.argv[1:] = [*verb.split(), "--help"]
    shown = io.StringIO()
    try:
        with contextlib.redirect_stdout(shown):
            status = main()
    except SystemExit as end:
        status = end.code
    except Exception as error:
        status = repr(error)
    if status or "--help" not in shown.getvalue():
        failed[verb] = [str(status), shown.getvalue()]
print(json.dumps([sys.version_info[:2], failed]))
"""
LAUNCHER = (SHOW, "chtc_jupyter.cli", *LAUNCHER_VERBS)
SESSION = (SHOW, "jupyter_session.cli", *SESSION_VERBS)
SOURCES = "/srv/runtime/src"


@pytest.fixture
def laptop(pool):
    """Return a runner of commands on the laptop, which has the image, the launcher, and the session's sources."""
    place_image(pool, "laptop")
    launcher.place(pool, "laptop")
    with pool.placing("laptop", "sources", "1") as needed:
        for path in (ROOT / "runtime/src").rglob("*.py") if needed else ():
            pool.copy("laptop", path, f"{SOURCES}/{path.relative_to(ROOT / 'runtime/src')}")
    return lambda *argv, **options: pool.exec("laptop", argv, user="alice", check=True, **options).stdout


def in_image(*argv):
    return ("apptainer", "-q", "exec", "--bind", launcher.PLACE, SHARED_IMAGE, *argv)


def assert_help(said, *version):
    found, failed = json.loads(said)
    assert not failed
    assert tuple(found) >= version
    return tuple(found)


def test_help_on_this_machines_python():
    for words in (LAUNCHER, SESSION):
        done = subprocess.run(
            [sys.executable, "-c", *words], capture_output=True, text=True, check=False, env=os.environ
        )
        assert done.returncode == 0, done.stderr
        assert_help(done.stdout, 3, 10)


def test_help_on_the_images_python(laptop):
    assert_help(laptop(*in_image("/opt/jupyter/bin/python", "-c", *SESSION)), 3, 13)
    bound = {"APPTAINERENV_PYTHONPATH": launcher.PLACE}
    assert_help(laptop(*in_image("/opt/jupyter/bin/python", "-c", *LAUNCHER), env=bound), 3, 13)


def test_help_on_the_newest_python_of_debian(laptop):
    assert_help(laptop("python3", "-c", *LAUNCHER, env={"PYTHONPATH": launcher.PLACE}), 3, 14)
    assert_help(laptop("python3", "-c", *SESSION, env={"PYTHONPATH": SOURCES}), 3, 14)


def test_help_of_the_image(laptop):
    said = laptop("apptainer", "-q", "run", SHARED_IMAGE, "--help")
    assert said.startswith("usage: jupyter-session run")
    assert "--idle-timeout" in said
