"""What the access point has where HTCondor brings something back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TypeVar

from jupyter_session.condor.chirp import ChirpClient
from jupyter_session.condor.chirp_errors import AnswerError, ChirpError
from jupyter_session.condor.file_stat import FileStat

_LOG = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")


class UnknownError(Exception):
    """The access point can't be asked, or didn't answer."""


class There:
    """A conversation that begins with the first question, and a context manager that ends it.

    `connect` makes a connection within some seconds, None if there can be none; `until` is when it must be over, on
    the monotonic clock. Every method raises UnknownError.
    """

    def __init__(self, connect: Callable[[float], ChirpClient] | None, until: float) -> None:
        self._connect = connect
        self._until = until
        self._chirp: ChirpClient | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._chirp:
            self._chirp.close()

    def look(self, path: str) -> FileStat | None:
        """Look at a path, following links, as HTCondor does; return None if nothing is there."""
        return self._ask(lambda chirp: chirp.stat(path))

    def list_folder(self, path: str) -> Mapping[str, FileStat]:
        """Look at all that is in a folder; a folder that isn't there has nothing in it."""

        def ask(chirp: ChirpClient) -> Mapping[str, FileStat]:
            return chirp.list_folder(path) if chirp.stat(path) else {}

        return self._ask(ask)

    def make_writable(self, path: str, mode: int) -> None:
        """Let its owner write a file that has permissions `mode`."""
        self._ask(lambda chirp: chirp.chmod(path, mode & 0o777 | 0o200))

    def read(self, path: str) -> bytes:
        """Read a whole file."""
        return self._ask(lambda chirp: chirp.read_file(path))

    def _ask(self, question: Callable[[ChirpClient], _Answer]) -> _Answer:
        left = self._until - time.monotonic()
        if self._connect is None or left <= 0:
            raise UnknownError
        try:
            if self._chirp is None:
                self._chirp = self._connect(left)
            self._chirp.limit_time(left)
            return question(self._chirp)
        except AnswerError as error:
            raise UnknownError from error
        except ChirpError as error:
            _LOG.debug("the access point can't be asked: %s", error)
            self._connect = None
            raise UnknownError from error
