"""A folder that comes back, the notebook folder for example, in whose place there is a link to another folder."""

from __future__ import annotations

import logging
import os
import shutil
import stat
import time
from collections.abc import Iterator

from jupyter_session.units.printable import escape_name

_LOG = logging.getLogger(__name__)
_LARGEST_COPY = 1 << 30  # bytes of all that is copied from a folder that isn't the job's
_MOST_FILES = 50_000


def find_target(root: str, path: str) -> str | None:
    """Return the folder of the job to which a link at `path` in its folder `root` leads, relative to `root`.

    None if it is no link, or leads to something else, or to a folder in which the link itself is.
    """
    full = os.path.join(root, path)
    if not os.path.islink(full) or not os.path.isdir(full):
        return None
    target, real = os.path.realpath(full), os.path.realpath(root)
    place = os.path.join(os.path.realpath(os.path.dirname(full)), os.path.basename(full))
    if not target.startswith(real + os.sep) or place.startswith(target + os.sep):
        return None
    return os.path.relpath(target, real)


def copy_by_hard_links(source: str, target: str) -> None:
    """Copy a folder by hard links, which takes neither time nor space. Raises OSError."""
    os.mkdir(target)
    for entry in os.scandir(source):
        place = os.path.join(target, entry.name)
        if entry.is_dir(follow_symlinks=False):
            copy_by_hard_links(entry.path, place)
        else:
            os.link(entry.path, place, follow_symlinks=False)


def copy_changed(source: str, target: str, *, since: float, until: float) -> bool:
    """Copy the files and links that changed after `since` (epoch seconds) from a folder that isn't the job's.

    The smallest files come first. Return whether all were copied, by `until` (monotonic) and within a limit.
    """
    left = _LARGEST_COPY
    found = sorted(_find_changed(source, since, until))
    is_whole = len(found) < _MOST_FILES and time.monotonic() < until
    for size, path in found:
        left -= size
        if left < 0 or time.monotonic() > until:
            return False
        place = os.path.join(target, path)
        try:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            shutil.copy2(os.path.join(source, path), place, follow_symlinks=False)
        except OSError as error:
            _LOG.debug("%s is not copied: %s", escape_name(path), error)
            is_whole = False
    return is_whole


def _find_changed(source: str, since: float, until: float) -> Iterator[tuple[int, str]]:
    """Yield the size and the path of each file and link that changed, a limited number of them."""
    count = 0
    for within, folders, names in os.walk(source):
        for name in [*names, *(name for name in folders if os.path.islink(os.path.join(within, name)))]:
            path = os.path.join(within, name)
            about = os.lstat(path)
            if about.st_ctime >= since and (stat.S_ISREG(about.st_mode) or stat.S_ISLNK(about.st_mode)):
                yield about.st_size, os.path.relpath(path, source)
                count += 1
        if count >= _MOST_FILES or time.monotonic() > until:
            return
