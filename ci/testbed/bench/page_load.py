"""Measure how long JupyterLab's page takes in Chromium on a slow line, beside plain JupyterLab, and its bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from testbed.artifacts import venv
from testbed.host.errors import UserError

INSIDE = Path(__file__).with_name("page_load_inside.py")


def main() -> int:
    """Run the measurement in the tests' Python environment, which has Playwright; return 1 if a limit is exceeded."""
    entry = venv.get()
    environment = venv.environment(entry.path)
    environment["PYTHONPATH"] += os.pathsep + str(venv.CHECKOUT / "tests")
    ran = subprocess.run([str(entry.path / "bin/python"), str(INSIDE)], env=environment, check=False)
    os.close(entry.lock)
    if ran.returncode not in (0, 1):
        raise UserError(f"the page could not be measured: see what {sys.executable} printed above.")
    return ran.returncode
