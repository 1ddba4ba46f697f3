"""One file on its way to the access point: written beside its place, and then renamed into it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from jupyter_session.condor.chirp import ChirpClient
from jupyter_session.condor.chirp_errors import ChirpError
from jupyter_session.condor.file_stat import FileStat
from jupyter_session.saveback.errors import LeftOutError

_LOG = logging.getLogger(__name__)
_WRITABLE = 0o200  # for HTCondor, which writes over it at the end of the job, and sets the mode that it has here


class Upload:
    """A file that is being written at `temporary`, to replace what is at `path`.

    `replaces` is what is at `path` now, None for nothing, and `look` returns that. `will_be` is what the file is once
    it has been renamed; it is set right before the rename, whose answer may be lost.
    """

    def __init__(
        self,
        chirp: ChirpClient,
        temporary: str,
        path: str,
        *,
        mode: int,
        replaces: FileStat | None,
        look: Callable[[], FileStat | None],
    ) -> None:
        self.will_be: FileStat | None = None
        self._chirp = chirp
        self._temporary = temporary
        self._path = path
        self._replaces = replaces
        self._look = look
        self._size = 0
        self._written: FileStat | None = None
        chirp.remove(temporary)
        self._descriptor = chirp.create(temporary, 0o600 if replaces else mode | _WRITABLE)

    def write(self, part: bytes) -> None:
        """Write the next part of the file."""
        self._chirp.write(self._descriptor, part)
        self._size += len(part)

    def close(self) -> None:
        """Finish writing. A file that replaces another is flushed, so that a crash leaves the old one or the new."""
        if self._replaces:
            self._chirp.flush(self._descriptor)
        descriptor, self._descriptor = self._descriptor, -1
        self._chirp.close_file(descriptor)
        if self._replaces:
            self._chirp.chmod(self._temporary, self._replaces.mode & 0o777 | _WRITABLE)
        self._written = self._chirp.lstat(self._temporary)

    def commit(self) -> FileStat:
        """Put the closed file into its place, and return what it is there.

        Raises LeftOutError if the place has changed meanwhile, or if the file did not arrive whole.
        """
        if self._look() != self._replaces:
            raise LeftOutError("it is being changed on the access point")
        if self._written is None or self._written.size != self._size:
            raise LeftOutError("it did not arrive whole")
        self.will_be = self._written
        self._chirp.rename(self._temporary, self._path)
        return self.will_be

    def discard(self) -> None:
        """Remove what was written, if the access point still answers."""
        try:
            if self._descriptor >= 0:
                self._chirp.close_file(self._descriptor)
            self._chirp.remove(self._temporary)
        except ChirpError as error:
            _LOG.debug("an unfinished file stays on the access point: %s", error)
