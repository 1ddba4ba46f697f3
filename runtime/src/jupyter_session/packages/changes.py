"""What changes in an environment: since it was packed, and while an installer is at work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from jupyter_session.jupyter.packages import Environment
from jupyter_session.packages import unfinished
from jupyter_session.packages.installers import InstallerWatch, find_places
from jupyter_session.packages.relocation import Version

#: Looks after which all entries are read, although nothing was added to or removed from their folders.
_QUICK_LOOKS = 10


class Changes:
    """Follows the changes of `environment`, whose version `read` returns, in a session.

    `stamp` returns what changes when an entry is added or removed: it is read more quickly than the version. `packed`
    is the version that was packed last, and `seen` the one of the last look. `places` are the lines that say where
    packages come from. `are_being_made`: at the last look, an installer was at work.
    """

    def __init__(
        self, environment: Environment, read: Callable[[], Version], stamp: Callable[[], object], session: str
    ) -> None:
        self._environment = environment
        self._read = read
        self._stamp = stamp
        self._last_stamp: object = None
        self._quick_looks = 0
        self._installers = InstallerWatch(session)
        self._meanwhile: set[Path] = set()
        self.packed: Version = ()
        self.seen: Version = ()
        self.places: dict[str, None] = {}
        self.are_being_made = False
        self._were_made = False  # since the last look

    @property
    def are_any(self) -> bool:
        """Whether something has changed since it was packed."""
        return self.seen != self.packed

    def look(self, *, thoroughly: bool = False) -> bool:
        """Look anew, `thoroughly` at each entry; return whether something has changed since the last look."""
        was_made, self._were_made = self.are_being_made or self._were_made, False
        before = self.seen
        if thoroughly or was_made or self.are_any or self._is_due():
            self.seen = self._read()
        self.are_being_made = self._find_installers(thoroughly=self.seen != before)
        if self.are_being_made or was_made:
            self._meanwhile |= self._list_paths(set(self.seen) - set(before))
        return self.seen != before

    def _is_due(self) -> bool:
        stamp = self._stamp()
        self._quick_looks = self._quick_looks + 1 if stamp == self._last_stamp else 0
        self._last_stamp = stamp
        return self._quick_looks % _QUICK_LOOKS == 0

    def notice_installers(self) -> None:
        """Look for installers only: what comes between two looks may take longer than one of them."""
        self._were_made |= self._find_installers(thoroughly=False)

    def _find_installers(self, *, thoroughly: bool) -> bool:
        installers = self._installers.find(thoroughly=thoroughly)
        for installer in installers:
            self.places |= dict.fromkeys(find_places(installer))
        return bool(installers)

    def find_unfinished(self) -> list[str]:
        """Return the names of what an installer has left unfinished since it was packed."""
        new = self._list_paths(set(self.seen) - set(self.packed))
        self._meanwhile &= new
        return unfinished.find_unfinished(self._environment.package_folders, new, self._meanwhile)

    def forget(self) -> None:
        """Take what is there as packed: nothing."""
        self.packed = self.seen = self._read()
        self._meanwhile.clear()
        self.places.clear()

    def _list_paths(self, version: set[tuple[str, int]]) -> set[Path]:
        return {self._environment.root / path for path, _ in version}
