"""The job's output and error files. They may be closed, or on a full disk, and that never ends a session."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import traceback
from pathlib import Path
from typing import TextIO

_LOG = logging.getLogger(__name__)


def open_closed() -> None:
    """Open the standard streams that are closed on nothing: else the next files that are opened get their numbers."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
            os.set_inheritable(number, True)
            setattr(sys, name, open(number, "r" if name == "stdin" else "w", closefd=False))  # noqa: SIM115


def write_line(*words: str, to_stderr: bool = False) -> None:
    """Write a line to the output, or to the error file, if that can be done."""
    try:
        print(*words, file=sys.stderr if to_stderr else sys.stdout, flush=True)
    except (OSError, ValueError) as error:
        _LOG.debug("a line can't be written: %s", error)


def write_traceback() -> None:
    """Write the traceback of the current error to the error file, and to the log."""
    _LOG.debug("internal error", exc_info=True)
    write_line(traceback.format_exc().rstrip(), to_stderr=True)


def flush() -> None:
    """Write what is in the buffers. What can't be written is dropped: Python would end with status 120 for it."""
    _flush(sys.stdout)
    _flush(sys.stderr)


def _flush(stream: TextIO) -> None:
    try:
        stream.flush()
    except (OSError, ValueError) as error:
        _LOG.debug("the rest of the output is dropped: %s", error)
        with contextlib.suppress(OSError, ValueError), Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), stream.fileno())
            stream.flush()
