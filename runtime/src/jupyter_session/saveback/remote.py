"""The folder on the access point: nothing outside it is touched, and no file in it is ever half a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from jupyter_session.condor.chirp import AnswerError, ChirpClient, ChirpError
from jupyter_session.condor.file_stat import FileStat
from jupyter_session.saveback.scan import OWN_FOLDER


class LeftOutError(Exception):
    """A file can't be saved for a reason that lies with it; the message is that reason."""


class ChangedError(Exception):
    """A file changed here while it was read."""


class AccessPoint:
    """The notebook folder `root` there, seen through one conversation. Paths are relative to it."""

    def __init__(self, files: ChirpClient, root: str) -> None:
        self._files = files
        self._root = root
        self._known_folders: set[str] = set()

    def forget(self) -> None:
        """Look at every folder anew from now on: one may have become a link."""
        self._known_folders.clear()

    def look(self, path: str) -> FileStat | None:
        """Look at a path; None if nothing is there. LeftOutError if it is reached through a link or a file."""
        return self._files.lstat(self._at(path)) if self._has_folder(os.path.dirname(path)) else None

    def look_at_all(self, folder: str, names: Sequence[str]) -> dict[str, FileStat]:
        """Look at files of one folder, many of them in one request. Links are followed, as HTCondor does."""
        if not self._has_folder(folder):
            return {}
        if len(names) > 2:
            with suppress(AnswerError):  # a link that leads nowhere, or a line break in a name
                return self._files.list_folder(self._at(folder))
        found = ((name, self._files.stat(self._at(os.path.join(folder, name)))) for name in names)
        return {name: about for name, about in found if about}

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""
        if self._has_folder(os.path.dirname(path)):
            self._files.remove(self._at(path))

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        self._known_folders.discard(path)
        if self._has_folder(os.path.dirname(path)):
            self._files.remove_folder(self._at(path))

    def make_folders(self, folder: str) -> list[str]:
        """Make a folder and what leads to it; return those that were not there."""
        if self._has_folder(folder):
            return []
        made = self.make_folders(os.path.dirname(folder)) if folder else []
        self._files.make_folder(self._at(folder))
        self._known_folders.add(folder)
        return [*made, folder]

    def put(
        self,
        path: str,
        parts: Iterator[bytes],
        *,
        mode: int,
        beside: str,
        there: FileStat | None,
        is_whole: Callable[[], bool],
    ) -> Iterator[FileStat | None]:
        """Write a file beside its place, then rename it over what is `there`; an error leaves what was there.

        `beside` is a name in the session's own folder; the file's folder must be there. Yields None after each part,
        and, right before the rename, what the file will be there. Then `is_whole` has said whether what was sent may
        take its place.
        """
        self.make_folders(OWN_FOLDER)
        temporary = self._at(os.path.join(OWN_FOLDER, beside))
        self._files.remove(temporary)
        descriptor = self._files.create(temporary, 0o600 if there else mode)
        try:
            size = 0
            for part in parts:
                self._files.write(descriptor, part)
                size += len(part)
                yield None
            if there:  # so that a crash there leaves the old one or the new one
                self._files.flush(descriptor)
            closing, descriptor = descriptor, -1
            self._files.close_file(closing)
            if there:
                self._files.chmod(temporary, there.mode & 0o777)
            about = self._files.lstat(temporary)
            _check(is_whole(), ChangedError())
            _check(self.look(path) == there, LeftOutError("it is being changed on the access point"))
            _check(about is not None and about.size == size, LeftOutError("it did not arrive whole"))
            yield about
            self._files.rename(temporary, self._at(path))
        except (AnswerError, LeftOutError, ChangedError, GeneratorExit):
            with suppress(ChirpError):
                if descriptor >= 0:
                    self._files.close_file(descriptor)
                self._files.remove(temporary)
            raise

    def _at(self, path: str) -> str:
        return os.path.join(self._root, path) if path else self._root

    def _has_folder(self, folder: str) -> bool:
        """Say whether a folder is there, and every part of its path is a folder, not a link. LeftOutError if one is."""
        if folder in self._known_folders:
            return True
        if folder and not self._has_folder(os.path.dirname(folder)):
            return False
        about = self._files.lstat(self._at(folder))
        if about is None:
            return False
        if not about.is_folder:
            what = "a symbolic link" if about.is_link else "no folder"
            raise LeftOutError(f"{folder or self._root} is {what} on the access point")
        self._known_folders.add(folder)
        return True


def _check(is_so: bool, error: Exception) -> None:  # noqa: FBT001
    if not is_so:
        raise error
