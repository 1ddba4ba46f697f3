"""Packages that an installer didn't finish, because it was killed: half of one is worse than none."""

from __future__ import annotations

import csv
import logging
from collections.abc import Collection, Iterable
from pathlib import Path

_LOG = logging.getLogger(__name__)
_SUFFIX = ".dist-info"
#: What pip and uv write last, after a package's own files.
_LAST = ("INSTALLER", "RECORD")
_ASIDE = "~"  # begins pip's name for what it removes


def find_unfinished(folders: Iterable[Path], new: Collection[Path], meanwhile: Collection[Path]) -> list[str]:
    """Return the names of what an installer left unfinished in folders of packages.

    `new` are the entries that haven't been packed; `meanwhile` are those that appeared while an installer was at work:
    they should belong to a package then.
    """
    found = []
    for folder in folders:
        names = {entry.name for entry in new if entry.parent == folder}
        suspects = {entry.name for entry in meanwhile if entry.parent == folder} & names
        halves = [
            name
            for name in names
            if name.endswith(_SUFFIX) and not all((folder / name / last).exists() for last in _LAST)
        ]
        owned = _list_owned(folder)
        aside = [name for name in names if name.startswith(_ASIDE) and not _is_replaced(name, owned)]
        lost = [name for name in suspects - owned - set(halves) if not name.startswith(_ASIDE)]
        found += [*halves, *aside, *lost]
    return sorted({_shorten(name) for name in found})


def _list_owned(folder: Path) -> set[str]:
    """Return the entries of a folder that packages say are theirs."""
    owned = set()
    for record in folder.glob(f"*{_SUFFIX}/RECORD"):
        owned.add(record.parent.name)
        try:
            with record.open(newline="", errors="replace") as lines:
                owned.update(row[0].partition("/")[0] for row in csv.reader(lines) if row)
        except (OSError, csv.Error) as error:
            _LOG.debug("can't read what a package has: %s", error)
    return owned


def _is_replaced(name: str, owned: Iterable[str]) -> bool:
    """Return whether another version of what pip was removing has come: pip replaces the first letters of a name."""
    rest = name.lstrip(_ASIDE).removesuffix(_SUFFIX)
    stem = rest.rpartition("-")[0] if name.endswith(_SUFFIX) else rest
    return any(entry.removesuffix(_SUFFIX).rpartition("-")[0].endswith(stem) or entry.endswith(rest) for entry in owned)


def _shorten(name: str) -> str:
    return name.removesuffix(_SUFFIX).rpartition("-")[0] if name.endswith(_SUFFIX) else name
