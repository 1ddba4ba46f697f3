"""The sums by which both ends of a copy compare what they have.

`chtc_jupyter` has the same in `copying/pieces.py`.
"""

from __future__ import annotations

import hashlib
import os
import time

#: Bytes of a piece, and seconds after which an answer has as many sums as there are by then.
PIECE = 8 << 20
LONGEST = 2.0
_BLOCK = 1 << 20


def sum_range(path: str, at: int, end: int) -> str | None:
    """Return the SHA-256 of a range of a file, None if the file is shorter. Raises OSError."""
    found = hashlib.sha256()
    with open(path, "rb") as file:
        file.seek(at)
        while at < end:
            data = file.read(min(_BLOCK, end - at))
            if not data:
                return None
            found.update(data)
            at += len(data)
    return found.hexdigest()


def sum_pieces(path: str, at: int, upto: int) -> tuple[int, list[str]]:
    """Return a file's size, and the sums of its pieces from `at` on, up to `upto`, as many as there is time for.

    A file that isn't there has the size 0. Raises OSError.
    """
    until = time.monotonic() + LONGEST
    sums: list[str] = []
    try:
        size = os.stat(path).st_size
    except FileNotFoundError:
        return 0, sums
    last = min(size, upto)
    while at < last and (not sums or time.monotonic() < until):
        digest = sum_range(path, at, min(at + PIECE, last))
        if digest is None:
            break
        sums.append(digest)
        at += PIECE
    return size, sums
