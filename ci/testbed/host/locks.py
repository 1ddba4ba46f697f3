"""Locks between processes: flock(2) on a file that may be removed while it is locked."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def acquire(path: Path, *, shared: bool = False) -> int:
    """Lock ``path``, created if need be; return a file descriptor, which keeps the lock while it is open.

    The kernel drops the lock when the last copy of the descriptor is closed, so a killed process
    leaves none behind.
    """
    return _lock(path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)


def try_acquire(path: Path) -> int | None:
    """Lock ``path`` as `acquire` does; return None if it is locked already."""
    try:
        return _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None


def _lock(path: Path, how: int) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, how)
            if os.fstat(fd).st_ino == path.stat().st_ino:
                return fd
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)  # the holder before us removed the file: lock the one that is there now


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[int]:
    """Lock ``path`` for the duration of a ``with`` block."""
    fd = acquire(path, shared=shared)
    try:
        yield fd
    finally:
        os.close(fd)
