"""Output that can't be written costs no session: a disk that is full, and files that are closed."""

import os
import subprocess
import sys

import pytest

from jupyter_session import output

WAYS = {"full": ">/dev/full 2>&1", "no error file": ">/dev/null 2>&-", "none": ">&- 2>&-", "both": ">/dev/full 2>&-"}


def run(code, way):
    environ = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(["sh", "-c", f'exec "$0" -c "$1" {way}', sys.executable, code], env=environ, check=False)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_cannot_be_written_raises_nothing_and_leaves_the_exit_status_as_it_is(way):
    code = """
from jupyter_session import output
output.open_closed()
try:
    1/0
except ZeroDivisionError:
    output.write_traceback()
output.write_line("ready")
output.write_line("problem", to_stderr=True)
output.flush()
raise SystemExit(7)
"""
    assert run(code, way).returncode == 7


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_session_is_watched_and_its_status_is_written_all_the_same(way):
    code = """
import sys
from jupyter_session import output
output.open_closed()
from jupyter_session.condor.attributes import End, State
from jupyter_session.session import watchdog
from jupyter_session.session.status import SessionStatus
from jupyter_session.session.status_reporter import JobOutput, StatusReporter
print("in the buffer")
import tempfile
from pathlib import Path
from jupyter_session.settings import resolve
from jupyter_session.state_dir import StateDir
status = 0
with tempfile.TemporaryDirectory() as folder:
    state = StateDir(Path(folder), in_job=False)
    watchdog.fork(state, watchdog.Remains(resolve({}, {}, {}), None, state, publishes=False, started=0.0).write())
    reporter = StatusReporter(SessionStatus(), [JobOutput()])
    reporter.enter(State.READY, "ready")
    reporter.enter(State.STOPPING, "why", end=End.FAILED)
    status = 7
output.flush()
sys.exit(status)
"""
    assert run(code, way).returncode == 7


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_exit_status_of_a_command_is_that_of_its_error_whatever_becomes_of_the_sentence(way):
    assert run("import sys; from jupyter_session.cli import main; sys.exit(main(['nonsense']))", way).returncode == 2


def test_a_traceback_is_in_the_error_file(capsys):
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        output.write_traceback()
    output.write_line("a", "b")
    told = capsys.readouterr()
    assert (told.out, told.err.splitlines()[-1]) == ("a b\n", "ZeroDivisionError: division by zero")
