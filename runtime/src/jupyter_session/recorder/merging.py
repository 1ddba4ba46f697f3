"""Put recorded outputs into a notebook, by the cells' IDs, or by their texts if it has none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_session.recorder.same_outputs import is_beginning

Cell = dict[str, Any]
Cells = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a cell showed.

    `source` is the text that ran, and `is_text_kept` says that the file's is newer. `after` ran before it. `outputs` is
    None if the cell has not run yet: then the file's stay.
    """

    cell: str
    outputs: Sequence[Mapping[str, Any]] | None
    count: int | None
    source: str
    is_text_kept: bool = False
    after: str | None = None


def has_ids(cells: Cells) -> bool:
    """Return whether the cells have IDs. They have none before version 4.5 of nbformat."""
    return all(cell.get("id") for cell in cells)


def merge(cells: Cells, results: Sequence[Result]) -> list[Cell]:
    """Return the cells with the results, in the order of the file.

    A cell that isn't in the file, because it is newer than the last save, comes behind the one that ran before it, or
    else to the end. What isn't a code cell stays as it is.
    """
    merged = [dict(cell) for cell in cells]
    is_by_id = has_ids(cells)
    found: dict[str, Cell] = {} if not is_by_id else {str(cell["id"]): cell for cell in merged}
    for result in results:
        cell = found.get(result.cell) or (None if is_by_id else find_by_text(merged, found.values(), result))
        if cell is None:
            cell = {
                "cell_type": "code",
                "metadata": {},
                "source": result.source,
                "outputs": [],
                "execution_count": None,
            }
            if is_by_id:
                cell = {"id": result.cell, **cell}
            before = found.get(result.after or "")
            merged.insert(_index(merged, before) + 1 if before is not None else len(merged), cell)
        found[result.cell] = cell
        if cell.get("cell_type") == "code":
            _fill(cell, result)
    return merged


def find_by_text(cells: Sequence[Cell], taken: Collection[Cell], result: Result) -> Cell | None:
    """Return the code cell that has the text which ran, None if there is none.

    Of several, it is one that has nothing yet, or the beginning of the result: another's output stays.
    """
    free = [cell for cell in cells if not any(cell is other for other in taken)]
    same = [cell for cell in free if cell.get("cell_type") == "code" and get_text(cell) == result.source]
    if len(same) > 1 or len(same) < sum(get_text(cell) == result.source for cell in cells):
        same = [cell for cell in same if is_beginning(cell.get("outputs") or (), result.outputs or ())]
    return same[0] if same else None


def find_outputs(cells: Cells, cell: str, source: str) -> Sequence[Mapping[str, Any]] | None:
    """Return the outputs that a cell has; None if it isn't there, or if its ID isn't and several have its text."""
    if has_ids(cells):
        same = [each for each in cells if each["id"] == cell]
    else:
        same = [each for each in cells if get_text(each) == source]
    return (same[0].get("outputs") or ()) if len(same) == 1 else None


def get_text(cell: Mapping[str, Any]) -> str:
    """Return the text of a cell, which may be a list of lines."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def make_notebook(results: Sequence[Result]) -> dict[str, Any]:
    """Return a notebook that has the results only."""
    return {"cells": merge([], results), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def _fill(cell: Cell, result: Result) -> None:
    """Put a result into its cell, which is then trusted, as each is that was run in a browser."""
    if not result.is_text_kept and get_text(cell) != result.source:
        cell["source"] = result.source
    if result.outputs is not None:
        cell["metadata"] = {**cell.get("metadata", {}), "trusted": True}
        cell["outputs"], cell["execution_count"] = list(result.outputs), result.count


def _index(cells: Sequence[Cell], cell: Cell) -> int:
    return next(number for number, each in enumerate(cells) if each is cell)
