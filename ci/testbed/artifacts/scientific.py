"""numpy, scipy, pandas, scikit-learn, and matplotlib: 330 MB of compiled packages, as wheels for the image's Python."""

from __future__ import annotations

import sys
from pathlib import Path

from testbed.artifacts import venv
from testbed.artifacts.xeus_python import PYTHON
from testbed.host import cache, commands

PACKAGES = ("numpy==2.3.5", "scipy==1.16.3", "pandas==2.3.3", "scikit-learn==1.7.2", "matplotlib==3.10.7")


def build() -> cache.Entry:
    """Return the cache's entry that holds the wheels, with all that they need."""
    key = cache.key(cache.files_key([Path(__file__)], venv.CHECKOUT))
    return cache.get("scientific", key, _build, what="the wheels of scientific packages", takes="30 s")


def _build(partial: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--only-binary", ":all:"]
    pip += ["--python-version", PYTHON, "--cache-dir", str(cache.folder() / "pip"), "--dest", str(partial), *PACKAGES]
    commands.run(pip, doing="downloading scientific packages", log=cache.log("scientific"), timeout=600)
