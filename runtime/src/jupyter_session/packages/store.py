"""What the notebook folder keeps of an environment: its archive, and the list of what was asked for."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sysconfig
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jupyter_session.files import write_atomically
from jupyter_session.jupyter.packages import NOTEBOOKS, Environment
from jupyter_session.packages import archive, relocation
from jupyter_session.packages.errors import ArchiveError, ChangedArchivingError
from jupyter_session.packages.installed import (
    list_installed,
    list_requirements,
    read_lost,
    read_requirements,
)
from jupyter_session.packages.installers import read_places
from jupyter_session.packages.names import ARCHIVES, REQUIREMENTS, UNFINISHED, name_archive
from jupyter_session.packages.relocation import Version
from jupyter_session.transfer import own_folder

_LOG = logging.getLogger(__name__)
_HEAD = """\
# What pip was asked to install in this folder's sessions. For a Python or a machine that has no archive beside this
# file, the next session installs it anew. `jupyter-session packages` shows it.
"""


@dataclass(frozen=True)
class Wanted:
    """What was asked for: lines of a requirements file, lines that say where from, and what can't be had again."""

    lines: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


class Store:
    """The archive and the list of `environment`, for the notebook folder."""

    def __init__(self, notebooks: Path, environment: Environment) -> None:
        self._notebooks = notebooks
        self._environment = environment
        self._folder = notebooks / own_folder.NAME
        self._image = _mark_image()
        # What each look needs, found once: it looks twice a second for as long as the session lasts.
        self._folders = (*environment.package_folders, *environment.command_folders)
        self._own = {Path(path).name for path in environment.own_paths} | {"__pycache__"}

    @property
    def archive(self) -> Path:
        """The archive, which may not exist."""
        return self._folder / name_archive()

    @property
    def requirements(self) -> Path:
        """The list of what was asked for, which may not exist."""
        return self._folder / REQUIREMENTS

    @property
    def variables(self) -> dict[str, str]:
        """The variables that the list names."""
        return {NOTEBOOKS: quote(str(self._notebooks))}

    def read_list(self) -> Wanted:
        """Return what the list has."""
        try:
            text = self.requirements.read_text(errors="replace")
        except OSError as error:
            _LOG.debug("there is no list of packages: %s", error)
            return Wanted()
        return Wanted(tuple(read_requirements(text)), tuple(read_places(text)), tuple(read_lost(text)))

    def read_version(self) -> Version:
        """Return what changes when something is installed or removed."""
        return tuple(sorted(entry for folder in self._folders for entry in self._list_entries(folder)))

    def read_stamp(self) -> object:
        """Return what changes when an entry is added to the packages, or removed."""
        return [_read_folder_time(folder) for folder in self._folders]

    def unpack(self, give_up: Callable[[], bool]) -> tuple[bool, Version]:
        """Unpack the archive. Raises ArchiveError, and nothing of it is left then.

        Return whether the image has the same packages as then, and the version of what was packed.
        """
        try:
            archive.unpack(self.archive, self._environment.root, give_up=give_up)
            origin = relocation.relocate(self._environment.root, self._places)
        except ArchiveError:
            try:
                self._environment.clear()
            except OSError as error:
                _LOG.warning("the environment can't be made anew: %s", error)
            raise
        return origin.image == self._image, origin.version

    def pack(self, before: Version, also: Wanted, give_up: Callable[[], bool]) -> None:
        """Replace the archive and the list; `also` is to be kept in it. Raises ArchiveError: the old ones stay.

        `before` is the version that is to be packed.
        """
        root = self._environment.root
        try:
            unfinished = own_folder.ensure(self._notebooks) / UNFINISHED
            relocation.write_origin(root, self._places, image=self._image, version=before)
            asides = [f"{folder.relative_to(root)}/~*" for folder in self._environment.package_folders]
            archive.pack(root, unfinished, leave_out=[*self._environment.own_paths, *asides], give_up=give_up)
            if self.read_version() != before:
                unfinished.unlink()
                raise ChangedArchivingError("something was installed meanwhile")
            unfinished.replace(self.archive)
            installed = list_installed(self._environment.package_folders)
            lines = list_requirements(installed, self._notebooks, also.lines, also.lost)
            write_atomically(self.requirements, _HEAD + "".join(f"{line}\n" for line in [*also.places, *lines]))
        except OSError as error:
            raise archive.explain(error) from None
        except subprocess.SubprocessError as error:
            raise ArchiveError(str(error)) from None

    def forget(self, give_up: Callable[[], bool]) -> None:
        """Remove all that is installed, and have every archive be one of nothing. Raises ArchiveError.

        Archives that are removed here would come back: HTCondor removes none on the access point.
        """
        try:
            self._environment.clear()
            if not self.archive.exists() and not self.requirements.exists():
                return
            self.pack(self.read_version(), Wanted(), give_up)
            for other in self._folder.glob(ARCHIVES):
                if other != self.archive:
                    shutil.copyfile(self.archive, self._folder / UNFINISHED)
                    (self._folder / UNFINISHED).replace(other)
        except OSError as error:
            raise archive.explain(error) from None

    def clean_up(self) -> bool:
        """Remove an archive that was not finished; return whether there was one."""
        try:
            (self._folder / UNFINISHED).unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            _LOG.debug("an unfinished archive stays: %s", error)
            return False
        return True

    def _list_entries(self, folder: Path) -> list[tuple[str, int]]:
        where = folder.relative_to(self._environment.root)
        try:
            with os.scandir(folder) as entries:
                return [
                    (f"{where}/{entry.name}", _read_time(entry)) for entry in entries if entry.name not in self._own
                ]
        except FileNotFoundError:  # pip hasn't installed anything there
            return []
        except OSError as error:
            _LOG.debug("can't look into a folder of packages: %s", error)
            return []

    @property
    def _places(self) -> tuple[Path, Path]:
        """The folders that another session has elsewhere, the inner one first."""
        return self._environment.root, self._notebooks


def _read_time(entry: os.DirEntry[str]) -> int:
    return entry.stat(follow_symlinks=False).st_mtime_ns if entry.name.endswith((".dist-info", ".pth")) else 0


def _read_folder_time(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:  # pip hasn't installed anything there
        return 0


def _mark_image() -> str:
    """Return a mark of the packages that the image has: what was installed over others may lack something here."""
    try:
        names = sorted(
            path.name for path in Path(sysconfig.get_path("purelib")).iterdir() if path.suffix == ".dist-info"
        )
    except OSError as error:
        _LOG.debug("can't list the image's packages: %s", error)
        names = []
    return f"{zlib.crc32(chr(0).join(names).encode()):08x}"  # hashlib takes 3 MB, and 10 ms of a start
