"""Files on the access point, by chirp: one call is one request to the starter, which asks the shadow, as the user.

HTCondor's own client takes no name that is not UTF-8, and reads on for ever when the other side closes; so this one
speaks the protocol itself. Paths are relative to the job's folder on the access point, and go as Python's file names
do: bytes that are no UTF-8 as surrogates. Source: condor_starter.V6.1/io_proxy_handler.cpp.
"""

from __future__ import annotations

import os
import re
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from jupyter_session.condor.chirp import ChirpError

#: Seconds that one request may take.
TIMEOUT = 30.0
#: Bytes of a request.
LONGEST_LINE = 5120
#: Bytes of one write: while it is on its way the starter does nothing else.
CHUNK = 256 << 10

_TO_ESCAPE = re.compile(rb"[\\ \t\r\v\f]")
_ANSWERS = {
    -1: "the starter does not know the job's cookie",
    -2: "no permission there",
    -3: "it is not there",
    -4: "it is there already",
    -5: "too big",
    -6: "no space left there",
    -7: "no memory left there",
    -8: "HTCondor refuses the request",
    -9: "too many open files there",
    -10: "it is in use there",
    -11: "not possible now",
    -12: "the file is not open",
    -13: "it is a folder there",
    -14: "no folder there",
    -15: "the folder there is not empty",
    -17: "HTCondor has lost its connection to the access point",
}
_MISSING, _REFUSED, _LINE_IS_DEAD = -3, -8, (-1, -17)


class AnswerError(ChirpError):
    """The access point can't or won't do this one thing; the conversation goes on."""

    def __init__(self, code: int) -> None:
        super().__init__(_ANSWERS.get(code, "an error there that chirp does not name"))
        self.is_missing = code == _MISSING
        self.is_refusal = code == _REFUSED


class FileStat(NamedTuple):
    """What lstat says there; times in whole seconds of the access point's clock."""

    mode: int
    size: int
    inode: int
    mtime: int
    ctime: int

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)


class ChirpFiles:
    """A conversation with the starter's chirp proxy. Not for two threads at once.

    A method raises AnswerError for a "no", any other ChirpError when the conversation has broken off.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._answers = connection.makefile("rb")

    @classmethod
    def connect(cls) -> ChirpFiles:
        """Connect with the cookie of the job's chirp configuration."""
        with _as_chirp_error():
            host, port, cookie = Path(os.environ["_CONDOR_CHIRP_CONFIG"]).read_text().split()
            connection = socket.create_connection((host, int(port)), TIMEOUT)
        files = cls(connection)
        try:
            files._ask("cookie", cookie)
        except ChirpError:
            files.close()
            raise
        return files

    def close(self) -> None:
        """Hang up."""
        self._answers.close()
        self._socket.close()

    def hurry(self, seconds: float) -> None:
        """Let a request take no longer than this from now on."""
        self._socket.settimeout(max(0.1, min(TIMEOUT, seconds)))

    def lstat(self, path: str) -> FileStat | None:
        """Look at a path without following it; None if nothing is there."""
        return self._look("lstat", path)

    def stat(self, path: str) -> FileStat | None:
        """Look at where a path leads; None if nothing is there."""
        return self._look("stat", path)

    def _look(self, verb: str, path: str) -> FileStat | None:
        try:
            self._ask(verb, path)
        except AnswerError as error:
            if error.is_missing:
                return None
            raise
        with _as_chirp_error():
            return _parse_stat(self._line())

    def listing(self, folder: str) -> dict[str, FileStat]:
        """List a folder in one request. Links are followed; AnswerError if one leads nowhere."""
        length = self._ask("getlongdir", folder)
        lines = self._exactly(length).split(b"\n")
        try:
            pairs = zip(lines[::2], lines[1::2], strict=False)
            return {os.fsdecode(name): _parse_stat(about) for name, about in pairs if name}
        except ValueError as error:  # a line break in a name
            raise AnswerError(-8) from error

    def create(self, path: str, mode: int) -> int:
        """Make a file that must not be there yet, and open it for writing; return its descriptor there.

        Only right after another request that worked: a starter that has lost its shadow ends itself, and the job, at
        this one request (EXCEPT in io_proxy_handler.cpp), where it answers the others with an error.
        """
        descriptor = self._ask("open", path, b"wcx", mode)
        self._line()  # its fstat
        return descriptor

    def write(self, descriptor: int, data: bytes) -> None:
        """Write at most CHUNK bytes, at least one."""
        if self._ask("write", descriptor, len(data), data=data) != len(data):
            raise AnswerError(-6)

    def flush(self, descriptor: int) -> None:
        """Flush a file to the disk."""
        self._ask("fsync", descriptor)

    def close_file(self, descriptor: int) -> None:
        """Close a file."""
        self._ask("close", descriptor)

    def chmod(self, path: str, mode: int) -> None:
        """Set a file's permissions."""
        self._ask("chmod", path, mode)

    def rename(self, path: str, to: str) -> None:
        """Rename a file, over another if there is one."""
        self._ask("rename", path, to)

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""
        try:
            self._ask("unlink", path)
        except AnswerError as error:
            if not error.is_missing:
                raise

    def make_folder(self, path: str) -> None:
        """Make a folder."""
        self._ask("mkdir", path, 0o755)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        self._ask("rmdir", path)

    def _ask(self, verb: str, *words: str | bytes | int, data: bytes = b"") -> int:
        line = b" ".join([verb.encode(), *(_encode(word) for word in words)]) + b"\n"
        if len(line) > LONGEST_LINE or line.count(b"\n") > 1:
            raise AnswerError(-8)
        with _as_chirp_error():
            self._socket.sendall(line + data)
            result = int(self._line())
        if result in _LINE_IS_DEAD:
            raise ChirpError(_ANSWERS[result])
        if result < 0:
            raise AnswerError(result)
        return result

    def _line(self) -> bytes:
        with _as_chirp_error():
            line = self._answers.readline(LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise ChirpError("the starter closed the connection")
        return line

    def _exactly(self, length: int) -> bytes:
        with _as_chirp_error():
            data = self._answers.read(length)
        if len(data) < length:
            raise ChirpError("the starter closed the connection")
        return data


def why_unsendable(path: str) -> str:
    """Say why chirp can't name this path, empty if it can. Twice the path must fit into a line, for a rename."""
    if "\n" in path:
        return "its name has a line break, which chirp can't send"
    return "its path is too long for chirp" if len(_encode(path)) > LONGEST_LINE // 2 - 16 else ""


def _encode(word: str | bytes | int) -> bytes:
    if isinstance(word, int):
        return str(word).encode()
    return _TO_ESCAPE.sub(rb"\\\g<0>", os.fsencode(word))


def _parse_stat(line: bytes) -> FileStat:
    """Read the 13 numbers: device inode mode nlink uid gid rdevice size blksize blocks atime mtime ctime."""
    _, inode, mode, _, _, _, _, size, _, _, _, mtime, ctime = map(int, line.split())
    return FileStat(mode, size, inode, mtime, ctime)


@contextmanager
def _as_chirp_error() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        raise ChirpError(f"chirp does not answer ({error})") from error
