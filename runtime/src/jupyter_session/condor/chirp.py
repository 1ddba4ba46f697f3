"""Chirp: the job's connection to its access point, for job attributes, the event log, and files.

A call is one request to the starter, which asks the shadow, which acts as the user. HTCondor's own Python client can't
send a file name that isn't UTF-8, and reads forever when the other side closes, so this one speaks the protocol itself.
Paths are relative to the job's folder on the access point, and are encoded as Python encodes file names: bytes that
aren't UTF-8 are surrogates. Source: condor_starter.V6.1/io_proxy_handler.cpp.
"""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from jupyter_session.condor.chirp_errors import (
    CONNECTION_IS_LOST,
    AnswerError,
    ChirpCode,
    ChirpError,
    ChirpRefusedError,
    describe_code,
)
from jupyter_session.condor.file_stat import FileStat, parse_file_stat

#: Seconds that one request may take.
TIMEOUT = 30.0
#: Bytes of a request.
LONGEST_LINE = 5120
#: Bytes of one write. While a write is in progress, the starter does nothing else.
CHUNK = 256 << 10

_LOG = logging.getLogger(__name__)
_TO_ESCAPE = re.compile(rb"[\\ \t\r\v\f]")


class ChirpClient:
    """A conversation with the starter's chirp proxy, and a context manager that ends it. Not thread-safe.

    Methods raise AnswerError if the answer is an error, and any other ChirpError if the conversation has broken off.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._answers = connection.makefile("rb")

    @classmethod
    def connect(cls, timeout: float = TIMEOUT) -> ChirpClient:
        """Connect with the cookie in the job's chirp configuration. A request may take `timeout` seconds."""
        with _as_chirp_error():
            host, port, cookie = Path(os.environ["_CONDOR_CHIRP_CONFIG"]).read_text().split()
            connection = socket.create_connection((host, int(port)), timeout)
        client = cls(connection)
        try:
            client._ask("cookie", cookie)
        except ChirpError:
            client.close()
            raise
        return client

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the conversation."""
        self._answers.close()
        self._socket.close()

    def limit_time(self, seconds: float) -> None:
        """Let a request take at most this long from now on."""
        self._socket.settimeout(max(0.1, min(TIMEOUT, seconds)))

    # The job

    def set_attributes(self, values: Mapping[str, str | int | None]) -> None:
        """Set job attributes in the given order; None means undefined.

        Raises ChirpRefusedError if the job has no remote updates.
        """
        for name, value in values.items():
            text = "undefined" if value is None else quote_string(value) if isinstance(value, str) else str(value)
            with _as_refusal():
                self._ask("set_job_attr", name, text.encode(errors="replace"))

    def log_event(self, text: str) -> None:
        """Write a line to the job's event log (event 008).

        Raises ChirpRefusedError if the job has no remote updates.
        """
        with _as_refusal():
            self._ask("ulog", text.encode(errors="replace"))

    # Files

    def lstat(self, path: str) -> FileStat | None:
        """Look at a path without following it; return None if nothing is there."""
        return self._look("lstat", path)

    def stat(self, path: str) -> FileStat | None:
        """Look at the target of a path; return None if nothing is there."""
        return self._look("stat", path)

    def _look(self, verb: str, path: str) -> FileStat | None:
        try:
            self._ask(verb, path)
        except AnswerError as error:
            if error.is_missing:
                return None
            raise
        with _as_chirp_error():
            return parse_file_stat(self._line())

    def list_folder(self, folder: str) -> dict[str, FileStat]:
        """List a folder in one request. Follows links; raises AnswerError if the target of one doesn't exist."""
        length = self._ask("getlongdir", folder)
        lines = self._exactly(length).split(b"\n")
        try:
            pairs = zip(lines[::2], lines[1::2], strict=False)
            return {os.fsdecode(name): parse_file_stat(about) for name, about in pairs if name}
        except ValueError as error:  # a line break in a name
            raise AnswerError(ChirpCode.INVALID_REQUEST) from error

    def create(self, path: str, mode: int) -> int:
        """Create a file that must not exist yet, open it for writing, and return its descriptor there.

        Call it only right after another request that worked: a starter that has lost its shadow answers all other
        requests with an error, but at this one it ends itself, and the job (EXCEPT in io_proxy_handler.cpp).
        """
        descriptor = self._ask("open", path, b"wcx", mode)
        self._line()  # its fstat
        return descriptor

    def read_file(self, path: str) -> bytes:
        """Read a whole file. Call it only right after another request that worked: see `create`."""
        return b"".join(self.read_parts(path))

    def read_parts(self, path: str) -> Iterator[bytes]:
        """Yield the parts of a file. Begin right after another request that worked: see `create`."""
        descriptor = self._ask("open", path, b"r", 0)
        self._line()  # its fstat
        while length := self._ask("read", descriptor, CHUNK):
            yield self._exactly(length)
        self.close_file(descriptor)

    def write(self, descriptor: int, data: bytes) -> None:
        """Write 1 to CHUNK bytes."""
        if self._ask("write", descriptor, len(data), data=data) != len(data):
            raise AnswerError(ChirpCode.NO_SPACE)

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
        """Rename a file, replacing another if there is one."""
        self._ask("rename", path, to)

    def remove(self, path: str) -> None:
        """Remove a file if it exists. Raises ChirpRefusedError if the job has no file I/O."""
        try:
            with _as_refusal():
                self._ask("unlink", path)
        except AnswerError as error:
            if not error.is_missing:
                raise

    def make_folder(self, path: str, mode: int) -> None:
        """Make a folder with these permissions, less what the shadow's umask takes away."""
        self._ask("mkdir", path, mode)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        self._ask("rmdir", path)

    def put_private(self, name: str, text: str) -> None:
        """Write a file that only its owner can read, whole or not at all.

        Raises ChirpRefusedError if the job has no file I/O.
        """
        beside = f".{name}.new"
        self.remove(beside)
        descriptor = self.create(beside, 0o600)
        data = text.encode()
        for start in range(0, len(data), CHUNK):
            self.write(descriptor, data[start : start + CHUNK])
        self.close_file(descriptor)
        self.rename(beside, name)

    # The protocol

    def _ask(self, verb: str, *arguments: str | bytes | int, data: bytes = b"") -> int:
        line = b" ".join([verb.encode(), *(_encode(argument) for argument in arguments)]) + b"\n"
        if len(line) > LONGEST_LINE or line.count(b"\n") > 1:
            raise AnswerError(ChirpCode.INVALID_REQUEST)
        with _as_chirp_error():
            self._socket.sendall(line + data)
            result = int(self._line())
        if result in CONNECTION_IS_LOST:
            raise ChirpError(describe_code(result))
        if result < 0:
            if result != ChirpCode.DOESNT_EXIST:
                _LOG.debug("chirp answered %d to %s", result, verb)
            raise AnswerError(result, verb)
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


