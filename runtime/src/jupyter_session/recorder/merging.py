"""Put recorded outputs into a notebook, by the cells' IDs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Cell = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a cell showed. `source` is the text that ran; `is_text_kept`: the file's is newer. `after` ran before it.

    Without `outputs`, it has not run, and the file's outputs stay.
    """

    cell: str
    outputs: Sequence[Mapping[str, Any]] | None
    count: int | None
    source: str
    is_text_kept: bool = False
    after: str | None = None


def merge(cells: Sequence[Mapping[str, Any]], results: Sequence[Result]) -> list[Cell]:
    """Return the cells with the results, in the order of the file.

    A cell that isn't in the file, because it is newer than the last save, comes behind the one that ran before it, or
    else to the end. What isn't a code cell stays as it is.
    """
    merged = [dict(cell) for cell in cells]
    for result in results:
        at = _find(merged, result.cell)
        if at is None:
            before = _find(merged, result.after)
            new: Cell = {"cell_type": "code", "id": result.cell, "metadata": {}, "source": result.source}
            new |= {"outputs": [], "execution_count": None}
            merged.insert(len(merged) if before is None else before + 1, _fill(new, result))
        elif merged[at].get("cell_type") == "code":
            text = {} if result.is_text_kept else {"source": result.source}
            merged[at] = _fill({**merged[at], **text}, result)
    return merged


def has_same(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether two lists of outputs show the same: a text may be a list of lines, and in several outputs."""
    return _normalize(one) == _normalize(other)


def make_notebook(results: Sequence[Result]) -> dict[str, Any]:
    """Return a notebook that has the results only."""
    return {"cells": merge([], results), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def _fill(cell: Cell, result: Result) -> Cell:
    """Return the cell with the result. It is trusted, as each is that was run in a browser."""
    if result.outputs is None:
        return cell
    metadata = {**cell.get("metadata", {}), "trusted": True}
    return {**cell, "metadata": metadata, "outputs": list(result.outputs), "execution_count": result.count}


def _find(cells: Sequence[Mapping[str, Any]], cell: str | None) -> int | None:
    return next((number for number, each in enumerate(cells) if cell is not None and each.get("id") == cell), None)


def _normalize(outputs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    normal: list[dict[str, Any]] = []
    for output in outputs:
        if output.get("output_type") != "stream":
            data = {name: _join(value) for name, value in (output.get("data") or {}).items()}
            normal.append({**output, "data": data, "metadata": output.get("metadata") or {}})
        elif normal and normal[-1].get("name") == output["name"] and "text" in normal[-1]:
            normal[-1]["text"] += _join(output["text"])
        else:
            normal.append({"output_type": "stream", "name": output["name"], "text": _join(output["text"])})
    return normal


def _join(text: Any) -> Any:
    return "".join(text) if isinstance(text, list) and all(isinstance(line, str) for line in text) else text
