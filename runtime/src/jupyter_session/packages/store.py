"""What the notebook folder keeps of an environment: its archive, and the list of what was asked for."""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sysconfig
from collections.abc import Callable, Container
from pathlib import Path

from jupyter_session.files import write_atomically
from jupyter_session.jupyter.packages import Environment
from jupyter_session.packages import archive, relocation
from jupyter_session.packages.errors import ArchiveError, ChangedArchivingError
from jupyter_session.packages.installed import list_installed, list_requirements, read_requirements
from jupyter_session.packages.names import REQUIREMENTS, UNFINISHED, name_archive
from jupyter_session.transfer import own_folder

_LOG = logging.getLogger(__name__)
_HEAD = """\
# What pip was asked to install in this folder's sessions. For a Python or a machine that has no archive beside this
# file, the next session installs it anew. `jupyter-session packages` shows it.
"""
Version = tuple[tuple[str, int], ...]


class Store:
    """The archive and the list of `environment`, for the notebook folder."""

    def __init__(self, notebooks: Path, environment: Environment) -> None:
        self._notebooks = notebooks
        self._environment = environment
        self._folder = notebooks / own_folder.NAME
        self._image = _mark_image()

    @property
    def archive(self) -> Path:
        """The archive, which may not exist."""
        return self._folder / name_archive()

    @property
    def requirements(self) -> Path:
        """The list of what was asked for, which may not exist."""
        return self._folder / REQUIREMENTS

    def read_wanted(self) -> list[str]:
        """Return the lines of the list."""
        try:
            return read_requirements(self.requirements.read_text(errors="replace"))
        except OSError as error:
            _LOG.debug("there is no list of packages: %s", error)
            return []

    def read_version(self) -> Version:
        """Return what changes when something is installed or removed."""
        own = {Path(path).name for path in self._environment.own_paths}
        folders = (*self._environment.package_folders, *self._environment.command_folders)
        return tuple(sorted(entry for folder in folders for entry in _list_entries(folder, own)))

    def unpack(self, give_up: Callable[[], bool]) -> bool:
        """Unpack the archive; return whether the image has the same packages as then. Raises ArchiveError.

        Nothing of it is left if that fails.
        """
        try:
            archive.unpack(self.archive, self._environment.root, give_up=give_up)
            return relocation.relocate(self._environment.root, self._places).image == self._image
        except ArchiveError:
            try:
                self._environment.clear()
            except OSError as error:
                _LOG.warning("the environment can't be made anew: %s", error)
            raise

    def pack(self, before: Version, wanted: list[str], give_up: Callable[[], bool]) -> None:
        """Replace the archive and the list; `wanted` are lines to keep in it. Raises ArchiveError: the old ones stay.

        `before` is the version that is to be packed.
        """
        try:
            unfinished = own_folder.ensure(self._notebooks) / UNFINISHED
            relocation.write_origin(self._environment.root, self._places, self._image)
            archive.pack(self._environment.root, unfinished, leave_out=self._environment.own_paths, give_up=give_up)
            if self.read_version() != before:
                unfinished.unlink()
                raise ChangedArchivingError("something was installed meanwhile")
            unfinished.replace(self.archive)
            lines = list_requirements(list_installed(self._environment.package_folders), wanted)
            write_atomically(self.requirements, _HEAD + "".join(f"{line}\n" for line in lines))
        except OSError as error:
            raise archive.explain(error) from None
        except subprocess.SubprocessError as error:
            raise ArchiveError(str(error)) from None

    def clean_up(self) -> None:
        """Remove an archive that was not finished."""
        try:
            (self._folder / UNFINISHED).unlink(missing_ok=True)
        except OSError as error:
            _LOG.debug("an unfinished archive stays: %s", error)

    @property
    def _places(self) -> tuple[Path, Path]:
        """The folders that another session has elsewhere, the inner one first."""
        return self._environment.root, self._notebooks


def _list_entries(folder: Path, own: Container[str]) -> list[tuple[str, int]]:
    try:
        with os.scandir(folder) as entries:
            others = [entry for entry in entries if entry.name not in own and entry.name != "__pycache__"]
            return [(entry.path, _read_time(entry)) for entry in others]
    except OSError as error:  # pip hasn't installed anything there
        _LOG.debug("can't look into a folder of packages: %s", error)
        return []


def _read_time(entry: os.DirEntry[str]) -> int:
    return entry.stat(follow_symlinks=False).st_mtime_ns if entry.name.endswith((".dist-info", ".pth")) else 0


def _mark_image() -> str:
    """Return a mark of the packages that the image has: what was installed over others may lack something here."""
    try:
        names = sorted(
            path.name for path in Path(sysconfig.get_path("purelib")).iterdir() if path.suffix == ".dist-info"
        )
    except OSError as error:
        _LOG.debug("can't list the image's packages: %s", error)
        names = []
    return hashlib.blake2b("\n".join(names).encode(), digest_size=8).hexdigest()
