"""What the access point says about one of its files."""

from __future__ import annotations

import stat
from typing import NamedTuple


class FileStat(NamedTuple):
    """The result of lstat on the access point. Times are whole seconds of its clock."""

    mode: int
    size: int
    inode: int
    mtime: int
    ctime: int

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)


def parse_file_stat(line: bytes) -> FileStat:
    """Parse chirp's 13 numbers: device inode mode nlink uid gid rdevice size blksize blocks atime mtime ctime.

    Raises ValueError if the line has anything else.
    """
    _, inode, mode, _, _, _, _, size, _, _, _, mtime, ctime = map(int, line.split())
    return FileStat(mode, size, inode, mtime, ctime)
