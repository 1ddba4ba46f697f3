"""The Pythons that an image's base has, with what is installed into them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

#: Where images keep Pythons that aren't in their PATH: conda's environments, virtual environments.
_PLACES = (
    *("usr/bin", "usr/local/bin", "opt/*/bin", "opt/*/*/bin", "usr/local/*/bin"),
    *("opt/*/envs/*/bin", "usr/local/*/envs/*/bin"),
)
#: The folders that have environments, each under its name: conda's, and that of conda_environment.py.
_ENVIRONMENTS = ("envs", "environments")
#: What Apptainer keeps of the variables of an image from a registry.
_DOCKER = ".singularity.d/env/10-docker2singularity.sh"
_PATH = re.compile(r'^export PATH="?(?:\$\{PATH:-"?)?([^"}\n]*)', re.MULTILINE)
#: Every Python that was just installed has some of these.
_PLAIN = frozenset(("pip", "setuptools", "wheel"))
#: Prints what there is to know of the Python that runs it.
_ASK = """
import importlib.util, json, sys
try:
    from importlib import metadata
    names = sorted({str(found.metadata["Name"]).lower() for found in metadata.distributions()})
except ImportError:
    names = []
print(json.dumps([sys.version_info[:2], sys.prefix, names, importlib.util.find_spec("ipykernel") is not None]))
"""


@dataclass(frozen=True)
class BasePython:
    """A Python of the base; `packages` are the names of what is installed into it, in lower case."""

    path: Path
    prefix: Path
    version: tuple[int, int]
    packages: frozenset[str]
    has_kernel: bool
    is_conda: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is the distribution's, and nothing is installed into it: JupyterLab's own is then as good."""
        return self.prefix == Path("/usr") and not self.packages - _PLAIN

    @property
    def label(self) -> str:
        """What people know it by."""
        known = {Path("/usr"): "system", Path("/usr/local"): "base"}
        is_own = self.is_conda and self.prefix.parent.name not in _ENVIRONMENTS
        return known.get(self.prefix, "conda" if is_own else self.name)

    @property
    def name(self) -> str:
        """The last part of its prefix."""
        return self.prefix.name

    @property
    def title(self) -> str:
        """What JupyterLab shows."""
        return f"Python {self.version[0]}.{self.version[1]} ({self.label})"


def read_path(root: Path = Path("/")) -> list[str]:
    """Return the folders of the base's PATH: what its own settings say, or else what everybody's is."""
    try:
        found = _PATH.search((root / _DOCKER).read_text())
    except OSError:
        found = None
    return [folder for folder in (found[1] if found else os.defpath).split(":") if folder.startswith("/")]


def list_candidates(folders: Iterable[str], root: Path = Path("/")) -> list[Path]:
    """Return the interpreters in folders of the base's PATH, and then those where images keep them."""
    places = [root / folder.lstrip("/") for folder in folders]
    places += [folder for pattern in _PLACES for folder in sorted(root.glob(pattern))]
    found = (folder / name for folder in dict.fromkeys(places) for name in ("python3", "python"))
    return [path for path in found if path.is_file() and os.access(path, os.X_OK)]


def find_pythons(candidates: Iterable[Path]) -> list[BasePython]:
    """Return what the interpreters say of themselves, one of each prefix; JupyterLab's own isn't among them."""
    found: dict[Path, BasePython] = {}
    for each in _ask_all(candidates):
        if each.prefix != Path(sys.prefix):
            found.setdefault(each.prefix, each)
    return list(found.values())


def _ask_all(candidates: Iterable[Path]) -> Iterator[BasePython]:
    for path in candidates:
        try:
            done = subprocess.run(
                [path, "-I", "-c", _ASK], check=True, capture_output=True, text=True, cwd="/", timeout=60
            )
            version, prefix, names, has_kernel = json.loads(done.stdout)
        except (OSError, subprocess.SubprocessError, ValueError):
            continue  # Python 2, or one that doesn't run here
        folder = Path(prefix)
        yield BasePython(
            path, folder, (version[0], version[1]), frozenset(names), has_kernel, (folder / "conda-meta").is_dir()
        )
