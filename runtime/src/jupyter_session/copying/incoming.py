"""A file that is being copied into the session: it has its name only once all of it is there."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import shutil
from collections.abc import Mapping

from jupyter_session.errors import SessionError
from jupyter_session.units.sizes import format_size

_LOG = logging.getLogger(__name__)
#: The folder of the job in which files are that aren't whole: HTCondor doesn't bring it back.
FOLDER = ".jupyter-session-copies"


def resolve_path(root: str, path: str) -> str:
    """Return the whole path of one that is relative to the notebook folder, behind any link."""
    return os.path.realpath(os.path.join(root, path))


def name_partial(path: str, environ: Mapping[str, str]) -> str:
    """Return where the file for `path` is until it is whole: not where it is saved, or seen, if that can be."""
    folder, name = os.path.split(path)
    scratch = environ.get("_CONDOR_SCRATCH_DIR", "")
    try:
        if scratch and os.stat(scratch).st_dev == os.stat(folder).st_dev:
            return os.path.join(scratch, FOLDER, hashlib.sha256(os.fsencode(path)).hexdigest()[:32])
    except OSError as error:
        _LOG.debug("can't tell whether both are on one disk: %s", error)
    return os.path.join(folder, f".{name[:200]}.copying")


class RefusedError(SessionError):
    """A file can't be copied here, now or later."""


class Incoming:
    """Writes one stretch of a partial file. Raises SessionError if it doesn't fit, and OSError."""

    def __init__(self, path: str, partial: str, at: int, total: int) -> None:
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            raise RefusedError(f"There is no folder {folder} in the session.")
        if os.path.isdir(path):
            raise RefusedError(f"{path} is a folder in the session.")
        os.makedirs(os.path.dirname(partial), mode=0o700, exist_ok=True)
        self._file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            raise_unless_fits(self._file, os.path.basename(path), at, total)
            os.ftruncate(self._file, at)
            os.lseek(self._file, at, os.SEEK_SET)
        except BaseException:
            os.close(self._file)
            raise

    def write(self, data: bytes) -> None:
        """Append data."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]

    def close(self) -> None:
        """End the stretch."""
        os.close(self._file)


def raise_unless_fits(file: int, name: str, at: int, total: int) -> None:
    """Raise RefusedError if there is no room for all of a file, and SessionError if it has no `at` bytes yet."""
    about, size = os.fstatvfs(file), os.fstat(file).st_size
    free = about.f_bavail * about.f_frsize + size
    if total > free:
        raise RefusedError(f"{name} has {format_size(total)}, and the session's disk has room for {format_size(free)}.")
    if size < at:
        raise SessionError("What was copied before isn't there any more.")


def finish_incoming(path: str, partial: str, *, size: int, mode: int, mtime: float) -> None:
    """Give a partial file its name. Raises SessionError if it isn't whole, and OSError."""
    with open(partial, "ab") as file:
        if os.fstat(file.fileno()).st_size != size:
            raise SessionError("Not all of the file is there.")
        os.fchmod(file.fileno(), mode & 0o777 | 0o600)
    os.utime(partial, (mtime, mtime))
    try:
        os.replace(partial, path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = os.path.join(os.path.dirname(path), f".{os.path.basename(path)[:200]}.copying")
        shutil.copy2(partial, beside)
        os.replace(beside, path)
        os.unlink(partial)
