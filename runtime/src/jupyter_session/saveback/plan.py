"""Decides what to send and what to remove, from the files here, those known on the access point, and the limits."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from jupyter_session.condor.chirp import explain_unsendable
from jupyter_session.condor.file_stat import FileStat
from jupyter_session.saveback.scan import Scan, Signature, is_own
from jupyter_session.units.sizes import format_size

#: Bytes of a file name on any file system.
_LONGEST_NAME = 255
_LONGEST_EXTENSION = 32


@dataclass(frozen=True)
class Limits:
    """The user's limits, in bytes: of one file, and of all files that are saved while the session runs."""

    max_file: int
    max_total: int


#: Seconds by which the clock of the access point's file server may be behind.
_SKEW = 60


class Entry(NamedTuple):
    """What the access point has of a file here.

    `name` is the path there. `there` is that file as we left it; None while it is as it came with the job, which was
    `sent` then, and was here at `arrived` (both on the access point's clock). `is_new`: nothing was there before.
    """

    local: Signature
    name: str
    there: FileStat | None = None
    arrived: int = 0
    is_new: bool = False
    sent: int = 0

    @property
    def saved_bytes(self) -> int:
        """The bytes that count toward --save-max-total; what came with the job doesn't count."""
        return self.local.size if self.there else 0


@dataclass(frozen=True)
class TransferPlan:
    """What to send, the small files first, and what to leave out, with the reasons."""

    send: tuple[str, ...]
    left_out: Mapping[str, str]


def plan_transfers(ledger: Mapping[str, Entry], now: Scan, limits: Limits) -> TransferPlan:
    """Choose the files to send: those that the access point doesn't have as they are here."""
    changed = [path for path, local in now.files.items() if path not in ledger or ledger[path].local != local]
    total = sum(entry.saved_bytes for entry in ledger.values())
    send: list[str] = []
    left_out = dict(now.left_out)
    for path in sorted(changed, key=lambda path: (now.files[path].size, path)):
        size = now.files[path].size
        before = ledger[path].saved_bytes if path in ledger else 0
        if why := explain_unsendable(path):
            left_out[path] = why
        elif size > limits.max_file and not is_own(path):  # hours of pip's work may be in it
            left_out[path] = f"{format_size(size)} is more than --save-max-file: it comes back only at the end"
        elif total - before + size > limits.max_total:
            left_out[path] = "--save-max-total is reached: it comes back only at the end"
        else:
            total += size - before
            send.append(path)
    return TransferPlan(tuple(send), left_out)


def find_removed(ledger: Mapping[str, Entry], now: Scan, before: Scan | None) -> list[str]:
    """Return the files to remove on the access point.

    This session put them there, under their own names, and two successive complete scans of the same folder did not
    find them.
    """
    if before is None or not (now.complete and before.complete and now.root == before.root):
        return []
    return [
        path
        for path, entry in ledger.items()
        if entry.is_new and entry.name == path and path not in now.files and path not in before.files
    ]


def may_replace(entry: Entry | None, there: FileStat | None) -> bool:
    """Return whether what is `there` on the access point is known: nothing, what came with the job, or our own file.

    A change in place that keeps the size, within one second of ours, can't be seen: chirp has whole seconds.
    """
    if there is None:
        return True
    if entry is None or not there.is_file:
        return False
    if entry.there is None:
        is_older = there.ctime < entry.sent - _SKEW  # even if something in the job has changed ours before we looked
        return is_older or (there.size == entry.local.size and there.ctime <= entry.arrived)
    return is_same(there, entry.there)


def is_same(one: FileStat, other: FileStat) -> bool:
    """Return whether two looks saw the same file, unchanged. Permissions don't matter."""
    return (one.inode, one.size, one.mtime) == (other.inode, other.size, other.mtime)


def generate_own_names(path: str, job: str) -> Iterator[str]:
    """Yield names for our copy of a file that has changed on the access point too, the best one first."""
    return generate_names(path, f"from job {job}")


def generate_names(path: str, mark: str) -> Iterator[str]:
    """Yield names for another version of a file, with a mark in parentheses."""
    folder, name = os.path.split(path)
    stem, extension = os.path.splitext(name)
    if len(extension) > _LONGEST_EXTENSION:
        stem, extension = name, ""
    for number in itertools.count(1):
        shown = f" ({mark})" if number == 1 else f" ({mark}, {number})"
        room = _LONGEST_NAME - len(os.fsencode(shown + extension))
        if len(os.fsencode(stem)) > room:
            stem = os.fsencode(stem)[:room].decode(errors="ignore")
        yield os.path.join(folder, stem + shown + extension)
