"""What is installed in an environment, told from the names of files alone: no package is imported."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jupyter_session.jupyter.packages import NOTEBOOKS

_LOG = logging.getLogger(__name__)
_SUFFIX = ".dist-info"
_LOCAL = "file://"
_LOST = "# Not to be had in another session: "


@dataclass(frozen=True, order=True)
class Installed:
    """One package. `was_requested`: it was asked for by name; `url`: where it came from if not from an index.

    `is_editable`: its code is there, and is imported from there.
    """

    name: str
    version: str
    was_requested: bool = False
    url: str = ""
    is_editable: bool = False

    def render(self, notebooks: Path) -> str:
        """Return the line of a requirements file that installs it, a comment if another session can't.

        A file in the notebook folder, which is elsewhere in the next session, is named by way of a variable that
        pip expands.
        """
        url = self.url
        if not url:
            return f"{self.name}=={self.version}"
        if url.startswith(_LOCAL):
            inside = f"{_LOCAL}{quote(str(notebooks))}/"
            if not url.startswith(inside):
                return f"{_LOST}{self.name}=={self.version}, from {url}"
            url = f"{_LOCAL}${{{NOTEBOOKS}}}/{url.removeprefix(inside)}"
        return f"-e {url}#egg={self.name}" if self.is_editable else f"{self.name} @ {url}"


def list_installed(folders: Iterable[Path]) -> list[Installed]:
    """Return the packages in folders of packages, by name."""
    found = []
    for folder in folders:
        for about in folder.glob(f"*{_SUFFIX}"):
            name, _, version = about.name.removesuffix(_SUFFIX).rpartition("-")
            if name and not name.startswith("~"):  # pip's name for one that it is about to remove
                requested = (about / "REQUESTED").exists()
                found.append(Installed(normalize_name(name), version, requested, *_read_origin(about)))
    return sorted(found)


def list_requirements(
    installed: Iterable[Installed], notebooks: Path, also: Iterable[str] = (), lost: Iterable[str] = ()
) -> list[str]:
    """Return the lines of a requirements file for what was asked for.

    `also` are lines for what is to be there, and `lost` what another session had of its own: they are added unless it
    is installed.
    """
    packages = list(installed)
    names = {package.name for package in packages}
    lines = [package.render(notebooks) for package in packages if package.was_requested]
    lines += [line for line in also if read_name(line) not in names]
    return lines + [_LOST + text for text in lost if read_name(text) not in names]


def put_folder_in(line: str, notebooks: str) -> str:
    """Return a line with the notebook folder in place of the variable."""
    return line.replace(f"${{{NOTEBOOKS}}}", quote(notebooks))


def read_requirements(text: str) -> list[str]:
    """Return the lines of a requirements file that name packages."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and (line.startswith("-e ") or not line.startswith(("#", "-")))]


def read_lost(text: str) -> list[str]:
    """Return what a list of requirements names as not to be had in another session."""
    return [line.removeprefix(_LOST) for line in text.splitlines() if line.startswith(_LOST)]


def read_name(requirement: str) -> str:
    """Return the name of the package that a line of a requirements file is about."""
    if requirement.startswith("-e "):
        return normalize_name(requirement.rpartition("#egg=")[2])
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return normalize_name(found[0]) if found else requirement


def normalize_name(name: str) -> str:
    """Return a package's name as indexes compare it: https://packaging.python.org/en/latest/specifications/name-normalization/."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _read_origin(about: Path) -> tuple[str, bool]:
    """Return where a package was installed from, if not from an index, and whether its code is imported from there.

    https://peps.python.org/pep-0610/.
    """
    try:
        origin = json.loads((about / "direct_url.json").read_text())
        vcs = origin.get("vcs_info")
        url = f"{vcs['vcs']}+{origin['url']}@{vcs['commit_id']}" if vcs else str(origin["url"])
        return url if url.isprintable() else "", bool(origin.get("dir_info", {}).get("editable"))
    except FileNotFoundError:
        return "", False
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _LOG.debug("can't read where a package came from: %s", error)
        return "", False
