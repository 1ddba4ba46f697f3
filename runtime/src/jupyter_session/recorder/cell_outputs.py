"""The outputs of one run of a cell, assembled from the kernel's messages as JupyterLab does, and bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jupyter_session.recorder.stream_text import StreamText

#: Outputs that are kept from the beginning, and as many from the end; and characters of each half.
MOST, LARGEST = 500, 8_000_000
_RICH = frozenset({"display_data", "execute_result", "error"})

Output = dict[str, Any]


@dataclass
class Entry:
    """One output: a stream, or `rich` with about `size` characters."""

    stream: str = ""
    text: StreamText = field(default_factory=StreamText)
    rich: Output | None = None
    size: int = 0
    display: str | None = None  # the ID by which the kernel may change it

    def render(self) -> Output:
        """Return it as nbformat has it (https://nbformat.readthedocs.io/en/latest/format_description.html)."""
        return self.rich or {"output_type": "stream", "name": self.stream, "text": self.text.render()}

    def play(self) -> Output:
        """Return what a kernel would send for it."""
        if self.rich is None:
            return {**self.render(), "text": self.text.play()}
        return {**self.rich, **({} if self.display is None else {"transient": {"display_id": self.display}})}


class CellOutputs:
    """What a cell shows. `count` is its execution count, None until it has begun."""

    def __init__(self, most: int = MOST, largest: int = LARGEST) -> None:
        self.count: int | None = None
        self._most, self._largest = most, largest
        self._head: list[Entry] = []
        self._tail: deque[Entry] = deque()
        self._head_size = self._tail_size = self._lost = 0
        self._clears_next = False

    def __iter__(self) -> Iterator[Entry]:
        yield from self._head
        yield from self._tail

    @property
    def size(self) -> int:
        """About how many characters are kept."""
        return self._head_size + self._tail_size

    def note(self, kind: str, content: Mapping[str, Any], size: int) -> Entry | None:
        """Note a message of about `size` characters; return the output that it made, None if it made none."""
        if kind == "clear_output":
            self._clears_next = bool(content.get("wait"))
            if not self._clears_next:
                self._clear()
            return None
        if kind not in _RICH and kind != "stream":
            return None
        if self._clears_next:
            self._clear()
        if kind == "stream":
            self._write(str(content["name"]), str(content["text"]))
            return None
        display = (content.get("transient") or {}).get("display_id")
        entry = Entry(rich=_make_output(kind, content), size=size, display=None if display is None else str(display))
        self._append(entry)
        return entry

    def update(self, display: str, content: Mapping[str, Any], size: int) -> bool:
        """Change the outputs with the ID `display` by a message of about `size` characters; return whether any is."""
        found = [entry for entry in self if entry.display == display and entry.rich is not None]
        for entry in found:
            entry.rich = {
                **(entry.rich or {}),
                "data": dict(content["data"]),
                "metadata": dict(content.get("metadata") or {}),
            }
            self._resize(entry, size)
        self._trim()
        return bool(found)

    def shrink(self, most: int, largest: int, half: int) -> None:
        """Keep less from now on: as many outputs and characters at each end, and of each stream `half` at each end."""
        self._most, self._largest = min(most, self._most), min(largest, self._largest)
        for entry in self:
            entry.text.shrink(half)
            if entry.rich is None:
                self._resize(entry, entry.text.size)
        while self._head and (len(self._head) > self._most or self._head_size > self._largest):
            last = self._head.pop()
            self._head_size -= last.size
            self._tail.appendleft(last)
            self._tail_size += last.size
        self._trim()
        if self._tail and self._tail_size > self._largest:  # a single one
            self._lost += len(self._tail)
            self._tail.clear()
            self._tail_size = 0

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return not self._lost and all(entry.text.is_whole for entry in self)

    def find_error(self) -> Output | None:
        """Return the last error."""
        errors = [entry.rich for entry in self if entry.rich and entry.rich["output_type"] == "error"]
        return errors[-1] if errors else None

    def render(self) -> list[Output]:
        """Return the outputs for a notebook."""
        return [entry.render() for entry in self._list()]

    def play(self) -> list[Output]:
        """Return the outputs as a kernel would send them."""
        return [entry.play() for entry in self._list()]

    def _list(self) -> list[Entry]:
        if not self._lost:
            return list(self)
        left_out = Entry(stream="stderr")
        left_out.text.write(self._say_what_is_left_out())
        return [*self._head, left_out, *self._tail]

    def _say_what_is_left_out(self) -> str:
        return (
            f"[... {self._lost:,} outputs are left out here. While no browser is connected, a session keeps the first "
            f"and the last outputs of a cell, up to {self._most} or {self._largest:,} characters of each. ...]\n"
        )

    def _clear(self) -> None:
        self._clears_next = False
        self._head.clear()
        self._tail.clear()
        self._head_size = self._tail_size = self._lost = 0

    def _write(self, name: str, text: str) -> None:
        last = self._tail[-1] if self._tail else self._head[-1] if self._head and not self._lost else None
        if last is None or last.rich is not None or last.stream != name:
            last = Entry(stream=name)
            self._append(last)
        before = last.size
        last.text.write(text)
        last.size = last.text.size
        self._grow(last.size - before, in_tail=bool(self._tail))

    def _append(self, entry: Entry) -> None:
        is_full = len(self._head) >= self._most or self._head_size >= self._largest
        in_tail = is_full or bool(self._tail) or bool(self._lost)
        (self._tail if in_tail else self._head).append(entry)
        self._grow(entry.size, in_tail=in_tail)

    def _grow(self, size: int, *, in_tail: bool) -> None:
        if not in_tail:
            self._head_size += size
            return
        self._tail_size += size
        self._trim()

    def _resize(self, entry: Entry, size: int) -> None:
        if any(entry is other for other in self._head):
            self._head_size += size - entry.size
        else:
            self._tail_size += size - entry.size
        entry.size = size

    def _trim(self) -> None:
        while len(self._tail) > 1 and (len(self._tail) > self._most or self._tail_size > self._largest):
            self._tail_size -= self._tail.popleft().size
            self._lost += 1


def _make_output(kind: str, content: Mapping[str, Any]) -> Output:
    if kind == "error":
        return {"output_type": kind, **{name: content[name] for name in ("ename", "evalue", "traceback")}}
    output: Output = {
        "output_type": kind,
        "data": dict(content["data"]),
        "metadata": dict(content.get("metadata") or {}),
    }
    if kind == "execute_result":
        output["execution_count"] = content.get("execution_count")
    return output
