"""The laptop's side needs nothing that Windows lacks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

#: Imports all of it, and runs the unit tests that it is given, with the POSIX-only modules out of reach.
RUN = """
import pkgutil, sys, pytest
for name in ("fcntl", "termios", "pty", "pwd", "resource", "grp", "tty"):
    sys.modules[name] = None
import chtc_condor, chtc_jupyter
for module in pkgutil.walk_packages(chtc_jupyter.__path__, "chtc_jupyter."):
    if module.name != "chtc_jupyter.__main__":
        __import__(module.name)
if sys.argv[1:]:
    class Patient:
        def pytest_configure(self):
            from hypothesis import settings
            settings.register_profile("patient", deadline=None)
            settings.load_profile("patient")
    argv = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--noconftest", *sys.argv[1:]]
    sys.exit(pytest.main(argv, [Patient()]))
"""
HERE = Path(__file__)


def run_without_posix(*tests):
    path = os.pathsep.join(str(HERE.parents[3] / folder) for folder in ("submit/src", "submit/dag"))
    done = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, tests)],
        capture_output=True, text=True, check=False, timeout=200, cwd=HERE.parents[3],
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_laptop_side_is_imported_without_posix_modules():
    run_without_posix()


@pytest.mark.slow
def test_laptop_side_works_without_posix_modules():
    tests = [path for path in sorted(HERE.parent.glob("test_*.py")) if path != HERE and "agent" not in path.name]
    assert len(tests) > 4
    run_without_posix(*tests)
