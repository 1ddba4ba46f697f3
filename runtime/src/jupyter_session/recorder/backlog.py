"""What a kernel has published of late, for browsers that were away: whole messages, as many as memory allows."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence

#: A message without its signature: header, parent header, metadata, content, and buffers, each as sent.
Parts = Sequence[bytes]
#: Messages and bytes of them that are kept, and messages that are remembered by name.
_MOST, _LARGEST, _MOST_NAMES = 5_000, 4_000_000, 5_000


class Backlog:
    """The messages of one kernel's process, in the order in which it sent them."""

    def __init__(self, most: int = _MOST, largest: int = _LARGEST) -> None:
        self._most, self._largest = most, largest
        self._numbers: dict[str, int] = {}  # of each message that was heard of late, by its ID
        self._kept: deque[tuple[int, str, str, Parts]] = deque()  # number, ID, request
        self._size = 0
        self._heard = 0
        self._dropped = 0  # the number of the last message that was kept and isn't any longer

    def add(self, name: str, request: str, parts: Parts | None) -> None:
        """Note a message that the kernel published because of a request, and keep it unless it is None."""
        self._heard += 1
        self._numbers[name] = self._heard
        if len(self._numbers) > _MOST_NAMES:
            del self._numbers[next(iter(self._numbers))]
        if parts is None:
            return
        self._kept.append((self._heard, name, request, parts))
        self._size += _measure(parts)
        while len(self._kept) > self._most or self._size > self._largest:
            self._dropped, _, _, dropped = self._kept.popleft()
            self._size -= _measure(dropped)

    def clear(self) -> None:
        """Forget all: the kernel's process has ended."""
        self._numbers.clear()
        self._kept.clear()
        self._size = self._dropped = 0

    def list_names(self, requests: Collection[str] | None = None) -> frozenset[str]:
        """Return the IDs of the messages that are kept, or of those only that some requests caused."""
        return frozenset(name for _, name, request, _ in self._kept if requests is None or request in requests)

    def list_after(self, seen: Iterable[str]) -> list[Parts] | None:
        """Return what came after the last message of `seen`; None if that isn't known, or not all of it is kept."""
        last = max((self._numbers.get(name, -1) for name in seen), default=-1)
        if last < self._dropped or last < 0:
            return None
        return [parts for number, _, _, parts in self._kept if number > last]


def _measure(parts: Parts) -> int:
    return sum(len(part) for part in parts)
