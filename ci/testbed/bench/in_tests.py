"""Run a script of a bench in the tests' Python environment, with the code that tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from testbed.artifacts import venv
from testbed.host.errors import UserError


def run(script: Path, failed: str) -> int:
    """Return the script's exit status, 0 or 1. Raises UserError with what `failed` if it has another."""
    entry = venv.get()
    environment = venv.environment(entry.path)
    environment["PYTHONPATH"] += os.pathsep + str(venv.CHECKOUT / "tests")
    ran = subprocess.run([str(entry.path / "bin/python"), str(script)], env=environment, check=False)
    os.close(entry.lock)
    if ran.returncode not in (0, 1):
        raise UserError(f"{failed}: see what {sys.executable} printed above.")
    return ran.returncode
