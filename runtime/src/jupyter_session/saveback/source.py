"""One reading of a file of the notebook folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from jupyter_session.condor.chirp import CHUNK
from jupyter_session.saveback.errors import ChangedError, LeftOutError
from jupyter_session.saveback.scan import Signature, read_signature

if TYPE_CHECKING:
    import hashlib

_LOG = logging.getLogger(__name__)


def _new_digest() -> hashlib.blake2b:
    from hashlib import blake2b  # noqa: PLC0415 - loading it takes 10 ms, which a session's start doesn't have

    return blake2b()


class SourceFile:
    """A file that is read to be sent. What is sent is what the file was at one moment.

    That is so if the file is unchanged after it was read; or, with `may_grow`, if what was read is still its beginning.
    """

    def __init__(self, path: str, expected: Signature, *, may_grow: bool) -> None:
        self._path = path
        self._may_grow = may_grow
        self.signature = (read_signature(path) or expected) if may_grow else expected
        self._digest = _new_digest()

    @property
    def mode(self) -> int:
        """The file's permissions."""
        return self.signature.mode & 0o777

    def read_parts(self) -> Iterator[bytes]:
        """Yield the file as it was when it was looked at. Raises ChangedError if it is a different file by now."""
        for part in self._read():
            self._digest.update(part)
            yield part

    def is_whole(self) -> bool:
        """Return whether what was read was the file at one moment."""
        now = read_signature(self._path)
        if now == self.signature:
            return True
        if not (self._may_grow and now and now.inode == self.signature.inode):
            return False
        again = _new_digest()
        try:
            for part in self._read():
                again.update(part)
        except ChangedError:
            _LOG.debug("a file that was read twice has changed")
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
