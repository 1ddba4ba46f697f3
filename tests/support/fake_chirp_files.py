"""A folder of this machine in place of the access point's: what `ChirpClient` does, without HTCondor."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from jupyter_session.condor.chirp_errors import AnswerError, ChirpCode, ChirpError
from jupyter_session.condor.file_stat import FileStat

_CODES = {
    "PermissionError": ChirpCode.NOT_AUTHORIZED,
    "FileNotFoundError": ChirpCode.DOESNT_EXIST,
    "FileExistsError": ChirpCode.ALREADY_EXISTS,
    "IsADirectoryError": ChirpCode.IS_DIR,
    "NotADirectoryError": ChirpCode.NOT_DIR,
}


P = ParamSpec("P")
T = TypeVar("T")


def answered(
    method: Callable[Concatenate[FakeChirpFiles, P], T],
) -> Callable[Concatenate[FakeChirpFiles, P], T]:
    """Make a method a request: noted, answered by the errors of chirp, and cut off when it is time."""

    def call(self: FakeChirpFiles, /, *args: P.args, **kwargs: P.kwargs) -> T:
        self.calls.append((method.__name__, *args))
        try:
            answer = method(self, *args, **kwargs)
        except OSError as error:
            raise AnswerError(_CODES.get(type(error).__name__, ChirpCode.UNKNOWN)) from error
        finally:
            if self.left is not None:  # what the request asks for is done, and its answer is lost
                self.left -= 1
                if self.left < 0:
                    raise ChirpError("chirp does not answer")
        return answer

    return call


class FakeChirpFiles:
    """Files below `root`. `cut_after` loses the answers.

    `room` is the bytes that fit in all, and `more_files` the files and folders; `full` is what chirp answers beyond.
    `is_broken`: the disk takes no write, for a reason that chirp doesn't name.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.calls: list[tuple[Any, ...]] = []
        self.left: int | None = None
        self.room = self.more_files = 1 << 40
        self.full = ChirpCode.NO_SPACE
        self.is_broken = False
        self.longest_name = 255

    def cut_after(self, count: int | None) -> None:
        """Answer so many requests more (None: all) and then no longer, though one more is done."""
        self.left = count

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def limit_time(self, seconds: float) -> None:
        """Do nothing: it is fast."""

    def _at(self, path: str) -> Path:
        return self.root / path

    def _about(self, about: os.stat_result) -> FileStat:
        changed = max(about.st_ctime, about.st_mtime)  # a test sets only the second to a time to come
        return FileStat(about.st_mode, about.st_size, about.st_ino, int(about.st_mtime), int(changed))

    @answered
    def lstat(self, path: str) -> FileStat | None:
        return self._about(os.lstat(self._at(path))) if os.path.lexists(self._at(path)) else None

    @answered
    def stat(self, path: str) -> FileStat | None:
        return self._about(self._at(path).stat()) if self._at(path).exists() else None

    @answered
    def list_folder(self, folder: str) -> dict[str, FileStat]:
        return {path.name: self._about(path.stat()) for path in self._at(folder).iterdir()}

    @answered
    def read_file(self, path: str) -> bytes:
        return self._at(path).read_bytes()

    def read_parts(self, path: str) -> Iterator[bytes]:
        with self._at(path).open("rb") as file:
            while part := file.read(1 << 16):
                yield part

    def _take_file(self, verb: str) -> None:
        if self.is_broken or not self.more_files:
            raise AnswerError(ChirpCode.UNKNOWN if self.is_broken else self.full, verb)
        self.more_files -= 1

    @answered
    def create(self, path: str, mode: int) -> int:
        self._take_file("open")
        return os.open(self._at(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)

    @answered
    def write(self, descriptor: int, data: bytes) -> None:
        assert data
        if self.is_broken or self.room < len(data):
            raise AnswerError(ChirpCode.UNKNOWN if self.is_broken else self.full, "write")
        self.room -= len(data)
        os.write(descriptor, data)

    @answered
    def flush(self, descriptor: int) -> None:
        os.fsync(descriptor)

    @answered
    def close_file(self, descriptor: int) -> None:
        os.close(descriptor)

    @answered
    def chmod(self, path: str, mode: int) -> None:
        self._at(path).chmod(mode)

    @answered
    def rename(self, path: str, to: str) -> None:
        if len(Path(to).name) > self.longest_name:
            raise AnswerError(ChirpCode.UNKNOWN, "rename")
        self._at(path).replace(self._at(to))

    @answered
    def remove(self, path: str) -> None:
        if self.is_broken:
            raise AnswerError(ChirpCode.UNKNOWN, "unlink")
        if self._at(path).exists():
            self.more_files += 1
        self._at(path).unlink(missing_ok=True)

    @answered
    def make_folder(self, path: str, mode: int) -> None:
        self._take_file("mkdir")
        self._at(path).mkdir(mode)

    @answered
    def remove_folder(self, path: str) -> None:
        self._at(path).rmdir()


def contents(folder: str | Path, *, without: str = ".jupyter-session") -> dict[str, bytes | str | None]:
    """Return what lies below a folder: relative path to bytes, to None for a folder, to its target for a link."""
    found: dict[str, bytes | str | None] = {}
    for path in sorted(Path(folder).rglob("*")):
        name = str(path.relative_to(folder))
        if name.partition("/")[0] == without:
            continue
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            found[name] = str(path.readlink())
        elif stat.S_ISREG(mode):
            found[name] = path.read_bytes()
        elif stat.S_ISDIR(mode):
            found[name] = None
    return found
