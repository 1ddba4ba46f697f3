"""Packs a folder into one file, and unpacks it, with tar and zstd: tens of thousands of files in a second or two."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from jupyter_session.packages.errors import ArchiveError, ChangedArchivingError, InterruptedArchivingError

_LOG = logging.getLogger(__name__)
_TAR = "tar"
# With a checksum, so that a broken archive doesn't pass for a whole one.
_COMPRESSED = "--use-compress-program=zstd -3 -q"
_CHANGED = 1  # GNU tar: some file changed while it was read
_CHANGE = re.compile(r"\S*tar: (.+): (?:file changed as we read it|File removed before we read it)")
_INTERVAL = 0.1
_FULL = {"No space left on device": "the disk is full", "Disk quota exceeded": "the quota is used up"}
_ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/local/bin:/usr/bin:/bin"}


def pack(folder: Path, target: Path, *, leave_out: Sequence[str], give_up: Callable[[], bool]) -> None:
    """Write the archive `target` of a folder, but for the patterns `leave_out`, unless `give_up` returns True first.

    Raises ArchiveError, and leaves no file then.
    """
    excluded = [f"--exclude=./{path}" for path in leave_out]
    command = [
        _TAR,
        "--create",
        "--file",
        str(target),
        _COMPRESSED,
        "--format=posix",
        "--sort=name",
        "--anchored",
        *excluded,
    ]
    try:
        words = ["nice", "-n", "5", *command, "--directory", str(folder), "."]  # the user's programs come first
        _run(words, give_up, is_harmless=lambda path: _is_harmless(folder / path))
        with target.open("rb") as file:
            os.fsync(file.fileno())
    except (ArchiveError, OSError) as error:
        target.unlink(missing_ok=True)
        raise explain(error) if isinstance(error, OSError) else error from None


def check(archive: Path, *, give_up: Callable[[], bool]) -> None:
    """Read an archive to its end. Raises ArchiveError if it can't be unpacked, or if `give_up` returns True first."""
    _run([_TAR, "--list", "--file", str(archive), _COMPRESSED], give_up)


def unpack(archive: Path, folder: Path, *, give_up: Callable[[], bool]) -> None:
    """Unpack an archive into a folder, unless `give_up` returns True first. Raises ArchiveError.

    What it has unpacked until then stays. tar writes nothing outside the folder, whatever the archive says.
    """
    options = ("--no-same-owner", "--no-same-permissions", "--directory", str(folder))
    _run([_TAR, "--extract", "--file", str(archive), _COMPRESSED, *options], give_up)


def _is_harmless(path: Path) -> bool:
    """Return whether a change of a path while it was packed matters not: of what Python compiles at an import."""
    return path.is_dir() or "__pycache__" in path.parts


def _run(
    command: Sequence[str], give_up: Callable[[], bool], is_harmless: Callable[[str], bool] = lambda _: False
) -> None:
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=_ENVIRONMENT,
            start_new_session=True,
        )
    except OSError as error:
        raise ArchiveError(f"{command[0]}: {error.strerror}") from None
    said = b""
    while True:
        if give_up():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise InterruptedArchivingError("there was not enough time")
        try:
            said = process.communicate(timeout=_INTERVAL)[1]
            break
        except subprocess.TimeoutExpired:
            continue
    text = said.decode(errors="replace")
    if process.returncode == _CHANGED and all(
        (found := _CHANGE.fullmatch(line)) and is_harmless(found[1]) for line in text.splitlines()
    ):
        _LOG.debug("this has changed meanwhile: %s", text)
    elif process.returncode:
        raise _read_error(text, process.returncode)


def _read_error(said: str, status: int) -> ArchiveError:
    _LOG.debug("tar ended with %d: %s", status, said[-2000:])
    for text, reason in _FULL.items():
        if text in said:
            return ArchiveError(reason, is_full=True)
    if status == _CHANGED:
        return ChangedArchivingError("something was installed meanwhile")
    lines = [line for line in said.splitlines() if line.strip()]
    return ArchiveError(lines[0][:200] if lines else f"tar ended with status {status}")


def explain(error: OSError) -> ArchiveError:
    """Return what an error of the file system means for an archive."""
    text = error.strerror or type(error).__name__
    return ArchiveError(_FULL.get(text, text), is_full=text in _FULL)
