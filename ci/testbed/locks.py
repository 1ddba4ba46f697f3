"""Locks between processes: flock(2) on a file that may be removed while it is held."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def acquire(path: Path, *, shared: bool = False, wait: bool = True) -> int | None:
    """Lock ``path``, made if need be; return the file descriptor that holds the lock.

    Returns None where ``wait`` is false and someone else holds it. The kernel drops the lock when
    the last copy of the descriptor is closed, so a killed process leaves none behind.
    """
    how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, how if wait else how | fcntl.LOCK_NB)
            if os.fstat(fd).st_ino == path.stat().st_ino:
                return fd
        except BlockingIOError:
            os.close(fd)
            return None
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)  # the holder before us removed the file: lock the one that is there now


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[int]:
    """Hold the lock ``path`` for the length of a ``with`` block."""
    fd = acquire(path, shared=shared)
    assert fd is not None
    try:
        yield fd
    finally:
        os.close(fd)
