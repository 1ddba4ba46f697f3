"""What the test bed says when a command fails: one sentence that tells what to do."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.host import commands, errors

LOG = Path("/var/log/step.log")


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("E: You don't have enough free space in /var/cache/apt/archives/.", "the disk with"),
        ("tar: write error: No space left on device", "JUPYTER_CI_CACHE"),
        ("W: Temporary failure resolving 'mirror.example'", "the network did not answer"),
        ("Could not connect to mirror.example:80", "check it, and run this again"),
        ("FATAL: the image is odd", "failed with status 3: FATAL: the image is odd"),
    ],
)
def test_the_reason_is_found_in_the_output(line, advice):
    problem = commands.diagnose("the step", 3, ["first\n", f"{line}\n", "\n"], LOG)
    assert advice in str(problem)
    assert "\n" not in str(problem)


def test_a_full_disk_goes_before_the_fetch_that_failed_because_of_it():
    lines = ["E: Failed to fetch x", "No space left on device"]
    assert "is full" in str(commands.diagnose("the step", 100, lines, LOG))


def test_a_full_disk_of_the_program_itself_is_told_likewise():
    problem = errors.from_os_error(OSError(errno.ENOSPC, "No space left on device", "/cache/x"))
    assert problem is not None
    assert "/cache/x is full" in str(problem)


@pytest.mark.parametrize(
    ("statement", "status", "said"),
    [
        ("raise errors.UserError('the sun is down: wait.')", 1, "ci/x: the sun is down: wait.\n"),
        ("os.kill(os.getpid(), signal.SIGTERM)", 143, ""),
        ("sys.exit(4)", 4, ""),
    ],
)
def test_a_program_ends_with_a_sentence_and_no_traceback(statement, status, said):
    code = (
        "import os, signal, sys\nfrom testbed.host import errors\n"
        f"def run():\n    {statement}\n    return 0\nerrors.exit_with('ci/x', run)"
    )
    ci = str(Path(errors.__file__).parents[2])
    ran = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": ci}, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (status, said)
