"""What is installed in an environment, told from the names of files alone: no package is imported."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_LOG = logging.getLogger(__name__)
_SUFFIX = ".dist-info"


@dataclass(frozen=True, order=True)
class Installed:
    """One package. `was_requested`: it was asked for by name; `url`: where it came from if not from an index."""

    name: str
    version: str
    was_requested: bool = False
    url: str = ""

    @property
    def requirement(self) -> str:
        """The line of a requirements file that installs it."""
        return f"{self.name} @ {self.url}" if self.url else f"{self.name}=={self.version}"


def list_installed(folders: Iterable[Path]) -> list[Installed]:
    """Return the packages in folders of packages, by name."""
    found = []
    for folder in folders:
        for about in folder.glob(f"*{_SUFFIX}"):
            name, _, version = about.name.removesuffix(_SUFFIX).rpartition("-")
            if name and not name.startswith("~"):  # pip's name for one that it is about to remove
                requested = (about / "REQUESTED").exists()
                found.append(Installed(normalize_name(name), version, requested, _read_url(about)))
    return sorted(found)


def list_requirements(installed: Iterable[Installed], also: Iterable[str] = ()) -> list[str]:
    """Return the lines of a requirements file for what was asked for, and `also` those lines for what isn't there."""
    packages = list(installed)
    names = {package.name for package in packages}
    lines = [package.requirement for package in packages if package.was_requested]
    return lines + [line for line in also if read_name(line) not in names]


def read_requirements(text: str) -> list[str]:
    """Return the lines of a requirements file that name packages."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(("#", "-"))]


def read_name(requirement: str) -> str:
    """Return the name of the package that a line of a requirements file is about."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return normalize_name(found[0]) if found else requirement


def normalize_name(name: str) -> str:
    """Return a package's name as indexes compare it: https://packaging.python.org/en/latest/specifications/name-normalization/."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _read_url(about: Path) -> str:
    """Return where a package was installed from, if not from an index. https://peps.python.org/pep-0610/."""
    try:
        origin = json.loads((about / "direct_url.json").read_text())
        vcs = origin.get("vcs_info")
        return f"{vcs['vcs']}+{origin['url']}@{vcs['commit_id']}" if vcs else str(origin["url"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _LOG.debug("can't read where a package came from: %s", error)
        return ""
