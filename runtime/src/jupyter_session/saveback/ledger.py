"""What this session knows about the files on the access point, and what it has done there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_session.condor.file_stat import FileStat
from jupyter_session.saveback.journal import Journal, read_journal
from jupyter_session.saveback.plan import Entry, is_same, may_replace
from jupyter_session.saveback.scan import Scan, Signature


@dataclass
class Ledger:
    """What the access point has, and what was done there. All paths are relative to the notebook folder.

    `entries` maps paths here to what the access point has of them. `made_folders` are the folders that this session
    made there, parents first. `saved` counts how often each file was saved, the latest last. `conflicts` maps paths
    that changed on both sides to the names of our copies. `removed` are the files that were removed there, and `newer`
    those that changed there only. `journal` notes what must be known if this process is killed.
    """

    entries: dict[str, Entry]
    made_folders: list[str] = field(default_factory=list)
    saved: dict[str, int] = field(default_factory=dict)
    conflicts: dict[str, str] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    newer: list[str] = field(default_factory=list)
    journal: Journal | None = None
    _renaming: dict[str, FileStat] = field(default_factory=dict)

    @classmethod
    def open(cls, scan: Scan, *, started: int, received_from: int, journal: Journal | None = None) -> Ledger:
        """Return the ledger of a session that has just begun: the access point has what came with the job.

        `started` is when the job's files were sent, on the access point's clock, and `received_from` the same moment
        on the clock of the local files (nanoseconds).
        """
        entries = {
            path: Entry(
                local, path, arrived=started + max(0, local.ctime - received_from) // 1_000_000_000, sent=started
            )
            for path, local in scan.files.items()
        }
        if journal:
            journal.begin(entries)
        return cls(entries, journal=journal)

    @classmethod
    def recall(cls, path: Path) -> Ledger:
        """Return the ledger of a session whose process was killed, from its journal. Raises OSError."""
        entries, renaming = read_journal(path)
        conflicts = {path: entry.name for path, entry in entries.items() if entry.name != path}
        return cls(entries, conflicts=conflicts, _renaming=renaming)

    @property
    def total_bytes(self) -> int:
        """The size of all files that this session has saved."""
        return sum(entry.saved_bytes for entry in self.entries.values())

    def is_saved(self, path: str, local: Signature) -> bool:
        """Return whether the access point has a file as it is here."""
        return path in self.entries and self.entries[path].local == local

    def has_files_in(self, folder: str) -> bool:
        """Return whether the access point has a file that we know in a folder."""
        return any(entry.name.startswith(folder + os.sep) for entry in self.entries.values())

    def may_replace(self, path: str, name: str, there: FileStat | None) -> bool:
        """Return whether `there`, which is at `name`, is known to be nothing but our copy of `path`.

        That includes a copy whose rename was requested, and for which no answer came.
        """
        if may_replace(self.entries.get(path), there):
            return True
        return there is not None and name in self._renaming and is_same(there, self._renaming[name])

    def note_rename(self, name: str, there: FileStat) -> None:
        """Note that a rename to `name` was requested: `there` may be there or not, until `note_saved`."""
        self._renaming[name] = there
        if self.journal:
            self.journal.note_rename(name, there)

    def note_saved(self, path: str, name: str, local: Signature, *, was_there: bool) -> None:
        """Note that the rename of `path` to `name` was done; `was_there`: it replaced a file."""
        before = self.entries.get(path)
        is_new = before.is_new if before else not was_there
        self.entries[path] = Entry(local, name, self._renaming.pop(name), is_new=is_new)
        if self.journal:
            self.journal.note_saved(path, self.entries[path])
        self.saved[path] = self.saved.pop(path, 0) + 1
        if name != path:
            self.conflicts[path] = name

    def note_fetched(self, path: str, entry: Entry) -> None:
        """Note that a file of the access point is here now."""
        self.entries[path] = entry
        if self.journal:
            self.journal.note_saved(path, entry)

    def note_removed(self, path: str) -> None:
        """Note that a file was removed on the access point."""
        self.removed.append(path)
        self.saved.pop(path, None)

    def find_unsaved(self, files: Mapping[str, Signature]) -> list[str]:
        """Return those of `files` that the access point doesn't have as they are here."""
        return [path for path, local in files.items() if not self.is_saved(path, local)]
