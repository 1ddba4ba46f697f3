"""Keeps the packages of a session for the next one, in a thread: unpacks them at its start, and packs what changes."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from jupyter_session import output
from jupyter_session.jupyter.kernelspecs import offer_environments
from jupyter_session.jupyter.packages import Environment
from jupyter_session.packages import messages
from jupyter_session.packages.changes import Changes
from jupyter_session.packages.environments import Environments
from jupyter_session.packages.errors import ArchiveError, ChangedArchivingError, InterruptedArchivingError
from jupyter_session.packages.installing import install
from jupyter_session.packages.store import Store, Wanted
from jupyter_session.state_dir import StateDir

_LOG = logging.getLogger(__name__)
#: Seconds from one look at the environment to the next, and seconds without a change before it is packed.
_INTERVAL, _SETTLE = 1.0, 1.5
_QUIET = 5  # intervals from one look to the next while the session isn't used
_RETRY = 60.0  # seconds after which what could not be packed is tried again
_LONG = 15.0  # seconds of unpacking after which the user wants to know
_SOON = 0.1
_LAST_TRIES = 3  # at the end, when something changes while it is packed


class Keeper:
    """Keeps the packages of one session."""

    def __init__(
        self,
        state: StateDir,
        notebooks: Path,
        *,
        interval: float = _INTERVAL,
        settle: float = _SETTLE,
        environments: Environments | None = None,
    ) -> None:
        self._state = state
        self._notebooks = notebooks
        self._interval = interval
        self._settle = settle
        self._environments = environments
        self._environment: Environment | None = None
        self._store: Store
        self._changes: Changes
        self.is_quiet = False  # nothing in the session is at work
        self._problem, self._standing = "", ""  # `_standing` lasts as long as the session
        self._news: list[str] = []
        self._is_frozen = False  # the archive must stay as it is
        self._wanted = Wanted()
        self._closing, self._resetting = threading.Event(), threading.Event()
        self._resets = 0
        self._deadline = float("inf")  # on the monotonic clock
        self._thread: threading.Thread | None = None

    @property
    def problem(self) -> str:
        """Why packages aren't there, or aren't kept; empty if all is well."""
        return self._problem

    def take_news(self) -> list[str]:
        """Return the sentences for the user since the last call."""
        news, self._news = self._news, []
        return news

    def as_dict(self) -> dict[str, Any]:
        """Return what `jupyter-session packages` and `status` show. `resets` counts the resets that are done."""
        return {
            "root": str(self._environment.root) if self._environment else None,
            "problem": self._problem,
            "resets": self._resets,
            "places": self._list_places() if self._environment else [],
            "notebooks": str(self._notebooks),
        }

    def start(self, environment: Environment | None) -> None:
        """Unpack what an earlier session had, and keep what is installed from now on."""
        if environment is None:
            return
        self._environment = environment
        self._store = Store(self._notebooks, environment)
        self._changes = Changes(environment, self._store.read_version, self._store.read_stamp, self._state.id)
        try:
            if self._store.archive.is_file():
                environment.unpacking.touch()
        except OSError as error:
            _LOG.debug("kernels won't wait: %s", error)
        self._thread = threading.Thread(target=self._run, args=[environment], name="packages", daemon=True)
        self._thread.start()

    def reset(self) -> None:
        """Remove all that is installed, here and in the archive, as soon as what is at work has given up."""
        self._resetting.set()

    def close(self) -> None:
        """Pack now what has changed: the session is about to end."""
        self._closing.set()

    def finish(self, seconds: float) -> None:
        """Wait until that is done, for at most `seconds`; then the last archive stays."""
        self._deadline = time.monotonic() + seconds
        self._closing.set()
        if self._thread:
            self._thread.join(seconds + _INTERVAL)
            self._store.clean_up()
            if self._environments and not self._thread.is_alive():
                self._environments.pack(self._is_late)

    def _run(self, environment: Environment) -> None:
        try:
            if self._store.clean_up():
                self._news.append(messages.LEFT)
            self._wanted = self._store.read_list()
            is_wanted = self._restore(environment)
            if self._environments:
                self._news += self._environments.restore(self._is_late)
                offer_environments(self._notebooks, self._state.data)
            if is_wanted:
                self._install_anew(environment)
            else:
                self._wanted = Wanted(places=self._wanted.places)
            self._watch()
            self._pack_at_end()
        except Exception as error:  # noqa: BLE001 - the session goes on without it
            output.write_traceback()
            self._report(messages.INTERNAL.format(error))
        finally:
            environment.unpacking.unlink(missing_ok=True)

    def _restore(self, environment: Environment) -> bool:
        """Unpack the archive; return whether pip is to install what the list has."""
        is_wanted = bool(self._wanted.lines or self._wanted.lost)
        if not self._store.archive.is_file():
            if self._wanted.lines:
                self._report(messages.INSTALLING)
            return is_wanted
        began = time.monotonic()
        slow = threading.Timer(_LONG, self._report, [messages.UNPACKING])
        slow.daemon = True
        slow.start()
        try:
            fits, self._changes.packed = self._store.unpack(self._is_interrupted)
            slow.cancel()
            self._report("")
            _LOG.info("packages were unpacked in %.1f s", time.monotonic() - began)
        except InterruptedArchivingError:
            self._is_frozen = True
            return False
        except ArchiveError as error:
            slow.cancel()
            self._is_frozen = error.is_full
            if error.is_full:
                self._report(messages.NO_ROOM.format(error, self._store.archive.name))
                return False
            broken = messages.BROKEN.format(self._store.archive.name, error)
            self._report(broken + (messages.ANEW if self._wanted.lines else ""))
            return is_wanted
        finally:
            slow.cancel()
            environment.unpacking.unlink(missing_ok=True)
        self._wanted = replace(self._wanted, lost=())  # it is in the archive
        return not fits and bool(self._wanted.lines)

    def _install_anew(self, environment: Environment) -> None:
        lost = self._wanted.lost
        try:
            if self._wanted.lines:
                install(
                    environment,
                    self._wanted.lines,
                    self._wanted.places,
                    self._state.root,
                    variables=self._store.variables,
                    give_up=lambda: self._closing.is_set() or self._resetting.is_set(),
                )
        except InterruptedArchivingError:
            return
        except (ArchiveError, OSError) as error:
            self._standing = messages.NOT_ANEW.format(error, self._store.requirements)
            self._report(self._standing)
            return
        self._wanted = replace(self._wanted, lines=())
        self._report("")
        if lost:
            self._news.append(messages.LOST.format("; ".join(lost)))

    def _watch(self) -> None:
        """Pack what changes, a while after each change, until the session is about to end."""
        since, retry_at, delay = 0.0, 0.0, self._settle
        while not self._closing.wait(self._interval * (_QUIET if self.is_quiet and not self._changes.are_any else 1)):
            if self._resetting.is_set():
                self._forget()
            now = time.monotonic()
            if self._changes.look():
                since, retry_at, delay = now, 0.0, self._settle
            elif self._changes.are_any and now - since >= self._settle and now >= retry_at:
                if self._changes.are_being_made:
                    continue
                try:
                    self._pack()
                    retry_at = now + _RETRY  # for what is unfinished
                except ChangedArchivingError as error:
                    _LOG.debug("packing again in %.1f s: %s", delay, error)
                    retry_at, delay = time.monotonic() + delay, min(2 * delay, _RETRY)
                except ArchiveError as error:
                    self._report(messages.NOT_PACKED.format(error, self._kept))
                    retry_at = time.monotonic() + _RETRY

    def _pack_at_end(self) -> None:
        self._changes.look(thoroughly=True)
        while self._changes.are_being_made and not self._is_late():  # it ends with its terminal, or with its kernel
            time.sleep(min(self._interval, _SOON))
            self._changes.look()
        for left in reversed(range(_LAST_TRIES)):
            if not self._changes.are_any:
                return
            if self._changes.are_being_made:
                self._report(messages.AT_WORK.format(self._kept))
                return
            try:
                self._pack()
            except ArchiveError as error:
                if isinstance(error, ChangedArchivingError) and left:
                    self._changes.look()
                    continue
                self._report(messages.NOT_PACKED_AT_END.format(error, self._kept))
            return

    def _pack(self) -> None:
        """Pack what is installed, unless half of it is missing. Raises ArchiveError."""
        if self._is_frozen:
            return
        if unfinished := self._changes.find_unfinished():
            self._report(messages.KILLED.format(", ".join(unfinished[:3]), self._kept))
            return
        version = self._changes.seen
        self._wanted = replace(self._wanted, places=tuple(self._list_places()))
        self._store.pack(version, self._wanted, self._is_packing_interrupted)
        self._changes.packed = version
        _LOG.info("the packages are kept for the next session")
        self._report(self._standing)

    def _forget(self) -> None:
        self._resetting.clear()
        self._is_frozen, self._standing = False, ""
        self._wanted = Wanted()
        try:
            self._store.forget(self._is_late)
        except ArchiveError as error:
            self._report(messages.NOT_REMOVED.format(error))
        else:
            self._report("")
        self._changes.forget()
        self._resets += 1

    def _list_places(self) -> list[str]:
        return list(dict.fromkeys([*self._wanted.places, *self._changes.places]))

    @property
    def _kept(self) -> str:
        return messages.LAST_KEPT if self._store.archive.is_file() else messages.NOTHING_KEPT

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def _is_packing_interrupted(self) -> bool:
        """Return whether packing is to be given up; notice an installer that comes and goes meanwhile."""
        self._changes.notice_installers()
        return self._is_interrupted()

    def _is_interrupted(self) -> bool:
        return self._is_late() or self._resetting.is_set()

    def _report(self, problem: str) -> None:
        if problem and problem != self._problem:
            self._news.append(problem)
        self._problem = problem
