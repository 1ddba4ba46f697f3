"""The text of one stream of a cell, as a page shows it, and bounded."""

from __future__ import annotations

import re
from collections import deque

#: Characters that are kept from the beginning, and as many from the end.
HALF = 1_000_000
_LONGEST_LINE = 100_000  # characters of a line that has no end yet, which "\r" may still change
_CONTROL = re.compile("[\r\b]")


class StreamText:
    r"""What was written, with `\r` and `\b` applied; in the middle of a long one, a line says what is left out."""

    def __init__(self, half: int = HALF) -> None:
        self._half = half
        self._head: list[str] = []
        self._head_size = 0
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self._lost_characters = 0
        self._lost_lines = 0
        self._line, self._at = "", 0

    @property
    def size(self) -> int:
        """How many characters are kept."""
        return self._head_size + self._tail_size + len(self._line)

    def write(self, text: str) -> None:
        """Write more."""
        if self._at == len(self._line) and not _CONTROL.search(text):
            whole, end, rest = (self._line + text).rpartition("\n")
            self._keep(whole + end)
            self._line, self._at = rest, len(rest)
        else:
            *lines, rest = text.split("\n")
            for line in lines:
                self._overwrite(line)
                self._keep(self._line + "\n")
                self._line, self._at = "", 0
            self._overwrite(rest)
        if len(self._line) > _LONGEST_LINE:
            self._keep(self._line)
            self._line, self._at = "", 0

    def shrink(self, half: int) -> None:
        """Keep so many characters of the beginning, and as many of the end, from now on."""
        if half >= self._half:
            return
        self._half = half
        head = "".join(self._head)
        self._head, self._head_size = [head[:half]], len(head[:half])
        self._tail.appendleft(head[half:])
        self._tail_size += len(head[half:])
        self._cut(self._tail_size - half)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return not self._lost_characters

    def play(self) -> str:
        """Return text that shows the same, and leaves the place of the next character where it is."""
        return self.render() + ("" if self._at == len(self._line) else "\r" + self._line[: self._at])

    def render(self) -> str:
        """Return what a page shows."""
        head, tail = "".join(self._head), "".join(self._tail) + self._line
        if not self._lost_characters:
            return head + tail
        start = "" if head.endswith("\n") else "\n"
        return f"{head}{start}{self._say_what_is_left_out()}\n{tail}"

    def _say_what_is_left_out(self) -> str:
        return (
            f"[... {self._lost_lines:,} lines ({self._lost_characters:,} characters) are left out here. While no "
            f"browser is connected, a session keeps the first and the last {self._half:,} characters of a stream. ...]"
        )

    def _overwrite(self, text: str) -> None:
        for part in re.split("([\r\b])", text):
            if part == "\r":
                self._at = 0
            elif part == "\b":
                self._line = self._line[: max(0, self._at - 1)] + self._line[self._at :]
                self._at = max(0, self._at - 1)
            elif part:
                self._line = self._line[: self._at] + part + self._line[self._at + len(part) :]
                self._at += len(part)

    def _keep(self, text: str) -> None:
        room = self._half - self._head_size
        if room > 0 and text:
            self._head.append(text[:room])
            self._head_size += len(self._head[-1])
            text = text[room:]
        if text:
            self._tail.append(text)
            self._tail_size += len(text)
        if self._tail_size > self._half * 5 // 4:  # not at each write: cutting a string copies it
            self._cut(self._tail_size - self._half)

    def _cut(self, size: int) -> None:
        while size > 0:
            first = self._tail.popleft()
            if len(first) > size:
                self._tail.appendleft(first[size:])
                first = first[:size]
            size -= len(first)
            self._tail_size -= len(first)
            self._lost_characters += len(first)
            self._lost_lines += first.count("\n")
