"""xeus-python: a kernel that isn't ipykernel, as wheels for the Python of the image."""

from __future__ import annotations

import sys
from pathlib import Path

from testbed.artifacts import venv
from testbed.host import cache, commands

WHEELS = ("xeus-python==0.19.0", "xeus-python-shell==0.8.1")
PYTHON = "3.13"  # of debian:trixie


def build() -> cache.Entry:
    """Return the cache's entry that holds the wheels."""
    key = cache.key(cache.files_key([Path(__file__)], venv.CHECKOUT))
    return cache.get("xeus-python", key, _build, what="the wheels of xeus-python", takes="10 s")


def _build(partial: Path) -> None:
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "download",
        "--no-deps",
        "--only-binary",
        ":all:",
    ]
    pip += ["--python-version", PYTHON, "--cache-dir", str(cache.folder() / "pip"), "--dest", str(partial), *WHEELS]
    commands.run(pip, doing="downloading xeus-python", log=cache.log("xeus-python"), timeout=300)
