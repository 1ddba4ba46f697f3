"""The command chtc-jupyter on a host of the pool, installed with all it needs as a user would install it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from testbed.artifacts import venv
from testbed.host import cache, commands

if TYPE_CHECKING:
    from testbed.pool.pool import Pool

COMMAND = "chtc-jupyter"
PLACE = f"/opt/{COMMAND}"
_COMMAND = """#!/usr/bin/python3
import sys
sys.path.insert(0, {place!r})
from chtc_jupyter.cli import main
main()
"""


def build(checkout: Path = venv.CHECKOUT) -> cache.Entry:
    """Return the cache's entry that holds ``packages.zip``: the launcher of a checkout, and what it depends on."""
    submit = checkout / "submit"
    sources = [
        submit / "pyproject.toml",
        *(
            path
            for folder in ("src", "dag/chtc_condor")
            for path in (submit / folder).rglob("*")
            if path.suffix != ".pyc" and path.is_file()
        ),
    ]
    key = cache.key(cache.files_key(sources, checkout), sys.version)
    return cache.get("launcher", key, lambda partial: _build(partial, submit), what="chtc-jupyter", takes="15 s")


def place(pool: Pool, host: str, *, checkout: Path = venv.CHECKOUT, command: str = COMMAND) -> None:
    """Install the command of a checkout on a host under a name, unless it is there already."""
    entry = build(checkout)
    with pool.placing(host, command, entry.path.name) as needed:
        if needed:
            place = f"/opt/{command}"
            archive = f"/tmp/{entry.path.name}.zip"  # noqa: S108 - a host of the pool, by its root
            pool.copy(host, entry.path / "packages.zip", archive)
            pool.exec(host, ["rm", "-rf", place], check=True)
            for arguments in (["zipfile", "-e", archive, place], ["compileall", "-q", place]):
                pool.exec(host, ["python3", "-m", *arguments], check=True)
            pool.put(host, f"/usr/local/bin/{command}", _COMMAND.format(place=place).encode(), mode=0o755)
    os.close(entry.lock)


def _build(partial: Path, submit: Path) -> None:
    log = cache.log("launcher")
    log.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=partial) as scratch:
        python, folder = sys.executable, f"{scratch}/packages"
        steps = []
        if importlib.util.find_spec("pip") is None:  # Debian's Python has none
            python = f"{scratch}/venv/bin/python"
            steps.append([sys.executable, "-m", "venv", f"{scratch}/venv"])
        pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--no-compile"]
        pip += ["--cache-dir", str(cache.folder() / "pip"), "--target", folder, str(submit)]
        for command in (*steps, pip):
            commands.run(command, doing="installing chtc-jupyter", log=log, timeout=600)
        shutil.make_archive(str(partial / "packages"), "zip", folder)
