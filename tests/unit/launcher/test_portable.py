"""The laptop's side needs nothing that Windows lacks."""

import os
import subprocess
import sys
from pathlib import Path

#: Imports all of it, and runs its unit tests, with the POSIX-only modules out of reach.
RUN = """
import pkgutil, sys, pytest
for name in ("fcntl", "termios", "pty", "pwd", "resource", "grp", "tty"):
    sys.modules[name] = None
import chtc_condor, chtc_jupyter
for module in pkgutil.walk_packages(chtc_jupyter.__path__, "chtc_jupyter."):
    if module.name != "chtc_jupyter.__main__":
        __import__(module.name)
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--noconftest", *sys.argv[1:]]))
"""


def test_laptop_side_is_imported_and_tested_without_posix_modules():
    here = Path(__file__)
    tests = [path for path in here.parent.glob("test_*.py") if path != here and "agent" not in path.name]
    assert len(tests) > 4
    path = os.pathsep.join(str(here.parents[3] / folder) for folder in ("submit/src", "submit/dag"))
    done = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, sorted(tests))],
        capture_output=True, text=True, check=False, timeout=200, cwd=here.parents[3],
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
