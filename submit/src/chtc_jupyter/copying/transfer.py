"""Copy one file either way: what is there already is compared, the rest is sent, and all of it compared again."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from typing import Protocol

from chtc_jupyter.copying.pieces import Sums, match, sum_range
from chtc_jupyter.copying.remote import AgainError, Entry, Remote
from chtc_jupyter.errors import FailedError, LauncherError

#: Bytes of one request.
STRETCH = 64 << 20
_BLOCK = 1 << 17
#: How often a file may be found to be different at the end.
_TRIES = 4


class Progress(Protocol):
    """Whoever shows how far a copy is. All are bytes from the beginning of the file."""

    def compare(self, at: int, total: int) -> None:
        """Show that both ends are the same up to here."""

    def copy(self, at: int, total: int) -> None:
        """Show that the file was copied up to here."""


class Upload:
    """Copies a file from here to a path of the other end."""

    def __init__(self, path: Path, to: str, progress: Progress) -> None:
        self._path = path
        self._to = to
        self._progress = progress
        self._about = _stat(path)
        self._same = 0  # bytes that both ends are known to have
        self._sent = False  # all of it, since the last comparison
        self._tries = 0

    async def run(self, remote: Remote) -> int:
        """Copy the file, as far as the way lasts; return its size. Raises as Remote does, and LauncherError."""
        total = self._about.st_size
        while not await self._try(remote, total):
            pass
        return total

    async def _try(self, remote: Remote, total: int) -> bool:
        """Return True if all of the file is there; send what isn't."""
        try:
            there = await self._compare(remote, total)
            if self._same == there == total and (total or self._sent):
                self._check_unchanged()
                facts = {"size": total, "mode": self._about.st_mode & 0o777, "mtime": self._about.st_mtime}
                await remote.finish(self._to, facts)
                return True
            if self._sent:
                self._count_try()
            await self._send(remote, total)
        except AgainError as again:
            self._same = 0
            self._count_try(str(again))
        return False

    async def _compare(self, remote: Remote, total: int) -> int:
        """Find out up to where both ends have the same; return the size that there is at the other."""

        async def ask(at: int) -> Sums:
            return await remote.sum_pieces(self._to, at, total, part=True)

        size = 0
        async for same, size in match(ask, _sums_of(self._path), self._same, total):  # noqa: B007 - the last one
            self._same = same
            self._progress.compare(same, total)
        return size

    async def _send(self, remote: Remote, total: int) -> None:
        at, self._sent = self._same, False
        # A refusal would be lost while a body is on its way.
        await remote.write(self._to, at, total, 0, ())
        while not self._sent:
            length = min(STRETCH, total - at)
            with contextlib.closing(self._read(at, length, total)) as body:  # also if the way breaks
                await remote.write(self._to, at, total, length, body)
            at += length
            self._sent = at >= total

    def _read(self, at: int, length: int, total: int) -> Generator[bytes, None, None]:
        try:
            with self._path.open("rb") as file:
                file.seek(at)
                while length:
                    data = file.read(min(_BLOCK, length))
                    if not data:
                        self._check_unchanged(shorter=True)
                    length -= len(data)
                    at += len(data)
                    yield data
                    self._progress.copy(at, total)
        except OSError as error:
            raise _build_error(self._path, error) from None

    def _check_unchanged(self, *, shorter: bool = False) -> None:
        about = _stat(self._path)
        if shorter or (about.st_size, about.st_mtime_ns) != (self._about.st_size, self._about.st_mtime_ns):
            raise FailedError(f"{self._path} changed while it was copied. Run the same command again.")

    def _count_try(self, why: str = "") -> None:
        self._check_unchanged()
        self._tries += 1
        if self._tries > _TRIES:
            raise FailedError(f"{self._path} is different at the other end each time. {why}".rstrip())


class Download:
    """Copies a file of the other end to a path here."""

    def __init__(self, what: str, path: Path, progress: Progress) -> None:
        self._what = what
        self._path = path
        self._partial = path.with_name(f".{path.name[:200]}.copying")
        self._progress = progress
        self._same = 0
        self._tries = 0

    async def run(self, remote: Remote) -> int:
        """Copy the file, as far as the way lasts; return its size. Raises as Remote does, and LauncherError."""
        while True:
            entry = await remote.look(self._what)
            raise_unless_file(entry)
            try:
                have = _make(self._partial)
                await self._compare(remote, entry, have)
                if self._same == have == entry.size:
                    self._finish(entry)
                    return entry.size
                await self._receive(remote, entry)
            except AgainError:
                self._same = 0
                self._tries += 1
                if self._tries > _TRIES:
                    raise FailedError(f"{entry.path} changes again and again in the session. Try later.") from None
            except OSError as error:
                if isinstance(error, ConnectionError):
                    raise
                raise _build_error(self._partial, error) from None

    async def _compare(self, remote: Remote, entry: Entry, have: int) -> None:
        self._same = min(self._same, have)

        async def ask(at: int) -> Sums:
            return await remote.sum_pieces(entry.path, at, have)

        async for same, size in match(ask, _sums_of(self._partial), self._same, have):
            if size != entry.size:
                raise AgainError
            self._same = same
            self._progress.compare(same, entry.size)

    async def _receive(self, remote: Remote, entry: Entry) -> None:
        at = self._same
        with self._partial.open("r+b") as file:
            file.truncate(at)
            file.seek(at)
            while at < entry.size:
                before = at
                async with contextlib.aclosing(remote.read(entry.path, at, STRETCH, entry.version)) as blocks:
                    async for data in blocks:
                        file.write(data)
                        at += len(data)
                        self._progress.copy(at, entry.size)
                if at == before:
                    raise AgainError

    def _finish(self, entry: Entry) -> None:
        self._partial.chmod(entry.mode & 0o777 | 0o600)
        os.utime(self._partial, (entry.mtime, entry.mtime))
        self._partial.replace(self._path)


def raise_unless_file(entry: Entry) -> None:
    """Raise FailedError if there is no file."""
    if entry.kind == "none":
        raise FailedError(f"There is no {entry.path} in the session.")
    if entry.kind != "file":
        raise FailedError(f"{entry.path} is no file. Make one of it with `tar`, or use `scp -r`: see docs/ssh.md.")


def _make(partial: Path) -> int:
    with partial.open("ab") as file:
        return file.tell()


def _sums_of(path: Path) -> Callable[[int, int], Awaitable[str | None]]:
    async def sum_own(at: int, end: int) -> str | None:
        try:
            return await asyncio.to_thread(sum_range, path, at, end)
        except OSError as error:
            raise _build_error(path, error) from None

    return sum_own


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise _build_error(path, error) from None


def _build_error(path: Path, error: OSError) -> LauncherError:
    return LauncherError(f"{path} can't be copied here ({error.strerror}). Mend that, then run the same command again.")
