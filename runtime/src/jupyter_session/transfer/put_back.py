"""Puts back what an earlier session set aside. Nothing that exists is overwritten, and no link is followed."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from jupyter_session.transfer.manifest import Manifest, Mode
from jupyter_session.units.printable import escape_name

_LOG = logging.getLogger(__name__)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def put_back(
    root: Path, manifest: Manifest, *, may: Callable[[str], bool], find: Callable[[str], str] = lambda path: path
) -> int:
    """Put back what `may` be put back, below the folder `root`; return how many things that were.

    `find` says where in it the place of something is now.
    What lies in a folder that isn't there was removed with it, and stays away.
    """
    count = 0
    for path in filter(may, sorted(manifest.links)):
        count += _try(path, partial(_make_link, root, find(path), manifest.links[path]))
    for path in filter(may, sorted(manifest.modes, reverse=True)):  # what lies in a folder comes before it
        count += _try(path, partial(_set_mode, root, find(path), manifest.modes[path]))
    return count


def _try(path: str, do: Callable[[], bool]) -> bool:
    try:
        return do()
    except OSError as error:
        _LOG.debug("%s is not put back: %s", escape_name(path), error)
        return False


def _make_link(root: Path, path: str, text: str) -> bool:
    with _open_folder(root, os.path.dirname(path)) as folder:
        os.symlink(text, os.path.basename(path), dir_fd=folder)
    return True


def _set_mode(root: Path, path: str, mode: Mode) -> bool:
    with _open_folder(root, os.path.dirname(path)) as folder:
        descriptor = os.open(os.path.basename(path), _FILE, dir_fd=folder)
    try:
        about = os.fstat(descriptor)
        is_ours = about.st_uid == os.getuid() and (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode))
        if not is_ours or stat.S_IMODE(about.st_mode) & 0o700 != mode.sent & 0o700:  # someone has set another one
            return False
        os.fchmod(descriptor, mode.before)
    finally:
        os.close(descriptor)
    return True


@contextlib.contextmanager
def _open_folder(root: Path, within: str) -> Iterator[int]:
    descriptor = os.open(root, _FOLDER)
    try:
        for part in filter(None, within.split(os.sep)):
            below = os.open(part, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)