def is_configured(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether HTCondor gave this job a chirp proxy."""
    name = environ.get("_CONDOR_CHIRP_CONFIG")
    return bool(name) and Path(str(name)).is_file()


def quote_string(text: str) -> str:
    """Quote a string for a job ad. Job ads are old ClassAds, where a backslash escapes a quote and nothing else.

    So a backslash before a quote, or at the end, can't be written; it becomes a slash.
    """
    return '"' + re.sub(r'\\(?="|$)', "/", text).replace('"', '\\"') + '"'


def explain_unsendable(path: str) -> str:
    """Return why chirp can't name this path, or "" if it can. A rename needs room for the path twice in one line."""
    if "\n" in path:
        return "its name has a line break, which chirp can't send"
    return "its path is too long for chirp" if len(_encode(path)) > LONGEST_LINE // 2 - 16 else ""


def _encode(argument: str | bytes | int) -> bytes:
    if isinstance(argument, int):
        return str(argument).encode()
    return _TO_ESCAPE.sub(rb"\\\g<0>", os.fsencode(argument))


@contextmanager
def _as_chirp_error() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        raise ChirpError(f"chirp does not answer ({error})") from error


@contextmanager
def _as_refusal() -> Iterator[None]:
    """Turn the answers to a request that the job isn't allowed to make into ChirpRefusedError."""
    try:
        yield
    except AnswerError as error:
        if error.code in (ChirpCode.NOT_AUTHORIZED, ChirpCode.INVALID_REQUEST):
            raise ChirpRefusedError(error.code) from error
        raise
