"""What came with the job, as far as HTCondor can't write over it at the end."""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from jupyter_session.files import write_atomically
from jupyter_session.transfer.linked_folder import find_target

_LOG = logging.getLogger(__name__)


class Version(NamedTuple):
    """What changes when a file changes. Times are nanoseconds."""

    size: int
    mtime: int
    ctime: int
    inode: int


@dataclass(frozen=True)
class Received:
    """The folders that came with the job, and the files that their owner can't write. Paths are relative to its folder.

    The access point has each of them, and HTCondor, which acts as the user there, can't write over such a file, nor put
    a file where a folder is.
    """

    read_only: Mapping[str, Version] = field(default_factory=dict)
    folders: AbstractSet[str] = frozenset()

    def write(self, path: Path) -> None:
        """Write it to a file, for the watchdog. Raises OSError."""
        write_atomically(path, json.dumps({"read_only": self.read_only, "folders": sorted(self.folders)}), mode=0o600)

    @classmethod
    def read(cls, path: Path) -> Received:
        """Read what `write` wrote. Raises OSError or ValueError."""
        found = json.loads(path.read_text())
        return cls({name: Version(*version) for name, version in found["read_only"].items()}, set(found["folders"]))


def read_version(about: os.stat_result) -> Version:
    """Return what changes when a file changes."""
    return Version(about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino)


def find_received(root: str, starts: Iterable[str]) -> Received:
    """Look at `starts`, paths in the job's folder `root`, before anything in them has changed."""
    read_only: dict[str, Version] = {}
    folders: set[str] = set()
    todo = list(starts)
    linked = {path for path in todo if find_target(root, path)}
    while todo:
        path = todo.pop()
        try:
            about = os.stat(os.path.join(root, path), follow_symlinks=path in linked)
            if stat.S_ISDIR(about.st_mode):
                folders.add(path)
                todo += [os.path.join(path, name) for name in os.listdir(os.path.join(root, path))]
            elif stat.S_ISREG(about.st_mode) and not about.st_mode & stat.S_IWUSR:
                read_only[path] = read_version(about)
        except OSError as error:
            _LOG.debug("can't look at what came with the job: %s", error)
    return Received(read_only, folders)
