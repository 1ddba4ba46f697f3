"""Programs that install packages: whether one is at work, and pip, run for what an earlier session had."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from jupyter_session.jupyter.lab import belongs_to
from jupyter_session.jupyter.packages import Environment
from jupyter_session.packages.errors import ArchiveError, InterruptedArchivingError

_LOG = logging.getLogger(__name__)
_INSTALLERS = re.compile(r"(?:pip[\d.]*|uv|poetry|pdm|conda|mamba|micromamba)")
_ACTIONS = frozenset({"install", "uninstall", "sync", "add", "remove", "update", "upgrade", "create", "pip"})
_ERROR = re.compile(r"^ERROR: (.+)$", re.MULTILINE)
_INTERVAL = 0.2
_MOST_WORDS = 8  # before the action there may be options


def is_installing(session: str) -> bool:
    """Return whether a program that installs packages runs in a session: what it has written so far isn't whole."""
    for about in Path("/proc").glob("[0-9]*"):
        try:
            words = (about / "cmdline").read_bytes().split(b"\0")[:_MOST_WORDS]
            if is_installer([os.fsdecode(word) for word in words]) and belongs_to(int(about.name), session):
                return True
        except OSError as error:  # noqa: PERF203 - every process stands alone
            _LOG.debug("a process has ended, or is another user's: %s", error)
    return False


def is_installer(words: list[str]) -> bool:
    """Return whether a command line is that of a program that installs packages.

    >>> is_installer(["/usr/bin/python3", "-m", "pip", "install"]), is_installer(["uv", "run", "train.py"])
    (True, False)
    """
    programs = [number for number, word in enumerate(words[:3]) if _INSTALLERS.fullmatch(Path(word).name)]
    return bool(programs) and not _ACTIONS.isdisjoint(words[programs[0] + 1 :])


def install(environment: Environment, wanted: list[str], folder: Path, *, give_up: Callable[[], bool]) -> None:
    """Have pip install the lines of a requirements file, unless `give_up` returns True first. Raises ArchiveError.

    Where there are no such versions for this Python, it installs others. pip's output is in `folder`.
    """
    try:
        _install(environment, wanted, folder, give_up)
    except InterruptedArchivingError:
        raise
    except ArchiveError as error:
        names = [line.partition("==")[0] for line in wanted]
        if names == wanted:
            raise
        _LOG.info("other versions may do: %s", error)
        _install(environment, names, folder, give_up)


def _install(environment: Environment, wanted: list[str], folder: Path, give_up: Callable[[], bool]) -> None:
    requirements, log = folder / "packages.txt", folder / "packages.log"
    requirements.write_text("".join(f"{line}\n" for line in wanted))
    command = [str(environment.python), "-m", "pip", "install", "--no-input", "--requirement", str(requirements)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    while True:
        try:
            status = process.wait(_INTERVAL)
            break
        except subprocess.TimeoutExpired:
            if not give_up():
                continue
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise InterruptedArchivingError("there was not enough time")
    if status:
        errors = _ERROR.findall(log.read_text(errors="replace"))
        raise ArchiveError(errors[-1][:200] if errors else f"pip ended with status {status}")
