"""Brings the notebook folder on the access point up to date, one file at a time."""

from __future__ import annotations

import itertools
import logging
import os
import re
from collections.abc import Callable, Generator, Iterator

from jupyter_session.condor.chirp_errors import AnswerError
from jupyter_session.condor.file_stat import FileStat
from jupyter_session.saveback.access_point import AccessPoint
from jupyter_session.saveback.attempts import RESTLESS, Attempts
from jupyter_session.saveback.errors import ChangedError, LeftOutError
from jupyter_session.saveback.ledger import Ledger
from jupyter_session.saveback.plan import Entry, Limits, find_removed, generate_own_names, may_replace, plan_transfers
from jupyter_session.saveback.report import MOST_NAMES, Report
from jupyter_session.saveback.scan import OWN_FOLDER, Scan, read_folder_mode, read_signature, scan_folder
from jupyter_session.saveback.source import SourceFile
from jupyter_session.units.printable import escape_name

#: Bytes. A larger file is sent a part at a time, between the smaller ones.
LARGE = 8 << 20

_LOG = logging.getLogger(__name__)
_MOST_OWN_NAMES = 100


class Copier:
    """What is known of both sides of one session's folder. Not thread-safe. Times are seconds of any clock.

    `make_ledger` returns what is known, from what is in the folder now.
    """

    def __init__(
        self,
        folder: str,
        job: str,
        limits: Limits,
        exclude: re.Pattern[str],
        *,
        make_ledger: Callable[[Scan], Ledger],
    ) -> None:
        self._folder = folder
        self._job = job
        self._limits = limits
        self._exclude = exclude
        self._before: Scan | None = None
        self._now = scan_folder(folder, exclude, {})
        self._ledger = make_ledger(self._now)
        self._plan = plan_transfers(self._ledger.entries, self._now, limits)
        self._attempts = Attempts()
        self._last_complete: float | None = None
        self._folder_modes: dict[str, int] = {}  # of folders that this session made there

    # Here

    @property
    def folder(self) -> str:
        """The notebook folder of the session."""
        return self._folder

    @property
    def ledger(self) -> Ledger:
        """What is known of the files on the access point."""
        return self._ledger

    def look(self, now: float) -> list[str]:
        """Look at the folder; return what to send now, the small files first."""
        self._before, self._now = self._now, scan_folder(self._folder, self._exclude, self._now.files)
        self._plan = plan_transfers(self._ledger.entries, self._now, self._limits)
        self._attempts.forget_others(set(self._plan.send))
        return [path for path in self._plan.send if self._attempts.is_due(path, now)]

    def select_unchanged(self, paths: list[str], now: float) -> list[str]:
        """Return those that have not changed since the last look, or that have been changing for RESTLESS seconds."""
        ready = []
        for path in paths:
            if read_signature(self._here(path)) == self._now.files[path]:
                self._attempts.note_unchanged(path)
                ready.append(path)
            elif now - self._attempts.note_changed(path, now) >= RESTLESS:
                ready.append(path)
        return ready

    def is_large(self, path: str) -> bool:
        """Return whether a file is to be sent a part at a time."""
        return self._now.files[path].size > LARGE

    @property
    def links(self) -> list[str]:
        """The symbolic links that the last look has found."""
        return self._now.links

    @property
    def has_removals(self) -> bool:
        """Whether something is to be removed on the access point."""
        return bool(find_removed(self._ledger.entries, self._now, self._before))

    @property
    def has_closed_folders(self) -> bool:
        """Whether a folder that this session made on the access point is more private here by now."""
        return bool(self._find_closed_folders())

    # There

    def close_folders(self, there: AccessPoint) -> None:
        """Make the folders that this session made as private as they are here by now."""
        for folder, mode in self._find_closed_folders().items():
            self._folder_modes[folder] = mode
            try:
                there.set_folder_mode(folder, mode)
            except (AnswerError, LeftOutError) as error:
                _LOG.debug("the folder %s stays as open as it was: %s", escape_name(folder), error)

    def clean_up(self, there: AccessPoint) -> None:
        """Remove the unfinished files of an earlier run of this job."""
        for beside in (self._beside(large=False), self._beside(large=True)):
            try:
                there.remove(os.path.join(OWN_FOLDER, beside))
            except LeftOutError as error:  # noqa: PERF203 - two turns
                _LOG.debug("no unfinished file is removed: %s", error)

    def send(self, there: AccessPoint, path: str, now: float) -> Generator[None]:
        """Save one file, a part at a time. If that fails, note why, and try again later."""
        try:
            yield from self._send(there, path)
        except ChangedError:
            _LOG.debug("%s changed while it was sent", escape_name(path))
            self._attempts.note_changed(path, now)
        except (AnswerError, LeftOutError) as error:
            _LOG.debug("%s was not saved: %s", escape_name(path), error)
            self._attempts.note_failure(path, there.explain(error, self._beside(large=False)), now)
        else:
            self._attempts.note_success(path)

    def send_list(self, there: AccessPoint, name: str, text: str) -> bool:
        """Write a list of the session's own, for the next session; return whether it is there."""
        try:
            there.write(os.path.join(OWN_FOLDER, name), text.encode(), beside=self._beside(large=False))
        except (AnswerError, LeftOutError) as error:
            _LOG.debug("%s was not saved: %s", name, error)
            return False
        return True

    def pause_after(self, path: str, took: float, now: float) -> None:
        """Keep a large file that changes all the time from taking the whole connection; it took `took` seconds."""
        self._attempts.pause(path, took, now)

    def remove_gone(self, there: AccessPoint) -> None:
        """Remove on the access point what this session has put there and is no longer here."""
        for path in find_removed(self._ledger.entries, self._now, self._before):
            if os.path.lexists(self._here(path)):
                continue
            entry = self._ledger.entries.pop(path)
            try:
                about = there.look(path)
                if about and may_replace(entry, about):
                    there.remove(path)
                    self._ledger.note_removed(path)
            except (AnswerError, LeftOutError) as error:
                _LOG.debug("%s stays on the access point: %s", escape_name(path), error)
        for folder in self._ledger.made_folders[::-1]:
            if not os.path.lexists(self._here(folder)) and not self._ledger.has_files_in(folder):
                self._ledger.made_folders.remove(folder)
                try:
                    there.remove_folder(folder)
                except (AnswerError, LeftOutError) as error:  # someone else's files are in it
                    _LOG.debug("the folder %s stays on the access point: %s", escape_name(folder), error)

    def note_if_complete(self, now: float) -> None:
        """Note the time if everything that is to be saved has been saved."""
        to_send = {path: self._now.files[path] for path in self._plan.send}
        if all(self._attempts.is_left_out(path) for path in self._ledger.find_unsaved(to_send)):
            self._last_complete = now

    def protect(self, there: AccessPoint) -> None:
        """Keep HTCondor, which brings the folder back next, from overwriting what has changed on the access point.

        HTCondor writes only what it finds here. So a file that changed there only is removed here, and one that changed
        on both sides gets a name of its own here too.
        """
        self._now = scan_folder(self._folder, self._exclude, self._now.files)
        for folder, paths in itertools.groupby(sorted(self._now.files, key=os.path.split), os.path.dirname):
            names = [os.path.basename(path) for path in paths if "\n" not in path]
            try:
                found = there.look_at_all(folder, names)
            except (AnswerError, LeftOutError) as error:
                _LOG.debug("can't look at the folder %r on the access point: %s", escape_name(folder), error)
                continue
            for name in names:
                if name in found:
                    self._protect(there, os.path.join(folder, name), found[name])

    # What is known

    def report(self, now: float, problem: str = "") -> Report:
        """Return what has been done so far."""
        ledger = self._ledger
        left_out = {
            **self._plan.left_out,
            **self._attempts.find_left_out(now),
            **dict.fromkeys(ledger.newer, "newer on the access point"),
        }
        problems = self._attempts.find_problems()
        if problems and not problem:
            path, reason = problems[0]
            problem = f"{escape_name(path)} can't be saved on the access point: {reason}; trying again."
        return Report(
            saved={escape_name(path): count for path, count in list(ledger.saved.items())[-MOST_NAMES:]},
            saved_count=len(ledger.saved),
            total_bytes=ledger.total_bytes,
            conflicts={escape_name(path): escape_name(own) for path, own in ledger.conflicts.items()},
            left_out={escape_name(path): why for path, why in itertools.islice(left_out.items(), MOST_NAMES)},
            left_out_count=len(left_out),
            refused_count=len(problems),
            removed=tuple(escape_name(path) for path in ledger.removed[-MOST_NAMES:]),
            behind=None if self._last_complete is None else now - self._last_complete,
            problem=problem,
        )

    def _find_closed_folders(self) -> dict[str, int]:
        modes = {folder: read_folder_mode(self._here(folder)) for folder in self._folder_modes}
        return {folder: mode for folder, mode in modes.items() if self._folder_modes[folder] & ~mode}

    def _here(self, path: str) -> str:
        return os.path.join(self._folder, path)

    def _beside(self, *, large: bool) -> str:
        return f"saving-{self._job}-large" if large else f"saving-{self._job}"

    def _send(self, there: AccessPoint, path: str) -> Iterator[None]:
        made = there.make_folders(os.path.dirname(path))
        self._ledger.made_folders += made
        self._folder_modes |= made
        name, about = self._choose_name(there, path)
        source = SourceFile(self._here(path), self._now.files[path], may_grow=self._attempts.is_restless(path))
        beside = self._beside(large=self.is_large(path))
        with there.upload(name, mode=source.mode, beside=beside, replaces=about) as upload:
            for part in source.read_parts():
                upload.write(part)
                yield
            upload.close()
            if not source.is_whole():
                raise ChangedError
            try:
                upload.commit()
            finally:
                if upload.will_be:
                    self._ledger.note_rename(name, upload.will_be)
        self._ledger.note_saved(path, name, source.signature, was_there=about is not None)

    def _choose_name(self, there: AccessPoint, path: str) -> tuple[str, FileStat | None]:
        """Choose the name under which a file is saved; return it with what is there now."""
        entry = self._ledger.entries.get(path)
        first = entry.name if entry else path
        about = there.look(first)
        if about and not about.is_file:
            raise LeftOutError(f"{'a symbolic link' if about.is_link else 'not a file'} on the access point")
        if self._ledger.may_replace(path, first, about):
            return first, about
        return self._choose_own_name(there, path), None

    def _choose_own_name(self, there: AccessPoint, path: str) -> str:
        for name in itertools.islice(generate_own_names(path, self._job), _MOST_OWN_NAMES):
            if not os.path.lexists(self._here(name)) and there.look(name) is None:
                return name
        raise LeftOutError("there are too many copies of it on the access point")

    def _protect(self, there: AccessPoint, path: str, about: FileStat) -> None:
        try:
            self._make_way(there, path, about)
        except (AnswerError, LeftOutError, OSError) as error:
            _LOG.debug("%s can't be protected on the access point: %s", escape_name(path), error)

    def _make_way(self, there: AccessPoint, path: str, about: FileStat) -> None:
        entries = self._ledger.entries
        entry = entries.get(path)
        has_own_name = entry is not None and entry.name != path
        if not has_own_name and may_replace(entry, about):
            return
        if entry and not has_own_name and entry.local == self._now.files[path] and _is_newer(entry, about):
            os.unlink(self._here(path))
            self._ledger.newer.append(path)
            return
        own = entry.name if entry and has_own_name else ""
        if own and not os.path.lexists(self._here(own)) and may_replace(entry, there.look(own)):
            entries[own] = entries.pop(path)
        else:
            own = self._choose_own_name(there, path)
        os.rename(self._here(path), self._here(own))
        self._ledger.conflicts[path] = own


def _is_newer(entry: Entry, there: FileStat) -> bool:
    """Return whether a file has changed on the access point since it came with the job, or since we saved it."""
    return entry.there is not None or there.ctime > entry.arrived
