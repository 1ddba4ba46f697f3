"""Keeps the packages of a session for the next one, in a thread: unpacks them at its start, and packs what changes."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any

from jupyter_session import output
from jupyter_session.jupyter.packages import Environment
from jupyter_session.packages.errors import ArchiveError, InterruptedArchivingError
from jupyter_session.packages.installing import install, is_installing
from jupyter_session.packages.store import Store, Version
from jupyter_session.state_dir import StateDir

_LOG = logging.getLogger(__name__)
#: Seconds from one look at the environment to the next, and seconds without a change before it is packed.
_INTERVAL, _SETTLE = 0.5, 1.5
_RETRY = 60.0  # seconds after which what could not be packed is tried again
_LONG = 15.0  # seconds of unpacking after which the user wants to know
_UNPACKING = "The packages of the last session are still being unpacked, and kernels start after that."
_NO_ROOM = (
    "The packages of the last session could not be unpacked ({}). They stay in {} as they are, and what pip installs "
    "now lasts until this session ends. Ask for more disk space (request_disk), or free some, and start again."
)
_BROKEN = "The archive {} can't be unpacked ({})."
_ANEW = " What it had is being installed anew, in the background."
_INSTALLING = "What packages.txt lists is being installed for this Python, in the background."
_NOT_ANEW = "What packages.txt lists could not be installed for this Python ({}). Run: pip install -r {}"
_NOT_PACKED = "The packages that pip installed can't be packed for the next session ({}); trying again. {}"
_NOTHING_KEPT = "None have been kept so far."
_LAST_KEPT = "Those that were packed before are kept."


class Keeper:
    """Keeps the packages of one session."""

    def __init__(
        self,
        state: StateDir,
        notebooks: Path,
        *,
        interval: float = _INTERVAL,
        settle: float = _SETTLE,
    ) -> None:
        self._state = state
        self._notebooks = notebooks
        self._interval = interval
        self._settle = settle
        self._environment: Environment | None = None
        self._store: Store
        self._problem = ""
        self._news: list[str] = []
        self._frozen = False  # the archive must stay as it is
        self._wanted: list[str] = []
        self._packed: Version = ()
        self._closing = threading.Event()
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
        """Return what `jupyter-session packages` and `status` show."""
        return {"root": str(self._environment.root) if self._environment else None, "problem": self._problem}

    def start(self, environment: Environment | None) -> None:
        """Unpack what an earlier session had, and keep what is installed from now on."""
        if environment is None:
            return
        self._environment = environment
        self._store = Store(self._notebooks, environment)
        try:
            if self._store.archive.is_file():
                environment.unpacking.touch()
        except OSError as error:
            _LOG.debug("kernels won't wait: %s", error)
        self._thread = threading.Thread(target=self._run, args=[environment], name="packages", daemon=True)
        self._thread.start()

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

    def _run(self, environment: Environment) -> None:
        try:
            self._store.clean_up()
            anew = self._restore(environment)
            self._packed = self._store.read_version()
            if anew:
                self._install_anew(environment)
            else:
                self._wanted = []
            self._watch()
        except Exception as error:  # noqa: BLE001 - the session goes on without it
            output.write_traceback()
            self._report(f"Internal error: {error!r}; packages that pip installs last until this session ends.")
        finally:
            environment.unpacking.unlink(missing_ok=True)

    def _restore(self, environment: Environment) -> bool:
        """Unpack the archive; return whether pip is to install what the list has."""
        self._wanted = self._store.read_wanted()
        if not self._store.archive.is_file():
            if self._wanted:
                self._report(_INSTALLING)
            return bool(self._wanted)
        began = time.monotonic()
        slow = threading.Timer(_LONG, self._report, [_UNPACKING])
        slow.daemon = True
        slow.start()
        try:
            fits = self._store.unpack(self._is_late)
            slow.cancel()
            self._report("")
            _LOG.info("packages were unpacked in %.1f s", time.monotonic() - began)
        except InterruptedArchivingError:
            self._frozen = True
            return False
        except ArchiveError as error:
            self._frozen = error.is_full
            if error.is_full:
                self._report(_NO_ROOM.format(error, self._store.archive.name))
                return False
            broken = _BROKEN.format(self._store.archive.name, error)
            self._report(broken + (_ANEW if self._wanted else ""))
            return bool(self._wanted)
        finally:
            slow.cancel()
            environment.unpacking.unlink(missing_ok=True)
        return not fits and bool(self._wanted)

    def _install_anew(self, environment: Environment) -> None:
        try:
            install(environment, self._wanted, self._state.root, give_up=self._closing.is_set)
        except InterruptedArchivingError:
            return
        except (ArchiveError, OSError) as error:
            self._report(_NOT_ANEW.format(error, self._store.requirements))
            return
        self._wanted = []
        self._report("")

    def _watch(self) -> None:
        seen, since, retry_at = self._packed, 0.0, 0.0
        while not self._closing.wait(self._interval):
            version, now = self._store.read_version(), time.monotonic()
            if version != seen:
                seen, since, retry_at = version, now, 0.0
            elif version != self._packed and now - since >= self._settle and now >= retry_at:
                if is_installing(self._state.id):
                    continue
                retry_at = now + _RETRY
                self._pack(version)
        version = self._store.read_version()
        if version != self._packed and not is_installing(self._state.id):
            self._pack(version)

    def _pack(self, version: Version) -> None:
        if self._frozen:
            return
        try:
            self._store.pack(version, self._wanted, self._is_late)
        except ArchiveError as error:
            _LOG.info("the packages are not packed: %s", error)
            kept = _LAST_KEPT if self._store.archive.is_file() else _NOTHING_KEPT
            self._report(_NOT_PACKED.format(error, kept))
            return
        self._packed = version
        _LOG.info("the packages are kept for the next session")
        self._report("")

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def _report(self, problem: str) -> None:
        if problem and problem != self._problem:
            self._news.append(problem)
        self._problem = problem
