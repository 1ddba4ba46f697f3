"""Takes out of HTCondor's way what it can't carry."""

from __future__ import annotations

import itertools
import logging
import os
import tempfile
from collections.abc import Callable, Mapping
from functools import partial

from jupyter_session.condor.file_stat import FileStat
from jupyter_session.saveback.plan import generate_own_names
from jupyter_session.transfer.manifest import Manifest
from jupyter_session.transfer.obstacles import Obstacles, explain_link, read_link
from jupyter_session.transfer.outputs import Output, locate_there
from jupyter_session.transfer.there import There, UnknownError
from jupyter_session.units.printable import escape_name

_LOG = logging.getLogger(__name__)
_STUCK = "HTCondor will put the job on hold for it"


class Way:
    """Clears the way below the job's folder `root`. `names` says what was set aside, and why.

    `spools`: after an eviction, the next run gets what this one leaves. `keep` writes the list of what is to be put
    back, before anything is taken away.
    """

    def __init__(
        self, root: str, job: str, outputs: tuple[Output, ...], keep: Callable[[Manifest], None], *, spools: bool
    ) -> None:
        self._root = root
        self._job = job
        self._outputs = outputs
        self._keep = keep
        self._spools = spools
        self._aside = ""
        self.names: dict[str, str] = {}

    def clear(self, found: Obstacles, there: There) -> None:
        """Clear the way of all that was found."""
        for path, mode in found.modes.items():
            self._do(path, found.why[path], partial(os.chmod, self._at(path), mode.sent))
        for path in found.no_file:
            self._do(path, found.why[path], partial(self._rename, path))
        for path in found.left_out:
            self._do(path, f"{found.why[path]}, left out", partial(self._move_out, path))
        self._keep(Manifest(found.links, found.modes))
        todo = list(found.links)
        while todo:
            for path in todo:
                self._do(path, found.why[path], partial(os.unlink, self._at(path)))
            todo = []
            for path in found.followed:  # that led through a link that is gone now
                if path not in found.links and (why := explain_link(self._root, path)):
                    found.links[path], found.why[path] = read_link(self._root, path), why
                    todo.append(path)
            if todo:
                self._keep(Manifest(found.links, found.modes))
        self._make_way_for_read_only(found, there)  # the last: the access point may not answer

    def _at(self, path: str) -> str:
        return os.path.join(self._root, path)

    def _do(self, path: str, why: str, do: Callable[[], object]) -> None:
        try:
            do()
            self.names[path] = why
        except OSError as error:
            _LOG.debug("%s stays in the way: %s", escape_name(path), error)
            self.names[path] = f"{why}; {_STUCK} ({error.strerror})"

    def _move_out(self, path: str) -> None:
        self._aside = self._aside or tempfile.mkdtemp(prefix=".jupyter-session-aside-", dir=self._root)
        os.rename(self._at(path), os.path.join(self._aside, str(len(os.listdir(self._aside)))))

    def _rename(self, path: str) -> None:
        names = itertools.islice(generate_own_names(path, self._job), 100)
        own = next(name for name in names if not os.path.lexists(self._at(name)))
        os.rename(self._at(path), self._at(own))

    def _make_way_for_read_only(self, found: Obstacles, there: There) -> None:
        """Remove files that the access point has as they are here, and that HTCondor can't write over; open others."""
        for folder, paths in itertools.groupby(sorted(found.read_only, key=os.path.split), os.path.dirname):
            known = self._list_there(folder, there)
            for path in paths:
                name = os.path.basename(path)
                if known is not None and (name not in known or known[name].mode & 0o200):
                    continue
                is_open = (self._spools or not found.read_only[path]) and self._open(path, known, there)
                if found.read_only[path] and not is_open:
                    self._remove(path)
                elif not is_open:
                    self._do(path, "read-only on the access point", partial(self._rename, path))

    def _list_there(self, folder: str, there: There) -> dict[str, FileStat] | None:
        place = locate_there(self._outputs, folder)
        try:
            return None if place is None else dict(there.list_folder(place))
        except UnknownError:
            return None

    def _open(self, path: str, known: Mapping[str, FileStat] | None, there: There) -> bool:
        place = locate_there(self._outputs, path)
        if known is None or place is None:
            return False
        try:
            there.make_writable(place, known[os.path.basename(path)].mode)
        except UnknownError:
            return False
        return True

    def _remove(self, path: str) -> None:
        try:
            os.unlink(self._at(path))
        except OSError as error:
            _LOG.debug("%s stays: %s", escape_name(path), error)
