"""What lies in the notebook folder now: one walk with one lstat a file, and nothing is read."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

#: The session's own folder in the notebook folder, here and on the access point.
OWN_FOLDER = ".jupyter-session"
#: Files. A walk over more would cost too much to be done every few seconds.
MOST_FILES = 50_000

_TOO_MANY = f"there are more than {MOST_FILES} files: the rest comes back at the end only"
_ENVIRONMENT = "an environment: it comes back at the end only"


class Signature(NamedTuple):
    """What changes when a file does. Times in nanoseconds."""

    size: int
    mtime: int
    ctime: int
    inode: int
    mode: int


@dataclass(frozen=True)
class Scan:
    """The regular files below a folder, by path relative to it; what is left out, and why.

    `root` is the folder's device and inode. `complete` is false when a part could not be read.
    """

    root: tuple[int, int]
    files: Mapping[str, Signature]
    left_out: Mapping[str, str]
    complete: bool


def compile_patterns(patterns: Sequence[str]) -> re.Pattern[str]:
    """Compile names to leave out, with `*`, `?` and `[...]`; each is matched against every part of a path."""
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns) or r"(?!)")


def signature(path: str) -> Signature | None:
    """Look at one file without following it; None unless it is a regular file."""
    try:
        about = os.lstat(path)
    except OSError:
        return None
    return _signature(about) if stat.S_ISREG(about.st_mode) else None


def scan(folder: str, exclude: re.Pattern[str], before: Mapping[str, Signature]) -> Scan:
    """Walk a folder. Signatures that are as `before` are the same objects, so that two scans need no double memory."""
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
            complete = False
            continue
        if within and any(entry.name in ("pyvenv.cfg", "conda-meta") for entry in entries):
            left_out[within] = _ENVIRONMENT
            continue
        for entry in entries:
            path = os.path.join(within, entry.name)
            if path == OWN_FOLDER or exclude.match(entry.name):
                continue
            try:
                about = entry.stat(follow_symlinks=False)
            except OSError:
                complete = False  # gone meanwhile, or on a file system that fails
                continue
            if stat.S_ISDIR(about.st_mode):
                todo.append(path)
            elif stat.S_ISLNK(about.st_mode):
                left_out[path] = "a symbolic link"
            elif not stat.S_ISREG(about.st_mode):
                left_out[path] = "no regular file"
            elif len(files) >= MOST_FILES:
                left_out["…"] = _TOO_MANY
                complete = False
            else:
                found = _signature(about)
                found, known = _signature(about), before.get(path)
                files[path] = known if known is not None and known == found else found
    return Scan((root.st_dev, root.st_ino), files, left_out, complete)


def _signature(about: os.stat_result) -> Signature:
    return Signature(about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino, stat.S_IMODE(about.st_mode))
