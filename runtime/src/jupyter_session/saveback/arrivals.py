"""What others put into the notebook folder on the access point while the session runs, and how it gets here."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping

from jupyter_session.condor.chirp_errors import AnswerError
from jupyter_session.condor.file_stat import FileStat
from jupyter_session.saveback.access_point import AccessPoint
from jupyter_session.saveback.errors import ChangedError, LeftOutError
from jupyter_session.saveback.ledger import Ledger
from jupyter_session.saveback.plan import Entry, generate_names, is_same
from jupyter_session.saveback.scan import ENVIRONMENT_MARKS, OWN_FOLDER, read_signature
from jupyter_session.units.printable import escape_name

_LOG = logging.getLogger(__name__)
#: Folders that one look sees, and files that are remembered.
_MOST_FOLDERS, _MOST = 200, 1000
#: The name of a file that isn't here yet, in the session's own folder.
_BESIDE = "fetching"
_MARK = "from the access point"


class Arrivals:
    """The files that are new on the access point, or have changed there. Not thread-safe.

    `started` is when the job was started, in seconds of the access point's clock. What is older came with the job, or
    can't.
    """

    def __init__(self, folder: str, exclude: re.Pattern[str], started: int) -> None:
        self._folder = folder
        self._exclude = exclude
        self._started = started
        self._seen: dict[str, FileStat] = {}  # at the last look, known or not
        self._fetched: dict[str, FileStat] = {}
        self._found: dict[str, FileStat] = {}

    @property
    def found(self) -> Mapping[str, FileStat]:
        """What has arrived and isn't here, by its path."""
        return self._found

    @property
    def are_unsure(self) -> bool:
        """Whether something has been seen that counts only if it stays as it is."""
        return len(self._seen) > len(self._found)

    def look(self, there: AccessPoint, ledger: Ledger, *, at_once: bool = False) -> None:
        """Look at the whole folder. A file counts once it is the same in two looks, or `at_once`."""
        names = {entry.name: path for path, entry in ledger.entries.items()}
        before, self._seen = self._seen, {}
        found: dict[str, FileStat] = {}
        for path, about in self._walk(there):
            if about.ctime < self._started or path in ledger.conflicts or len(found) >= _MOST:
                continue
            known = names.get(path, path)
            if path in names and ledger.may_replace(known, path, about):
                continue
            if path in self._fetched and is_same(about, self._fetched[path]):
                continue
            self._seen[path] = about
            if at_once or (path in before and is_same(about, before[path])):
                found[path] = about
        self._found = found

    def _walk(self, there: AccessPoint) -> Iterator[tuple[str, FileStat]]:
        """Yield the files. Links are followed to files, and not to folders."""
        todo, count = [""], 0
        while todo and count < _MOST_FOLDERS:
            folder = todo.pop(0)
            count += 1
            try:
                listed = there.list(folder)
            except (AnswerError, LeftOutError) as error:
                _LOG.debug("can't look for what is new in %s: %s", escape_name(folder), error)
                continue
            if folder and ENVIRONMENT_MARKS & listed.keys():
                continue
            for name, about in listed.items():
                if name in (".", "..") or self._exclude.match(name) or (not folder and name == OWN_FOLDER):
                    continue
                if about.is_folder:
                    todo.append(os.path.join(folder, name))
                elif about.is_file:
                    yield os.path.join(folder, name), about

    def fetch(self, there: AccessPoint, ledger: Ledger, path: str) -> Iterator[int]:
        """Bring a file here, a part at a time; yield the bytes that have come. A file that has changed here stays.

        Raises AnswerError, LeftOutError, ChangedError, and OSError.
        """
        about = there.look(path)
        if about is None or not about.is_file:
            raise LeftOutError("it is no file there")
        beside = os.path.join(self._folder, OWN_FOLDER, _BESIDE)
        os.makedirs(os.path.dirname(beside), exist_ok=True)
        try:
            count = 0
            with open(beside, "wb") as file:
                os.fchmod(file.fileno(), about.mode & 0o777 | 0o600)
                for part in there.read(path):
                    file.write(part)
                    count += len(part)
                    yield count
            if (now := there.look(path)) is None or not is_same(now, about) or count != about.size:
                raise ChangedError
            self._place(beside, path, about, ledger)
        finally:
            if os.path.lexists(beside):
                os.unlink(beside)

    def _place(self, beside: str, path: str, about: FileStat, ledger: Ledger) -> None:
        to, entry = os.path.join(self._folder, path), ledger.entries.get(path)
        os.makedirs(os.path.dirname(to), exist_ok=True)
        self._fetched[path] = about
        self._found = {name: each for name, each in self._found.items() if name != path}
        if os.path.lexists(to) and (entry is None or entry.name != path or read_signature(to) != entry.local):
            names = (os.path.join(self._folder, name) for name in generate_names(path, _MARK))
            to = next(name for name in names if not os.path.lexists(name))
            os.rename(beside, to)
            return
        os.rename(beside, to)
        if local := read_signature(to):
            # As if it had come with the job.
            ledger.note_fetched(path, Entry(local, path, arrived=about.ctime, sent=0))


def is_within(path: str, given: str) -> bool:
    """Return whether a path is the one that was given, or lies in the folder that was given."""
    given = os.path.normpath(given)
    return path == given or path.startswith(given + os.sep)
