"""Brings the notebook folder on the access point up to date: what it knows, and one file at a time."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass

from jupyter_session.condor.chirp import CHUNK, AnswerError
from jupyter_session.condor.file_stat import FileStat
from jupyter_session.saveback.plan import Entry, Limits, find_removed, is_same, may_replace, own_names, plan_transfers
from jupyter_session.saveback.remote import AccessPoint, ChangedError, LeftOutError
from jupyter_session.saveback.report import MOST_NAMES, Report
from jupyter_session.saveback.scan import OWN_FOLDER, Scan, Signature, scan, signature
from jupyter_session.units.printable import escape_name

#: Bytes. A larger file is sent in between the smaller ones.
LARGE = 8 << 20
#: Seconds after which a file that never holds still is saved as it was at one moment, if it only grows.
RESTLESS = 45.0

_FIRST_DELAY, _LONGEST_DELAY = 5.0, 60.0
_PAUSE_AFTER_LARGE = 3  # times as long as its sending took
_MOST_OWN_NAMES = 100
_RESTLESS = "it changes all the time"


@dataclass(frozen=True)
class Failure:
    """Why a file could not be saved the last time, and when it is tried again."""

    why: str
    retry_at: float
    delay: float
    is_problem: bool


class Copier:
    """What is known of both sides of one session's folder. Not for two threads at once. Times are seconds of any clock.

    `started` is when the job's files were sent, on the access point's clock, and `received_from` the same moment on
    the clock of the local files (nanoseconds).
    """

    def __init__(
        self, folder: str, job: str, limits: Limits, exclude: re.Pattern[str], *, started: int, received_from: int
    ) -> None:
        self._folder = folder
        self._job = job
        self._limits = limits
        self._exclude = exclude
        self._before: Scan | None = None
        self._now = scan(folder, exclude, {})
        self._ledger = {
            path: Entry(local, path, arrived=started + max(0, local.ctime - received_from) // 1_000_000_000)
            for path, local in self._now.files.items()
        }
        self._plan = plan_transfers(self._ledger, self._now, limits)
        self._restless: dict[str, float] = {}
        self._failures: dict[str, Failure] = {}
        self._not_before: dict[str, float] = {}
        self._renaming: dict[str, FileStat] = {}  # what may be there or not: the answer was lost
        self._newer: list[str] = []
        self._made_folders: list[str] = []
        self._saved: dict[str, int] = {}
        self._conflicts: dict[str, str] = {}
        self._removed: list[str] = []
        self._last_complete: float | None = None

    # Here

    def look(self, now: float) -> list[str]:
        """Look at the folder; return what to send, the small ones first, without what is to be tried later."""
        self._before, self._now = self._now, scan(self._folder, self._exclude, self._now.files)
        self._plan = plan_transfers(self._ledger, self._now, self._limits)
        changed = set(self._plan.send)
        for known in (self._failures, self._restless, self._not_before):
            for path in [path for path in known if path not in changed]:
                del known[path]
        return [path for path in self._plan.send if now >= max(self._retry_at(path), self._not_before.get(path, 0))]

    def still(self, paths: list[str], now: float) -> list[str]:
        """Return those that have not changed since they were looked at, or have been restless for so long."""
        ready = []
        for path in paths:
            if signature(self._here(path)) == self._now.files[path]:
                self._restless.pop(path, None)
                ready.append(path)
            elif now - self._restless.setdefault(path, now) >= RESTLESS:
                ready.append(path)
        return ready

    def is_large(self, path: str) -> bool:
        """Say whether a file is to be sent in between others."""
        return self._now.files[path].size > LARGE

    @property
    def has_gone(self) -> bool:
        """Whether something is to be removed on the access point."""
        return bool(find_removed(self._ledger, self._now, self._before))

    # There

    def clean(self, there: AccessPoint) -> None:
        """Remove what an earlier run of this job may have left half done."""
        for beside in (self._beside(large=False), self._beside(large=True)):
            with suppress(LeftOutError):
                there.remove(os.path.join(OWN_FOLDER, beside))

    def send(self, there: AccessPoint, path: str, now: float) -> Generator[None]:
        """Save one file, a part at a time. What goes wrong with it is noted, and it is tried again later."""
        try:
            yield from self._send(there, path)
        except ChangedError:
            self._restless.setdefault(path, now)
        except (AnswerError, LeftOutError) as error:
            self._fail(path, error, now)
        else:
            self._failures.pop(path, None)

    def pause_after(self, path: str, took: float, now: float) -> None:
        """Let a large file that changes all the time not take the whole line: `took` seconds, until `now`."""
        self._not_before[path] = now + _PAUSE_AFTER_LARGE * took

    def tidy(self, there: AccessPoint) -> None:
        """Remove on the access point what this session has put there and is no longer here."""
        for path in find_removed(self._ledger, self._now, self._before):
            if os.path.lexists(self._here(path)):
                continue
            entry = self._ledger.pop(path)
            with suppress(AnswerError, LeftOutError):
                about = there.look(path)
                if about and may_replace(entry, about):
                    there.remove(path)
                    self._removed.append(path)
                    self._saved.pop(path, None)
        for folder in self._made_folders[::-1]:
            within = folder + "/"
            if not os.path.lexists(self._here(folder)) and not any(
                entry.name.startswith(within) for entry in self._ledger.values()
            ):
                self._made_folders.remove(folder)
                with suppress(AnswerError, LeftOutError):  # someone else's files are in it
                    there.remove_folder(folder)

    def settle(self, now: float) -> None:
        """Note whether all that is to be saved is there now."""
        left_out = {path for path, failure in self._failures.items() if not failure.is_problem}
        if all(
            path in left_out or (path in self._ledger and self._ledger[path].local == self._now.files[path])
            for path in self._plan.send
        ):
            self._last_complete = now

    def protect(self, there: AccessPoint) -> None:
        """Keep HTCondor, which brings the folder back next, from overwriting what has changed on the access point.

        It writes only what it finds here. So a file that changed there alone goes away here, and one that changed on
        both sides gets a name of its own here too.
        """
        self._now = scan(self._folder, self._exclude, self._now.files)
        for folder, paths in itertools.groupby(sorted(self._now.files, key=os.path.split), os.path.dirname):
            names = [os.path.basename(path) for path in paths if "\n" not in path]
            found: dict[str, FileStat] = {}
            with suppress(LeftOutError, AnswerError):
                found = there.look_at_all(folder, names)
            for name in names:
                with suppress(LeftOutError, AnswerError, OSError):
                    if name in found:
                        self._make_way(there, os.path.join(folder, name), found[name])

    # What is known

    def report(self, now: float, problem: str = "") -> Report:
        """Say what has been done so far."""
        left_out = {
            **self._plan.left_out,
            **{path: failure.why for path, failure in self._failures.items()},
            **dict.fromkeys((path for path, since in self._restless.items() if now - since > RESTLESS), _RESTLESS),
            **dict.fromkeys(self._newer, "newer on the access point"),
        }
        failing = [(path, failure.why) for path, failure in self._failures.items() if failure.is_problem]
        if failing and not problem:
            problem = f"{escape_name(failing[0][0])} can't be saved on the access point: {failing[0][1]}; trying again."
        return Report(
            saved={escape_name(path): count for path, count in list(self._saved.items())[-MOST_NAMES:]},
            saved_count=len(self._saved),
            total_bytes=sum(entry.saved_bytes for entry in self._ledger.values()),
            conflicts={escape_name(path): escape_name(own) for path, own in self._conflicts.items()},
            left_out={escape_name(path): why for path, why in itertools.islice(left_out.items(), MOST_NAMES)},
            left_out_count=len(left_out),
            refused_count=len(failing),
            removed=tuple(escape_name(path) for path in self._removed[-MOST_NAMES:]),
            behind=None if self._last_complete is None else now - self._last_complete,
            problem=problem,
        )

    def _here(self, path: str) -> str:
        return os.path.join(self._folder, path)

    def _beside(self, *, large: bool) -> str:
        return f"saving-{self._job}-large" if large else f"saving-{self._job}"

    def _retry_at(self, path: str) -> float:
        return self._failures[path].retry_at if path in self._failures else 0

    def _fail(self, path: str, error: Exception, now: float) -> None:
        delay = min(_LONGEST_DELAY, self._failures[path].delay * 2) if path in self._failures else _FIRST_DELAY
        self._failures[path] = Failure(str(error), now + delay, delay, is_problem=isinstance(error, AnswerError))

    def _send(self, there: AccessPoint, path: str) -> Iterator[None]:
        entry = self._ledger.get(path)
        self._made_folders += there.make_folders(os.path.dirname(path))
        name, about = self._place(there, path, entry)
        source = Source(self._here(path), self._now.files[path], may_grow=path in self._restless)
        beside = self._beside(large=self.is_large(path))
        for will_be in there.put(
            name, source.parts(), mode=source.mode, beside=beside, there=about, is_whole=source.is_whole
        ):
            if will_be:
                self._renaming[name] = will_be
            yield
        is_new = entry.is_new if entry else about is None
        self._ledger[path] = Entry(source.signature, name, self._renaming.pop(name), is_new=is_new)
        self._saved[path] = self._saved.pop(path, 0) + 1
        if name != path:
            self._conflicts[path] = name

    def _place(self, there: AccessPoint, path: str, entry: Entry | None) -> tuple[str, FileStat | None]:
        """Choose the name under which a file is saved; return it with what is there now."""
        first = entry.name if entry else path
        about = there.look(first)
        if about and not about.is_file:
            raise LeftOutError(
                "a symbolic link on the access point" if about.is_link else "no file on the access point"
            )
        if may_replace(entry, about) or (about and first in self._renaming and is_same(about, self._renaming[first])):
            return first, about
        return self._own_name(there, path), None

    def _own_name(self, there: AccessPoint, path: str) -> str:
        for name in itertools.islice(own_names(path, self._job), _MOST_OWN_NAMES):
            if not os.path.lexists(self._here(name)) and there.look(name) is None:
                return name
        raise LeftOutError("there are too many copies of it on the access point")

    def _make_way(self, there: AccessPoint, path: str, about: FileStat) -> None:
        entry = self._ledger.get(path)
        has_own_name = entry is not None and entry.name != path
        if not has_own_name and may_replace(entry, about):
            return
        if entry and not has_own_name and entry.local == self._now.files[path]:
            os.unlink(self._here(path))
            self._newer.append(path)
            return
        own = entry.name if entry and has_own_name else ""
        if own and not os.path.lexists(self._here(own)) and may_replace(entry, there.look(own)):
            self._ledger[own] = self._ledger.pop(path)
        else:
            own = self._own_name(there, path)
        os.rename(self._here(path), self._here(own))
        self._conflicts[path] = own


class Source:
    """One reading of a file here. What is sent is what the file was at one moment.

    That is so if it is unchanged after it was read; or, with `may_grow`, if it is still the beginning of the file.
    """

    def __init__(self, path: str, expected: Signature, *, may_grow: bool) -> None:
        self._path = path
        self._may_grow = may_grow
        self.signature = (signature(path) or expected) if may_grow else expected
        self._digest = hashlib.blake2b()

    @property
    def mode(self) -> int:
        """The file's permissions."""
        return self.signature.mode & 0o777

    def parts(self) -> Iterator[bytes]:
        """Yield the file as it was when it was looked at; ChangedError if it is another one by now."""
        for part in self._read():
            self._digest.update(part)
            yield part

    def is_whole(self) -> bool:
        """Say whether what was read was the file at one moment."""
        now = signature(self._path)
        if now == self.signature:
            return True
        if not (self._may_grow and now and now.inode == self.signature.inode):
            return False
        again = hashlib.blake2b()
        with suppress(ChangedError):
            for part in self._read():
                again.update(part)
        return again.digest() == self._digest.digest()

    def _read(self) -> Iterator[bytes]:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise LeftOutError(f"it can't be read ({error.strerror})") from error
        with open(descriptor, "rb", buffering=0) as file:
            if os.fstat(descriptor).st_ino != self.signature.inode:
                raise ChangedError
            left = self.signature.size
            while left:
                part = file.read(min(left, CHUNK))
                if not part:
                    raise ChangedError
                left -= len(part)
                yield part
