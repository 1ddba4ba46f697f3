"""The sums by which both ends of a copy compare what they have.

`jupyter_session` has the same in `copying/pieces.py`, and `receiver.py` for the access point.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

#: Bytes of a piece.
PIECE = 8 << 20
_BLOCK = 1 << 20


class Sums(NamedTuple):
    """What the other end has: the size of its file, and the SHA-256 of each piece from some place on."""

    size: int
    sums: list[str]


def sum_range(path: Path, at: int, end: int) -> str | None:
    """Return the SHA-256 of a range of a file, None if the file is shorter. Raises OSError."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(at)
        while at < end:
            data = file.read(min(_BLOCK, end - at))
            if not data:
                return None
            found.update(data)
            at += len(data)
    return found.hexdigest()


async def match(
    ask: Callable[[int], Awaitable[Sums]],
    sum_own: Callable[[int, int], Awaitable[str | None]],
    start: int,
    upto: int,
) -> AsyncIterator[tuple[int, int]]:
    """Yield up to where both ends have the same, after each piece, and the size of the other end's file.

    `ask` returns the other end's sums from a place on, and `sum_own` that of a range here. They are compared from
    `start` on, and as far as both have something before `upto`.
    """
    at = start
    while True:
        size, sums = await ask(at)
        yield at, size
        last = min(size, upto)
        if at >= last or not sums:
            return
        for theirs in sums:
            end = min(at + PIECE, last)
            if at >= last or await sum_own(at, end) != theirs:
                return
            at = end
            yield at, size
        if at >= last:
            return
