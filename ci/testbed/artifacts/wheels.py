"""Packages as wheels for the image's Python, with all that they need unless the image has it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from testbed.artifacts import venv
from testbed.host import cache, commands

PYTHON = "3.13"  # of debian:trixie


@dataclass(frozen=True)
class Wheels:
    """Some packages; `has_needs` is whether what they need comes with them."""

    name: str
    packages: tuple[str, ...]
    has_needs: bool = True

    def build(self) -> cache.Entry:
        """Return the cache's entry that holds them."""
        key = cache.key(cache.files_key([Path(__file__)], venv.CHECKOUT), self.name)
        return cache.get(f"wheels-{self.name}", key, self._download, what=f"the wheels of {self.name}", takes="30 s")

    def _download(self, partial: Path) -> None:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--only-binary", ":all:"]
        pip += [] if self.has_needs else ["--no-deps"]
        pip += ["--python-version", PYTHON, "--cache-dir", str(cache.folder() / "pip"), "--dest", str(partial)]
        argv = [*pip, *self.packages]
        commands.run(argv, doing=f"downloading {self.name}", log=cache.log(self.name), timeout=600)


#: 330 MB of compiled packages.
SCIENTIFIC = Wheels(
    "scientific", ("numpy==2.3.5", "scipy==1.16.3", "pandas==2.3.3", "scikit-learn==1.7.2", "matplotlib==3.10.7")
)
#: Those of notebooks, and a progress bar that is one.
WIDGETS = Wheels("widgets", ("ipywidgets==8.1.8", "tqdm==4.67.1"))
#: A kernel that isn't ipykernel.
XEUS_PYTHON = Wheels("xeus-python", ("xeus-python==0.19.0", "xeus-python-shell==0.8.1"), has_needs=False)
