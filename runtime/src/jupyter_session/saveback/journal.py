"""What save-back knows of the access point's files, in a private file: for the process that ends a killed session."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_session.condor.file_stat import FileStat
from jupyter_session.saveback.plan import Entry
from jupyter_session.saveback.scan import Signature

_LOG = logging.getLogger(__name__)


class Journal:
    """Writes each change at once. What can't be written is lacking, so that more is taken for changed there."""

    def __init__(self, path: Path) -> None:
        self._path: Path | None = path

    def begin(self, entries: Mapping[str, Entry]) -> None:
        """Write all that is known, into a new file."""
        if self._path:
            self._path.unlink(missing_ok=True)
        self._write(*([path, *entry] for path, entry in entries.items()))

    def note_saved(self, path: str, entry: Entry) -> None:
        """Note what the access point has of a file now."""
        self._write([path, *entry])

    def note_rename(self, name: str, there: FileStat) -> None:
        """Note that a rename to `name` was requested."""
        self._write([name, there])

    def _write(self, *lines: list[Any]) -> None:
        if self._path is None:
            return
        try:
            descriptor = os.open(
                self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
            with os.fdopen(descriptor, "w") as file:
                file.writelines(json.dumps(line) + "\n" for line in lines)
        except OSError as error:
            _LOG.debug("the journal ends here: %s", error)
            self._path = None


def read_journal(path: Path) -> tuple[dict[str, Entry], dict[str, FileStat]]:
    """Return the entries, and the renames for which no answer was noted. Raises OSError if there is no journal."""
    entries: dict[str, Entry] = {}
    renaming: dict[str, FileStat] = {}
    with path.open() as lines:
        for line in lines:
            try:
                name, *about = json.loads(line)
                if len(about) == 1:
                    renaming[name] = FileStat(*about[0])
                    continue
                local, there_name, there, *rest = about
                entries[name] = Entry(Signature(*local), there_name, there and FileStat(*there), *rest)
                renaming.pop(there_name, None)
            except (ValueError, TypeError) as error:  # the last line, if the process was killed while it wrote it
                _LOG.debug("a line of the journal is passed over: %s", error)
    return entries, renaming
