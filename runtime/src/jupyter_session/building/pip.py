"""Run the pip of JupyterLab's Python, for itself or for another Python, which need not have one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

#: The folder of the files with pinned packages.
BESIDE = Path(__file__).parent
_PIP = (sys.executable, "-I", "-m", "pip", "--disable-pip-version-check")
#: The `sitecustomize` of another Python while pip runs in it. Debian's may lack distutils, which pip goes by in
#: all Pythons before 3.10, and in Debian's before 3.12 (`_should_use_sysconfig` in pip).
_WITHOUT_DISTUTILS = "import sysconfig\nsysconfig._PIP_USE_SYSCONFIG = True\n"


def install(*argv: str | Path, python: Path | None = None) -> None:
    """Install what the arguments of `pip install` say. Raises subprocess.CalledProcessError if that fails."""
    _run("install", "--quiet", *argv, python=python)


def plan(*requirements: str, python: Path) -> list[str]:
    """Return what another Python lacks of the requirements, as NAME==VERSION: what it has counts if it is new enough.

    Raises subprocess.CalledProcessError if that can't be found out.
    """
    report: dict[str, Any] = json.loads(
        _run("install", "--quiet", "--dry-run", "--report", "-", *requirements, python=python, reads=True)
    )
    found = [entry["metadata"] for entry in report["install"]]
    return [f"{each['name']}=={each['version']}" for each in found]


def _run(*argv: str | Path, python: Path | None, reads: bool = False) -> str:
    environment = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore", "PIP_BREAK_SYSTEM_PACKAGES": "1"}
    begin: tuple[str | Path, ...] = (*_PIP, "--python", python) if python else _PIP
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "sitecustomize.py").write_text(_WITHOUT_DISTUTILS)
        environment["PYTHONPATH"] = folder  # our own pip runs isolated, and doesn't see it
        output = subprocess.PIPE if reads else None
        return subprocess.run([*begin, *argv], check=True, stdout=output, text=True, env=environment).stdout or ""
