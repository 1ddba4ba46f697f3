"""The user's terminal: lines, a spinner, and questions."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import shutil
import subprocess
import sys
import textwrap
import threading
from collections.abc import Mapping

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

_log = logging.getLogger(__name__)
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


def _wrap_for(console: Console, text: str) -> str:
    return wrap_text(text, console.width) if console.is_terminal else text


class Terminal:
    """The user's terminal. With `as_json`, standard output has one JSON object a line and nothing else."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.out = Console(highlight=False, soft_wrap=True, emoji=False)
        self.err = Console(highlight=False, soft_wrap=True, emoji=False, stderr=True)
        self._moving = Console(highlight=False, stderr=True)
        self._status: Status | None = None
        self._asking = False

    def say(self, line: str) -> None:
        """Print a line that stays to standard error."""
        self.quiet()
        self.err.print(_wrap_for(self.err, line), markup=False)

    def print_result(self, line: str) -> None:
        """Print what the user asked for to standard output."""
        self.quiet()
        self.out.print(_wrap_for(self.out, line), markup=False)

    def print_table(self, table: Table) -> None:
        """Print a table."""
        self.quiet()
        Console(highlight=False, emoji=False).print(table)

    def report(self, facts: Mapping[str, object]) -> None:
        """Print facts as one line of JSON, if the output is for a program."""
        if self.as_json:
            self.quiet()
            print(json.dumps(facts), flush=True)

    def wait(self, line: str) -> None:
        """Show what is being waited for, as a spinner, or as a line that stays if there is no terminal.

        While a question is open, nothing moves.
        """
        if not self.err.is_terminal:
            self.say(line)
        elif self._asking:
            return
        elif self._status is None:
            self._status = self._moving.status(Text(line))
            self._status.start()
        else:
            self._status.update(Text(line))

    def ring(self) -> None:
        """Ring the bell."""
        if self.err.is_terminal:
            self.err.bell()

    def notify(self, text: str) -> None:
        """Notify a user who looks elsewhere: ring the bell, and show a notification on desktops that have them."""
        self.ring()
        for argv in (["notify-send", "chtc-jupyter", text], ["osascript", "-e", _MAC, text]):
            if shutil.which(argv[0]):
                try:
                    subprocess.run(argv, check=False, capture_output=True, timeout=5)
                except (OSError, subprocess.TimeoutExpired) as error:
                    _log.debug("%s showed no notification: %s", argv[0], error)
                return

    def quiet(self) -> None:
        """Remove the spinner, before something else is written."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    async def ask(self, question: str) -> str | None:
        """Ask a question and return the line that the user types, or None if there is no terminal.

        When it is canceled, the line goes nowhere.
        """
        self.quiet()
        if not sys.stdin.isatty():
            return None
        self.err.print(_wrap_for(self.err, question), markup=False, end=" ")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str] = loop.create_future()

        def give(line: str) -> None:
            if not answer.done():
                answer.set_result(line)

        def read() -> None:
            loop.call_soon_threadsafe(give, sys.stdin.readline())

        threading.Thread(target=read, daemon=True).start()
        self._asking = True
        try:
            return (await answer).strip()
        finally:
            self._asking = False

    async def wait_for_person(self, sentence: str) -> None:
        """Print what the user must do, and wait until Enter is pressed; wait forever if there is no terminal."""
        self.say(sentence)
        self.ring()
        if await self.ask("Press Enter to do so now:") is None:
            await asyncio.Event().wait()
