"""Errors for people, and how a program ends with one: a sentence, no traceback."""

from __future__ import annotations

import errno
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class UserError(Exception):
    """An error for a person: its text says what failed and what to do next."""


def from_os_error(error: OSError) -> UserError | None:
    """Return the `UserError` for an error of the machine that a person can fix; None for any other."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT) or os.strerror(errno.ENOSPC) in str(error):
        return disk_full(error.filename)
    if error.errno == errno.EROFS:
        return UserError(f"{error.filename} can't be written: its file system is read-only.")
    return None


def disk_full(where: object) -> UserError:
    """Return the error for a full disk."""
    return UserError(
        f"the disk with {where or 'the cache'} is full: free some space (3 GB is enough), or set JUPYTER_CI_CACHE to a "
        "folder on a larger disk, and run this again."
    )


def exit_with(name: str, run: Callable[[], int]) -> NoReturn:
    """Exit with the status that ``run`` returns; a `UserError` is one line on stderr and status 1.

    SIGTERM and SIGHUP end the program like ``sys.exit``, so that it cleans up.
    """

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        signal.signal(number, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    try:
        status = run()
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    except UserError as problem:
        status = complain(name, problem)
    except OSError as error:
        known = from_os_error(error)
        if known is None:
            raise
        status = complain(name, known)
    sys.exit(status)


def complain(name: str, problem: UserError) -> int:
    """Print an error as one line on stderr; return the exit status for it."""
    print(f"{name}: {problem}", file=sys.stderr, flush=True)
    return 1


def say(text: str) -> None:
    """Print progress on stderr; stdout is for results."""
    print(text, file=sys.stderr, flush=True)
