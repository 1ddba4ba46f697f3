"""The user's terminal: lines, a spinner, and questions."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import re
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from chtc_jupyter import typed_lines, verbosity
from chtc_jupyter.errors import LoginError
from chtc_jupyter.printable import make_printable

_log = logging.getLogger(__name__)
#: Seconds after which the user hears what takes so long.
SLOW = 10.0
#: Seconds between two tries to connect again where nobody can log in.
_WITHOUT_PERSON = 60
#: AppleScript that shows a notification; its text comes as an argument, so nothing in it is code.
_MAC = 'on run argv\ndisplay notification (item 1 of argv) with title "chtc-jupyter"\nend run'


def wrap_text(text: str, width: int) -> str:
    """Break long lines between words, but never within a command in backquotes."""

    def fill(line: str) -> str:
        if len(line) <= width or " " not in line.strip():
            return line
        kept = re.sub(r"`[^`]*`", lambda command: command[0].replace(" ", "\0"), line)
        return textwrap.fill(kept, width, break_long_words=False, break_on_hyphens=False).replace("\0", " ")

    return "\n".join(map(fill, text.split("\n")))


def make_cell(text: str) -> Text:
    """Return a cell of a table, in one line, in which no markup is read."""
    return Text(" ".join(make_printable(text).split()))


def _wrap_for(console: Console, text: str) -> str:
    return wrap_text(text, console.width) if console.is_terminal else text


#: In place of an answer: another question came meanwhile.
_COVERED = "\0"


def _show_notification(text: str) -> None:
    for argv in (["notify-send", "chtc-jupyter", text], ["osascript", "-e", _MAC, text]):
        if shutil.which(argv[0]):
            try:
                subprocess.run(argv, check=False, capture_output=True, timeout=5)
            except (OSError, subprocess.TimeoutExpired) as error:
                _log.debug("%s showed no notification: %s", argv[0], error)
            return


class _Question:
    """A question that is open: `free` while it is the last that was asked, otherwise `covered`."""

    def __init__(self) -> None:
        self.free, self.covered = asyncio.Event(), asyncio.Event()
        self.uncover()

    def cover(self) -> None:
        """Let another question be asked first."""
        self.free.clear()
        self.covered.set()

    def uncover(self) -> None:
        """Let this one be asked again."""
        self.covered.clear()
        self.free.set()


class Terminal:
    """The user's terminal. With `as_json`, standard output has one JSON object a line and nothing else.

    While a question is open, or another program asks something, what would be printed waits until it is over.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that isn't UTF-8 shows an escape, as stderr does
            sys.stdout.reconfigure(errors="backslashreplace")
        self.out = Console(highlight=False, soft_wrap=True, emoji=False)
        self.err = Console(highlight=False, soft_wrap=True, emoji=False, stderr=True)
        self._moving = Console(highlight=False, stderr=True)
        self._status: Status | None = None
        self._in_use = 0
        self._waiting: list[Callable[[], None]] = []
        self._moves = False  # the last of those that wait shows a line that moves
        self._waited_for = ""  # where there is no terminal
        self._questions: list[_Question] = []
        self._floor = asyncio.Lock()  # so that a question has left the terminal before the next one comes

    def say(self, line: str) -> None:
        """Print a line that stays to standard error."""
        if self._in_use:
            return self._postpone(lambda: self.say(line))
        self.quiet()
        return self.err.print(_wrap_for(self.err, make_printable(line)), markup=False)

    def print_result(self, line: str) -> None:
        """Print what the user asked for to standard output."""
        if self._in_use:
            return self._postpone(lambda: self.print_result(line))
        self.quiet()
        return self.out.print(_wrap_for(self.out, make_printable(line)), markup=False)

    def print_table(self, table: Table) -> None:
        """Print a table."""
        if self._in_use:
            return self._postpone(lambda: self.print_table(table))
        self.quiet()
        return Console(highlight=False, emoji=False, markup=False).print(table)

    def report(self, facts: Mapping[str, object]) -> None:
        """Print facts as one line of JSON, if the output is for a program."""
        if not self.as_json:
            return None
        if self._in_use and self.out.is_terminal:
            return self._postpone(lambda: self.report(facts))
        if not self._in_use:
            self.quiet()
        return print(json.dumps(facts), flush=True)

    def wait(self, line: str) -> None:
        """Show what is being waited for, as a spinner, or as a line that stays, once, if there is no terminal."""
        if not self.err.is_terminal:
            if line != self._waited_for:
                self._waited_for = line
                self.say(line)
        elif self._in_use:
            self._postpone(lambda: self.wait(line), moves=True)
        elif self._status is None:
            self._status = self._moving.status(Text(make_printable(line)))
            self._status.start()
        else:
            self._status.update(Text(make_printable(line)))

    def _postpone(self, show: Callable[[], None], *, moves: bool = False) -> None:
        """Show something once the terminal is free again; of lines that move, the last."""
        if self._moves:
            self._waiting.pop()
        self._waiting.append(show)
        self._moves = moves

    def lend(self) -> None:
        """Let another program ask something on the terminal, such as ssh for a password: print nothing until then."""
        self.quiet()
        verbosity.pause()
        self._in_use += 1

    def take_back(self) -> None:
        """Print what was postponed while the terminal was lent."""
        self._in_use -= 1
        if not self._in_use:
            verbosity.resume()
            waiting, self._waiting, self._moves = self._waiting, [], False
            for show in waiting:
                show()

    def ring(self) -> None:
        """Ring the bell."""
        if self.err.is_terminal:
            self.err.bell()

    def notify(self, text: str) -> None:
        """Notify a user who looks elsewhere: ring the bell, and show a notification on desktops that have them."""
        self.ring()
        threading.Thread(
            target=_show_notification, args=(make_printable(text),), daemon=True
        ).start()  # a desktop may be slow

    def quiet(self) -> None:
        """Remove the spinner, before something else is written."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    async def ask(self, question: str) -> str | None:
        """Ask a question and return the line that the user types; None at the end of input, or without a terminal.

        What was typed before is no answer. The question is withdrawn when this is canceled. Another question that comes
        meanwhile is asked at once, and this one again afterwards.
        """
        if not sys.stdin.isatty():
            return None
        mine = _Question()
        if self._questions:
            self._questions[-1].cover()
        self._questions.append(mine)
        try:
            while True:
                await mine.free.wait()
                async with self._floor:
                    if (answer := await self._ask_once(question, mine)) is not _COVERED:
                        return answer
        finally:
            self._questions.remove(mine)
            if self._questions:
                self._questions[-1].uncover()

    async def _ask_once(self, question: str, mine: _Question) -> str | None:
        """Return the answer, or _COVERED if another question came first."""
        typed_lines.discard_typed()
        self.quiet()
        self.err.print(_wrap_for(self.err, make_printable(question)), markup=False, end=" ")
        self.lend()
        answer: str | None = None
        reading = asyncio.create_task(typed_lines.read_typed_line())
        covered = asyncio.create_task(mine.covered.wait())
        try:
            await asyncio.wait((reading, covered), return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                return _COVERED
            answer = reading.result()
        finally:
            for task in (reading, covered):
                task.cancel()
            if answer is None:
                self.err.print()
            self.take_back()
        return answer.strip() if answer is not None else None

    async def wait_for_person(self, sentence: str) -> bool:
        """Print what the user must do, wait until Enter is pressed, and return True.

        Return False after a minute where nobody can press it. At the end of the input wait forever: the user is there.
        """
        if not sys.stdin.isatty():
            self.wait(f"{sentence} Nobody can do so here without a terminal; trying again every minute.")
            await asyncio.sleep(_WITHOUT_PERSON)
            return False
        self.say(sentence)
        self.ring()
        if await self.ask("Press Enter to do so now:") is None:
            await asyncio.Event().wait()
        return True

    async def need_person(self, sentence: str) -> bool:
        """Wait for a person, for a command that is to end. Raises LoginError where there can be none."""
        if not sys.stdin.isatty():
            raise LoginError(f"{sentence} Run this command again in a terminal.")
        return await self.wait_for_person(sentence)

    @contextlib.asynccontextmanager
    async def explaining(self, seconds: float, sentence: str) -> AsyncIterator[None]:
        """Show what is being waited for if the block takes longer than some seconds, and how long it has taken."""
        started = time.monotonic()

        async def explain() -> None:
            await asyncio.sleep(seconds)
            while True:
                waited = time.monotonic() - started
                self.wait(f"{sentence} ({waited:.0f} s)" if self.err.is_terminal else sentence)
                if not self.err.is_terminal:
                    return
                await asyncio.sleep(1)

        task = asyncio.create_task(explain())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.quiet()
