"""Files of an environment that name the folder where they were installed: commands, kernels, editable installs.

The next session has another folder, and there they are to name that one.
"""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from jupyter_session.packages.errors import ArchiveError

_LOG = logging.getLogger(__name__)
#: The entries of an environment, and when those changed that change with each package: nanoseconds since the epoch.
Version = tuple[tuple[str, int], ...]
#: In an archive, beside the packages.
NOTE = ".packages.json"
_TIMEOUT = 60.0
_LARGEST = 1 << 20  # bytes of a file that names a folder
_LONGEST_LINE = 127  # bytes that older kernels read of a script's first line


@dataclass(frozen=True)
class Origin:
    """Where an archive was packed: whole paths, the inner ones first, and the files that have them.

    `image` is a mark of the packages that the image had, `version` of what is in the archive.
    """

    folders: tuple[str, ...]
    files: tuple[str, ...]
    image: str = ""
    version: Version = ()


def write_origin(root: Path, folders: Sequence[Path], *, image: str, version: Version) -> None:
    """Note in `root` which of its files name the folders. Raises OSError if it can't be written."""
    names = tuple(map(str, folders))
    origin = Origin(names, tuple(_find_files(root, names)), image, version)
    (root / NOTE).write_text(json.dumps(asdict(origin)))


def relocate(root: Path, folders: Sequence[Path]) -> Origin:
    """Have the files that named the former folders name these. Raises ArchiveError if the note of them is damaged."""
    try:
        note = json.loads((root / NOTE).read_text())
        version = tuple((str(name), int(changed)) for name, changed in note["version"])
        origin = Origin(tuple(map(str, note["folders"])), tuple(map(str, note["files"])), str(note["image"]), version)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArchiveError(f"it has no list of its files: {error!r}") from None
    pairs = [(os.fsencode(old), os.fsencode(new)) for old, new in zip(origin.folders, folders, strict=False)]
    if all(old == str(new) for old, new in zip(origin.folders, folders, strict=False)):
        return origin
    for name in origin.files:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            continue
        try:
            _rewrite(root / name, root.resolve(), pairs)
        except OSError as error:
            _LOG.debug("a file still names the former folder: %s", error)
    return origin


def move(root: Path, old: Path, new: Path) -> None:
    """Have the files below `root` that name one folder name another. Raises OSError if they can't be read."""
    for name in _find_files(root, [str(old)]):
        try:
            _rewrite(root / name, root.resolve(), [(os.fsencode(old), os.fsencode(new))])
        except OSError as error:  # noqa: PERF203 - every file stands alone
            _LOG.debug("a file still names the former folder: %s", error)


def _rewrite(path: Path, root: Path, pairs: Sequence[tuple[bytes, bytes]]) -> None:
    about = path.lstat()
    is_inside = path.resolve().is_relative_to(root)  # no link leads out
    if not is_inside or not stat.S_ISREG(about.st_mode) or about.st_size > _LARGEST:
        return
    data = path.read_bytes()
    for number, (old, _) in enumerate(pairs):
        data = data.replace(old, b"\0%d\0" % number)
    for number, (_, new) in enumerate(pairs):
        data = data.replace(b"\0%d\0" % number, new)
    path.write_bytes(_shorten_first_line(data))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))  # nothing was installed


def _shorten_first_line(data: bytes) -> bytes:
    """Have a Python script with a long path to its interpreter start by way of the shell, as pip writes them."""
    first, _, rest = data.partition(b"\n")
    if not first.startswith(b"#!/") or len(first) <= _LONGEST_LINE or b" " in first:
        return data
    return b"#!/bin/sh\n'''exec' " + first[2:] + b" \"$0\" \"$@\"\n' '''\n" + rest


def _find_files(root: Path, folders: Sequence[str]) -> list[str]:
    """Return the text files below `root` that have one of these texts. Compiled modules are loaded without them."""
    words = [word for folder in folders for word in ("-e", folder)]
    done = subprocess.run(
        ["grep", "-rlIZF", "--exclude-dir=__pycache__", *words, "."],
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_TIMEOUT,
        check=False,
    )
    return [os.fsdecode(name).removeprefix("./") for name in done.stdout.split(b"\0") if name]
