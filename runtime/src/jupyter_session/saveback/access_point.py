"""The notebook folder on the access point. Nothing outside it is touched, and it never has half a file."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from jupyter_session.condor import quota
from jupyter_session.condor.chirp import CHUNK, ChirpClient
from jupyter_session.condor.chirp_errors import AnswerError
from jupyter_session.condor.file_stat import FileStat
from jupyter_session.saveback.errors import ChangedError, LeftOutError
from jupyter_session.saveback.scan import OWN_FOLDER, read_folder_mode
from jupyter_session.saveback.upload import Upload

_LOG = logging.getLogger(__name__)


class AccessPoint:
    """The notebook folder `root` there, seen through one conversation. Paths are relative to it.

    `here` is the same folder in the session, whose folders have the permissions that new ones there get.
    """

    def __init__(self, chirp: ChirpClient, root: str, here: str) -> None:
        self._chirp = chirp
        self._root = root
        self._here = here
        self._known_folders: set[str] = set()

    def forget_folders(self) -> None:
        """Look at every folder again from now on: one may have become a link."""
        self._known_folders.clear()

    def look(self, path: str) -> FileStat | None:
        """Look at a path; return None if nothing is there. Raises LeftOutError if a link or a file leads to it."""
        return self._chirp.lstat(self._at(path)) if self._has_folder(os.path.dirname(path)) else None

    def look_at_all(self, folder: str, names: Sequence[str]) -> dict[str, FileStat]:
        """Look at files of one folder, many of them in one request. Follows links, as HTCondor does."""
        if not self._has_folder(folder):
            return {}
        if len(names) > 2:
            try:
                return self._chirp.list_folder(self._at(folder))
            except AnswerError as error:  # a link whose target doesn't exist, or a line break in a name
                _LOG.debug("can't list a folder on the access point, so its files are looked at one by one: %s", error)
        found = ((name, self._chirp.stat(self._at(os.path.join(folder, name)))) for name in names)
        return {name: about for name, about in found if about}

    def list(self, folder: str) -> dict[str, FileStat]:
        """List a folder, following links; empty if it isn't there. Raises LeftOutError if a link leads to it."""
        return self._chirp.list_folder(self._at(folder)) if self._has_folder(folder) else {}

    def read(self, path: str) -> Iterator[bytes]:
        """Yield the parts of a file."""
        return self._chirp.read_parts(self._at(path))

    def remove(self, path: str) -> None:
        """Remove a file if it exists."""
        if self._has_folder(os.path.dirname(path)):
            self._chirp.remove(self._at(path))

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        self._known_folders.discard(path)
        if self._has_folder(os.path.dirname(path)):
            self._chirp.remove_folder(self._at(path))

    def make_folders(self, folder: str) -> dict[str, int]:
        """Make a folder and its parents, as private as they are here; return those that did not exist, with modes."""
        if self._has_folder(folder):
            return {}
        made = self.make_folders(os.path.dirname(folder)) if folder else {}
        like = "" if folder == OWN_FOLDER else folder  # ours may not be here
        mode = read_folder_mode(os.path.join(self._here, like))
        self._chirp.make_folder(self._at(folder), mode)
        self._known_folders.add(folder)
        return {**made, folder: mode}

    def set_folder_mode(self, folder: str, mode: int) -> None:
        """Set the permissions of a folder if it exists."""
        if self._has_folder(folder):
            self._chirp.chmod(self._at(folder), mode)

    @contextmanager
    def upload(self, path: str, *, mode: int, beside: str, replaces: FileStat | None) -> Iterator[Upload]:
        """Begin to write a file, whose folder must exist; whatever goes wrong with it leaves what was at `path`.

        It is written as `beside`, a name in the session's own folder, until it is committed.
        """
        self.make_folders(OWN_FOLDER)
        temporary = self._at(os.path.join(OWN_FOLDER, beside))
        upload = Upload(
            self._chirp, temporary, self._at(path), mode=mode, replaces=replaces, look=lambda: self.look(path)
        )
        try:
            yield upload
        except (AnswerError, LeftOutError, ChangedError, GeneratorExit):
            upload.discard()
            raise

    def write(self, path: str, data: bytes, *, beside: str) -> None:
        """Write a file of the session's own at once, whatever is there."""
        self.make_folders(OWN_FOLDER)
        temporary = self._at(os.path.join(OWN_FOLDER, beside))
        self._chirp.remove(temporary)
        descriptor = self._chirp.create(temporary, 0o644)
        try:
            for start in range(0, len(data), CHUNK):
                self._chirp.write(descriptor, data[start : start + CHUNK])
            self._chirp.close_file(descriptor)
            self._chirp.rename(temporary, self._at(path))
        except AnswerError:
            self._chirp.remove(temporary)
            raise

    def explain(self, error: Exception, beside: str) -> Exception:
        """Return an error that names a full quota if that is behind one for which chirp has no name."""
        if not isinstance(error, AnswerError):
            return error
        folder = self._at(OWN_FOLDER) if OWN_FOLDER in self._known_folders else self._root
        return quota.explain(error, self._chirp, os.path.join(folder, beside))

    def _at(self, path: str) -> str:
        return os.path.join(self._root, path) if path else self._root

    def _has_folder(self, folder: str) -> bool:
        """Return whether a folder exists, and every part of its path is a folder. Raises LeftOutError if one isn't."""
        if folder in self._known_folders:
            return True
        if folder and not self._has_folder(os.path.dirname(folder)):
            return False
        about = self._chirp.lstat(self._at(folder))
        if about is None:
            return False
        if not about.is_folder:
            what = "a symbolic link" if about.is_link else "not a folder"
            raise LeftOutError(f"{folder or self._root} is {what} on the access point")
        self._known_folders.add(folder)
        return True
