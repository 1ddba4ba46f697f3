"""What the notebook folder has now: one walk with one lstat per file, which reads no file."""

from __future__ import annotations

import fnmatch
import logging
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

#: The session's own folder in the notebook folder, here and on the access point.
OWN_FOLDER = ".jupyter-session"
#: What virtual and conda environments have at their top: they travel in another way, or not at all.
ENVIRONMENT_MARKS = frozenset({"pyvenv.cfg", "conda-meta"})
#: Files. A walk over more would be too expensive every few seconds.
MOST_FILES = 50_000

_LOG = logging.getLogger(__name__)
#: Of the own folder, which is the session's otherwise: the packages, and JupyterLab's settings.
_KEPT = re.compile(r"packages(-[\w.-]+\.tar\.zst|\.txt)|lab")
_LINK = "a symbolic link"
_TOO_MANY = f"there are more than {MOST_FILES} files: the rest comes back only at the end"
_ENVIRONMENT = "an environment: it comes back only at the end"


class Signature(NamedTuple):
    """What changes when a file changes. Times are nanoseconds."""

    size: int
    mtime: int
    ctime: int
    inode: int
    mode: int


@dataclass(frozen=True)
class Scan:
    """The regular files in a folder, by their path relative to it, and what is left out, with the reasons.

    `root` is the folder's device and inode. `complete` is False if a part could not be read.
    """

    root: tuple[int, int]
    files: Mapping[str, Signature]
    left_out: Mapping[str, str]
    complete: bool

    @property
    def links(self) -> list[str]:
        """The symbolic links among what is left out."""
        return [path for path, why in self.left_out.items() if why == _LINK]


def compile_patterns(patterns: Sequence[str]) -> re.Pattern[str]:
    """Compile patterns of names to leave out, with `*`, `?`, and `[...]`. Each part of a path is matched."""
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns) or r"(?!)")


def is_own(path: str) -> bool:
    """Return whether the session itself keeps a file in the notebook folder: packages or settings."""
    return path.startswith(f"{OWN_FOLDER}/")


def read_signature(path: str) -> Signature | None:
    """Look at a file without following it; return None unless it is a regular file."""
    try:
        about = os.lstat(path)
    except OSError as error:
        _LOG.debug("can't look at a file: %s", error)
        return None
    return _signature(about) if stat.S_ISREG(about.st_mode) else None


def read_folder_mode(path: str) -> int:
    """Return the permissions of a folder, with all for its owner; only those if there is no such folder."""
    try:
        return stat.S_IMODE(os.lstat(path).st_mode) & 0o777 | 0o700
    except OSError as error:
        _LOG.debug("can't look at a folder: %s", error)
        return 0o700


def scan_folder(folder: str, exclude: re.Pattern[str], before: Mapping[str, Signature]) -> Scan:
    """Walk a folder. A signature that is equal to that in `before` is the same object, to save memory."""
    files: dict[str, Signature] = {}
    left_out: dict[str, str] = {}
    root = os.stat(folder)
    complete = True
    todo = [""]
    while todo:
        within = todo.pop()
        try:
            with os.scandir(os.path.join(folder, within)) as listing:
                entries = list(listing)
        except OSError as error:
            if within and not isinstance(error, FileNotFoundError):
                left_out[within] = f"it can't be read ({error.strerror})"
            _LOG.debug("can't read a folder: %s", error)
            complete = False
            continue
        if within and any(entry.name in ENVIRONMENT_MARKS for entry in entries):
            left_out[within] = _ENVIRONMENT
            continue
        for entry in entries:
            path = os.path.join(within, entry.name)
            if exclude.match(entry.name) or (within == OWN_FOLDER and not _KEPT.fullmatch(entry.name)):
                continue
            try:
                about = entry.stat(follow_symlinks=False)
            except OSError as error:  # removed meanwhile, or the file system fails
                _LOG.debug("can't look at a file: %s", error)
                complete = False
                continue
            if stat.S_ISDIR(about.st_mode):
                todo.append(path)
            elif stat.S_ISLNK(about.st_mode):
                if within or not _leads_beside(entry):
                    left_out[path] = _LINK
            elif not stat.S_ISREG(about.st_mode):
                left_out[path] = "not a regular file"
            elif len(files) >= MOST_FILES:
                left_out["…"] = _TOO_MANY
                complete = False
            else:
                found, known = _signature(about), before.get(path)
                files[path] = known if known is not None and known == found else found
    return Scan((root.st_dev, root.st_ino), files, left_out, complete)


def _leads_beside(entry: os.DirEntry[str]) -> bool:
    """Return whether a link leads out of the folder to what has its own name there: see transfer/inputs.py."""
    try:
        above, name = os.path.split(os.readlink(entry.path))
    except OSError:
        return False
    return name == entry.name and above != "" and not above.replace("../", "").strip(".")


def _signature(about: os.stat_result) -> Signature:
    return Signature(about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino, stat.S_IMODE(about.st_mode))
