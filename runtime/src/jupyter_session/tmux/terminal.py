"""A terminal whose size follows the person's, because HTCondor does not pass on a resize.

A shell that condor_ssh_to_job starts in a container has a terminal of its own there, which gets the person's size at
the start and never again, so an attached tmux would not notice a resize. Here, the program runs in one more terminal,
and the person's terminal is asked for its size every second (`CSI 18 t`, which terminals have answered since xterm).
The answers are removed from what is typed.
"""

from __future__ import annotations

import fcntl
import logging
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
import tty
from collections.abc import Sequence

_LOG = logging.getLogger(__name__)
_QUESTION = b"\x1b[18t"
_ANSWER = re.compile(rb"\x1b\[8;(\d{1,4});(\d{1,4})t")
_BEGUN = re.compile(rb"\x1b(\[(8(;\d{0,4}(;\d{0,4})?)?)?)?\Z")
_INTERVAL = 1.0
_QUIET = 0.05  # seconds without output before a question, so that it never interrupts a sequence of the program's
_TRIES = 5  # a terminal that has answered none of this many questions is not asked again
_LAST_ANSWER = 2.0  # seconds that the answer to the last question may take


class AnswerFilter:
    """Removes the terminal's answers from what a person types."""

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> tuple[bytes, tuple[int, int] | None]:
        """Return what was typed, and the size (rows, columns) of the last answer in it. An answer may come in parts."""
        data = self._kept + data
        size = None
        for answer in _ANSWER.finditer(data):
            size = int(answer[1]), int(answer[2])
        data = _ANSWER.sub(b"", data)
        begun = _BEGUN.search(data)
        self._kept = begun[0] if begun else b""
        return data[: len(data) - len(self._kept)], size

    def flush(self) -> bytes:
        """Return what was kept as the possible start of an answer: it was typed after all (Escape, for example)."""
        kept, self._kept = self._kept, b""
        return kept


def run(command: Sequence[str]) -> int:
    """Run a program in a terminal that follows the size of ours, which must be one; return its exit status."""
    before = termios.tcgetattr(0)
    child, inner = pty.fork()
    if child == 0:
        os.execvp(command[0], list(command))
    _copy_size(inner)
    signal.signal(signal.SIGWINCH, lambda *_: _copy_size(inner))
    tty.setraw(0)
    try:
        if _relay(inner):
            _discard_answer()
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        os.close(inner)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _relay(inner: int) -> bool:
    """Copy bytes in both directions until one side ends; return True if our terminal still owes an answer."""
    typed, tries, owed = AnswerFilter(), float(_TRIES), False
    asked = printed = time.monotonic()
    while True:
        ready = select.select([0, inner], [], [], _QUIET)[0]
        now = time.monotonic()
        if inner in ready:
            try:
                data = os.read(inner, 65536)
            except OSError as error:  # Linux: the program has closed its terminal
                _LOG.debug("the program's terminal is closed: %s", error)
                return owed
            if not data:
                return owed
            _write(1, data)
            printed = now
        if 0 in ready:
            data = os.read(0, 65536)
            if not data:
                return False
            data, size = typed.feed(data)
            if size:
                tries, owed = float("inf"), False
                _set_size(inner, *size)
            _write(inner, data)
        elif not ready:
            _write(inner, typed.flush())
        due = now - asked > _INTERVAL and now - printed > _QUIET
        if due and tries > 0:
            _write(1, _QUESTION)
            asked, owed = now, tries > 1  # not by a terminal that has never answered
            tries -= 1


def _discard_answer() -> None:
    """Wait for the answer to the last question: the shell that comes next would take it for something typed."""
    answers, until = AnswerFilter(), time.monotonic() + _LAST_ANSWER
    while (left := until - time.monotonic()) > 0 and select.select([0], [], [], left)[0]:
        data = os.read(0, 65536)
        if not data or answers.feed(data)[1]:
            return


def _copy_size(inner: int) -> None:
    fcntl.ioctl(inner, termios.TIOCSWINSZ, fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8)))


def _set_size(inner: int, rows: int, columns: int) -> None:
    size = struct.pack("4H", rows, columns, 0, 0)
    if fcntl.ioctl(inner, termios.TIOCGWINSZ, bytes(8)) != size:
        fcntl.ioctl(inner, termios.TIOCSWINSZ, size)


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


if __name__ == "__main__":
    raise SystemExit(run(sys.argv[1:]))
