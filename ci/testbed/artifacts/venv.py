"""The Python environment of the tests: the dev tools, and what the two packages depend on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from testbed.host import cache, commands

CHECKOUT = Path(__file__).resolve().parents[3]
#: The two distributions; their own code is not installed but on PYTHONPATH, always as it is now.
PROJECTS = ("runtime", "submit")


def get() -> cache.Entry:
    """Return the cache's entry that is the environment, made if need be."""
    files = [CHECKOUT / "pyproject.toml", *(path / "pyproject.toml" for path in projects())]
    key = cache.key(cache.files_key(files, CHECKOUT), sys.version, sys.executable)
    return cache.get("venv", key, _build, what="the tests' Python environment", takes="1 minute")


def projects() -> list[Path]:
    """Return the folders of the distributions that are there."""
    found = [CHECKOUT / name for name in PROJECTS]
    return [path for path in found if (path / "pyproject.toml").exists()]


def environment(venv: Path) -> dict[str, str]:
    """Return the environment variables for a command in ``venv`` that sees the code as it is."""
    sources = [*(str(path / "src") for path in projects()), str(CHECKOUT / "submit/dag")]
    return {
        **os.environ,
        "VIRTUAL_ENV": str(venv),
        "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([*sources, str(CHECKOUT / "ci")]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _build(partial: Path) -> None:
    log = cache.log("venv")
    log.unlink(missing_ok=True)
    pip = [str(partial / "bin/python"), "-m", "pip", "--disable-pip-version-check"]
    install = [*pip, "install", "--cache-dir", str(cache.folder() / "pip")]
    dev = ["--group", f"{CHECKOUT / 'pyproject.toml'}:dev"]
    for command in (
        [sys.executable, "-m", "venv", str(partial)],
        [*install, "--upgrade", "pip"],  # --group came with pip 25.1
        [*install, *dev, *map(str, projects())],
        [*pip, "uninstall", "--yes", "jupyter_session", "chtc_jupyter"],
    ):
        commands.run(command, doing="making the tests' environment", log=log, timeout=900)
    for script in (partial / "bin").iterdir():  # they name the path that the environment had
        if script.is_file() and not script.is_symlink():
            script.write_bytes(
                script.read_bytes().replace(str(partial).encode(), str(partial.with_suffix("")).encode())
            )
