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

PLACE = "/opt/chtc-jupyter"
_COMMAND = f"""#!/usr/bin/python3
import sys
sys.path.insert(0, {PLACE!r})
from chtc_jupyter.cli import main
main()
"""


def build() -> cache.Entry:
    """Return the cache's entry that holds ``packages.zip``: the launcher and what it depends on."""
    submit = venv.CHECKOUT / "submit"
    sources = [
        submit / "pyproject.toml",
        *(
            path
            for folder in ("src", "dag/chtc_condor")
            for path in (submit / folder).rglob("*")
            if path.suffix != ".pyc" and path.is_file()
        ),
    ]
    key = cache.key(cache.files_key(sources, venv.CHECKOUT), sys.version)
    return cache.get("launcher", key, _build, what="chtc-jupyter", takes="15 s")


def place(pool: Pool, host: str) -> None:
    """Install the command on a host, unless it is there already."""
    entry = build()
    with pool.placing(host, "launcher", entry.path.name) as needed:
        if needed:
            archive = f"/tmp/{entry.path.name}.zip"  # noqa: S108 - a host of the pool, by its root
            pool.copy(host, entry.path / "packages.zip", archive)
            pool.exec(host, ["rm", "-rf", PLACE], check=True)
            for arguments in (["zipfile", "-e", archive, PLACE], ["compileall", "-q", PLACE]):
                pool.exec(host, ["python3", "-m", *arguments], check=True)
            pool.put(host, "/usr/local/bin/chtc-jupyter", _COMMAND.encode(), mode=0o755)
    os.close(entry.lock)


def _build(partial: Path) -> None:
    log = cache.log("launcher")
    log.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=partial) as scratch:
        python, folder = sys.executable, f"{scratch}/packages"
        steps = []
        if importlib.util.find_spec("pip") is None:  # Debian's Python has none
            python = f"{scratch}/venv/bin/python"
            steps.append([sys.executable, "-m", "venv", f"{scratch}/venv"])
        pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--no-compile"]
        pip += ["--cache-dir", str(cache.folder() / "pip"), "--target", folder, str(venv.CHECKOUT / "submit")]
        for command in (*steps, pip):
            commands.run(command, doing="installing chtc-jupyter", log=log, timeout=600)
        shutil.make_archive(str(partial / "packages"), "zip", folder)
