"""Print the benchmarks' figures, with their limits beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def show(rows: Sequence[tuple[str, float, float | None]]) -> int:
    """Print rows of name, figure and limit (None: there is none); return 1 if one is over its limit, else 0."""
    width = max(len(name) for name, _, _ in rows)
    for name, value, limit in rows:
        print(f"{name:{width}} {value:8.2f}" + (f"   at most {limit:g}" if limit is not None else ""))
    return int(any(limit is not None and value > limit for _, value, limit in rows))


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows below their headers, as Markdown has a table."""
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    for row in (headers, ["-" * (width - 1) + ":" for width in widths], *rows):
        print("| " + " | ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + " |")
