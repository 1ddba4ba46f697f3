"""The terminal: lines for the person, a spinner where there is one, and questions."""

from __future__ import annotations

import asyncio
import json
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

_MAC = 'on run words\ndisplay notification (item 1 of words) with title "chtc-jupyter"\nend run'


def wrapped(text: str, width: int) -> str:
    """Break lines that are too long, between words, but not within a command in backquotes."""

    def fill(line: str) -> str:
        if len(line) <= width or " " not in line.strip():
            return line
        kept = re.sub(r"`[^`]*`", lambda command: command[0].replace(" ", "\0"), line)
        return textwrap.fill(kept, width, break_long_words=False, break_on_hyphens=False).replace("\0", " ")

    return "\n".join(map(fill, text.split("\n")))


def _for(console: Console, text: str) -> str:
    return wrapped(text, console.width) if console.is_terminal else text


class Terminal:
    """What the person sees. With `as_json`, standard output has one JSON object a line and nothing else."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.out = Console(highlight=False, soft_wrap=True)
        self.err = Console(highlight=False, soft_wrap=True, stderr=True)
        self._moving = Console(highlight=False, stderr=True)
        self._status: Status | None = None

    def say(self, line: str) -> None:
        """Tell the person something that stays."""
        self.quiet()
        self.err.print(_for(self.err, line), markup=False)

    def result(self, line: str) -> None:
        """Print what was asked for."""
        self.quiet()
        self.out.print(_for(self.out, line), markup=False)

    def table(self, table: Table) -> None:
        """Print a table."""
        self.quiet()
        Console(highlight=False).print(table)

    def report(self, facts: Mapping[str, object]) -> None:
        """Print facts for a program, where one is listening."""
        if self.as_json:
            print(json.dumps(facts), flush=True)

    def wait(self, line: str) -> None:
        """Show what is being waited for; as a line that stays where there is no terminal."""
        if not self.err.is_terminal:
            self.say(line)
        elif self._status is None:
            self._status = self._moving.status(Text(line))
            self._status.start()
        else:
            self._status.update(Text(line))

    def bell(self) -> None:
        """Ring."""
        if self.err.is_terminal:
            self.err.bell()

    def notify(self, text: str) -> None:
        """Tell a person who looks elsewhere: by a bell, and by the desktop's own means where it has some."""
        self.bell()
        for words in (["notify-send", "chtc-jupyter", text], ["osascript", "-e", _MAC, text]):
            if shutil.which(words[0]):
                subprocess.run(words, check=False, capture_output=True, timeout=5)
                return

    def quiet(self) -> None:
        """Take away what turns, before something else is written."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    async def ask(self, question: str) -> str | None:
        """Ask, and wait for a line; None where nobody can answer. Cancelled, the answer goes nowhere."""
        self.quiet()
        if not sys.stdin.isatty():
            return None
        self.err.print(_for(self.err, question), markup=False, end=" ")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str] = loop.create_future()

        def give(line: str) -> None:
            if not answer.done():
                answer.set_result(line)

        def read() -> None:
            loop.call_soon_threadsafe(give, sys.stdin.readline())

        threading.Thread(target=read, daemon=True).start()
        return (await answer).strip()

    async def wait_for_person(self, sentence: str) -> None:
        """Say what a person must do here, and wait until one presses Enter; for ever where there is no terminal."""
        self.say(sentence)
        self.bell()
        if await self.ask("Press Enter to do so now:") is None:
            await asyncio.Event().wait()
