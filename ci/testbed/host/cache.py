"""Things that take long to make, kept by the hash of what they are made of.

An entry is a folder ``<kind>-<key>``: built beside its place and renamed into it, so that a killed
build leaves nothing that looks whole. A user of an entry has its lock,
shared; whoever builds or removes it has the lock exclusively.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from testbed.host import errors, locks

if TYPE_CHECKING:
    from collections.abc import Callable

#: How many entries of a kind are kept: the current one and the one before it.
KEEP = 2


def folder() -> Path:
    """Return the cache's folder: ``JUPYTER_CI_CACHE``, else a system-wide one."""
    return Path(os.environ.get("JUPYTER_CI_CACHE") or "/var/cache/jupyter-ci").absolute()


def log(name: str) -> Path:
    """Return the log file of a step called ``name``."""
    return folder() / "logs" / f"{name}.log"


def key(*parts: object) -> str:
    """Return the hash of ``parts``, values that JSON can represent: 16 hexadecimal digits.

    >>> key("a", ["b"]) == key("a", ["b"]) != key("a", "b")
    True
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def files_key(paths: list[Path], base: Path) -> str:
    """Return the hash of files' names below ``base``, modes and contents."""
    return key([(str(path.relative_to(base)), path.stat().st_mode & 0o111, _digest(path)) for path in sorted(paths)])


@dataclass(frozen=True)
class Entry:
    """A complete entry, which stays while ``lock``, a file descriptor, is open."""

    path: Path
    lock: int


def get(kind: str, key: str, build: Callable[[Path], None], *, what: str, takes: str) -> Entry:
    """Return the entry of ``kind`` with ``key``; if there is none, ``build`` fills an empty folder with it.

    ``what`` names it for people ("the pool's Debian root"), ``takes`` is how long it takes.
    """
    cache = folder()
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror
        raise errors.UserError(
            f"can't create the cache's folder {cache} ({why}): set JUPYTER_CI_CACHE to another folder."
        ) from error
    place = cache / f"{kind}-{key}"
    lock = _lock_of(place)
    while True:
        held = locks.acquire(lock, shared=True)
        if place.is_dir():
            os.utime(place)
            return Entry(place, held)
        os.close(held)
        with locks.locked(lock):
            if not place.is_dir():
                _build(place, build, what, takes)
        prune(kind)


def prune(kind: str) -> None:
    """Remove what nobody uses of ``kind``: incomplete entries, and all but the `KEEP` used last."""
    found = [path for path in folder().glob(f"{kind}-*") if path.is_dir()]
    whole = [path for path in found if path.suffix != ".partial"]
    whole.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in [path for path in found if path.suffix == ".partial"] + whole[KEEP:]:
        lock = _lock_of(path.with_suffix(""))
        held = locks.try_acquire(lock)
        if held is not None:
            remove(path)
            lock.unlink(missing_ok=True)
            os.close(held)


def remove(path: Path) -> None:
    """Remove a folder and everything in it, if it exists."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path)


def _build(place: Path, build: Callable[[Path], None], what: str, takes: str) -> None:
    partial = place.with_name(f"{place.name}.partial")
    remove(partial)
    partial.mkdir(parents=True)
    errors.say(f"building {what} (about {takes})")
    started = time.monotonic()
    try:
        build(partial)
        partial.rename(place)
    except BaseException:
        remove(partial)
        raise
    errors.say(f"built {what} in {time.monotonic() - started:.0f} s")


def _lock_of(place: Path) -> Path:
    return place.parent / "locks" / f"{place.name}.lock"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
