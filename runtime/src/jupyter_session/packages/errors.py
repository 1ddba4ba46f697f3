"""What can go wrong with an archive of packages."""

from __future__ import annotations


class ArchiveError(Exception):
    """An archive can't be made or unpacked. The message is a reason that fits in parentheses.

    `is_full`: there was no room, so nothing is wrong with the archive.
    """

    def __init__(self, reason: str, *, is_full: bool = False) -> None:
        super().__init__(reason)
        self.is_full = is_full


class InterruptedArchivingError(ArchiveError):
    """It took longer than there was time."""


class ChangedArchivingError(ArchiveError):
    """Something was installed meanwhile."""
