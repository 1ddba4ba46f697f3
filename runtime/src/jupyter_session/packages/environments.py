"""Virtual environments in the notebook folder: each travels as one archive, and works in the next session's folder.

Its thousands of files don't go through HTCondor. One that came as files, from an earlier end or from the user, is left
as it is, because HTCondor removes nothing on the access point; but its files name the folder of this session then.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from jupyter_session.packages import archive, messages, relocation
from jupyter_session.packages.errors import ArchiveError
from jupyter_session.transfer import own_folder
from jupyter_session.units.printable import escape_name

_LOG = logging.getLogger(__name__)
_PREFIX, _SUFFIX = "environment-", ".tar.zst"
_UNFINISHED = "environment.unfinished"
_UNPACKING = "environment.unpacking"
_LARGEST = 1 << 20  # bytes of bin/activate
_FOLDER = re.compile(r"""^\s*(?:export )?VIRTUAL_ENV=["']?(/[^"'\n]+)["']?$""", re.MULTILINE)
#: What is in an environment. With something else, it is the user's folder too, and must be seen on the access point.
_USUAL = frozenset(
    {"bin", "etc", "include", "lib", "lib64", "man", "pyvenv.cfg", "sbin", "share", "var"}
    | {".gitignore", ".lock", "CACHEDIR.TAG", "__pycache__", relocation.NOTE}
)
_FEWEST_PARTS = 3  # of a path that is taken for an environment's


class Environments:
    """The virtual environments directly in a notebook folder that HTCondor brings back."""

    def __init__(self, notebooks: Path) -> None:
        self._notebooks = notebooks
        self._own = notebooks / own_folder.NAME
        self._unpacked: set[str] = set()
        self._others: set[str] = set()  # came as files

    def restore(self, give_up: Callable[[], bool]) -> list[str]:
        """Unpack what an earlier session packed, and have what came as files work; return sentences for the user."""
        news = []
        for folder in self._list_folders():
            self._others.add(folder.name)
            if (folder / "conda-meta").is_dir():
                news.append(messages.CONDA.format(escape_name(folder.name)))
            else:
                _revive(folder)
        for kept in sorted(self._own.glob(f"{_PREFIX}*{_SUFFIX}")):
            try:
                news += self._unpack(kept, give_up)
            except OSError as error:  # noqa: PERF203 - each stands alone
                _LOG.warning("%s is not unpacked: %s", escape_name(kept.name), error)
        return news

    def _unpack(self, kept: Path, give_up: Callable[[], bool]) -> list[str]:
        name = kept.name.removeprefix(_PREFIX).removesuffix(_SUFFIX)
        folder, beside = self._notebooks / name, self._own / _UNPACKING
        if not kept.stat().st_size:  # it was removed
            return []
        if os.path.lexists(folder):
            return [messages.IN_THE_WAY.format(escape_name(name), escape_name(kept.name))]
        shutil.rmtree(beside, ignore_errors=True)
        try:
            beside.mkdir()
            archive.unpack(kept, beside, give_up=give_up)
            relocation.relocate(beside, [folder])
            beside.rename(folder)
        except (ArchiveError, OSError) as error:
            shutil.rmtree(beside, ignore_errors=True)
            reason = archive.explain(error) if isinstance(error, OSError) else error
            return [messages.NOT_UNPACKED.format(escape_name(name), reason, escape_name(kept.name))]
        self._unpacked.add(name)
        return []

    def pack(self, give_up: Callable[[], bool]) -> None:
        """Pack each into its archive, and remove its files here. What can't be packed comes back as files.

        Call it when nothing else runs.
        """
        folders = [folder for folder in self._list_folders() if folder.name not in self._others]
        for name in self._unpacked - {folder.name for folder in folders}:  # the user has removed it
            try:
                if not os.path.lexists(self._notebooks / name):
                    self._name_archive(name).write_bytes(b"")
            except OSError as error:  # noqa: PERF203 - each stands alone
                _LOG.warning("%s comes back: %s", escape_name(name), error)
        for folder in folders:
            try:
                if {entry.name for entry in folder.iterdir()} <= _USUAL:
                    self._pack(folder, give_up)
            except (ArchiveError, OSError, subprocess.SubprocessError) as error:  # noqa: PERF203 - each stands alone
                _LOG.warning("%s comes back as files: %s", escape_name(folder.name), error)

    def _pack(self, folder: Path, give_up: Callable[[], bool]) -> None:
        unfinished = own_folder.ensure(self._notebooks) / _UNFINISHED
        try:
            relocation.write_origin(folder, [folder], image="", version=())
            archive.pack(folder, unfinished, leave_out=(), give_up=give_up)
            archive.check(unfinished, give_up=give_up)
            unfinished.replace(self._name_archive(folder.name))
        finally:
            unfinished.unlink(missing_ok=True)
        shutil.rmtree(folder)

    def _name_archive(self, name: str) -> Path:
        return self._own / f"{_PREFIX}{name}{_SUFFIX}"

    def _list_folders(self) -> list[Path]:
        try:
            folders = [entry for entry in self._notebooks.iterdir() if entry.is_dir() and not entry.is_symlink()]
        except OSError as error:
            _LOG.debug("can't look for environments: %s", error)
            return []
        return [each for each in folders if (each / "pyvenv.cfg").is_file() or (each / "conda-meta").is_dir()]


def is_brought_back(notebooks: Path, scratch: str | None) -> bool:
    """Return whether HTCondor transfers a notebook folder: it is in the job's own folder."""
    return bool(scratch) and notebooks.resolve().is_relative_to(Path(scratch or "").resolve())


def _revive(folder: Path) -> None:
    """Have the files of an environment that was made elsewhere name the folder where it is."""
    try:
        with (folder / "bin/activate").open(errors="replace") as file:
            found = _FOLDER.search(file.read(_LARGEST))
        if not found or found[1] == str(folder) or len(Path(found[1]).parts) < _FEWEST_PARTS:
            return
        relocation.move(folder, Path(found[1]), folder)
    except (OSError, subprocess.SubprocessError) as error:
        _LOG.warning("%s may not work: %s", escape_name(folder.name), error)
