"""Has pip install what an earlier session had."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from jupyter_session.jupyter.packages import Environment
from jupyter_session.packages.errors import ArchiveError, InterruptedArchivingError

_LOG = logging.getLogger(__name__)
_ERROR = re.compile(r"^ERROR: (.+)$", re.MULTILINE)
_INTERVAL = 0.2


def install(
    environment: Environment,
    wanted: Sequence[str],
    places: Sequence[str],
    folder: Path,
    *,
    variables: Mapping[str, str],
    give_up: Callable[[], bool],
) -> None:
    """Have pip install the lines of a requirements file, unless `give_up` returns True first. Raises ArchiveError.

    `places` are lines that say where from, and `variables` those that the lines name. Where there are no such versions
    for this Python, pip installs others. Its output is in `folder`.
    """

    def run(lines: Sequence[str]) -> None:
        _install(environment, [*places, *lines], folder, {**os.environ, **variables}, give_up)

    try:
        run(wanted)
    except InterruptedArchivingError:
        raise
    except ArchiveError as error:
        names = [line.partition("==")[0] for line in wanted]
        if names == wanted:
            raise
        _LOG.info("other versions may do: %s", error)
        run(names)


def _install(
    environment: Environment,
    lines: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    give_up: Callable[[], bool],
) -> None:
    requirements, log = folder / "packages.txt", folder / "packages.log"
    requirements.write_text("".join(f"{line}\n" for line in lines))
    command = [str(environment.python), "-m", "pip", "install", "--no-input", "--requirement", str(requirements)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environ,
            start_new_session=True,
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
