"""Whether two lists of a cell's outputs show the same, however their texts are cut into lines and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_Outputs = Sequence[Mapping[str, Any]]
_END = 1_000  # characters that are compared of a long text's beginning and end


def has_same(one: _Outputs, other: _Outputs) -> bool:
    """Return whether two lists of outputs show the same: a text may be a list of lines, and in several outputs."""
    return _normalize(one) == _normalize(other)


def has_same_ends(whole: _Outputs, part: _Outputs) -> bool:
    """Return whether `whole` begins and ends as `part`, in the middle of which something is left out."""
    return _have_same_ends(_normalize(whole), _normalize(part))


def is_beginning(part: _Outputs, whole: _Outputs) -> bool:
    """Return whether `whole` shows what `part` does, and maybe more behind it."""
    one, other = _normalize(part), _normalize(whole)
    if not one:
        return True
    *before, last = one
    if before != other[: len(before)] or len(one) > len(other):
        return False
    there = other[len(before)]
    if "text" in last and "text" in there and last["name"] == there["name"]:
        return str(there["text"]).startswith(last["text"])
    return last == there


def _have_same_ends(whole: list[dict[str, Any]], part: list[dict[str, Any]]) -> bool:
    if not whole or not part:
        return False
    first, last = (part[0], whole[0]), (part[-1], whole[-1])
    if not all(one.get("name") == other.get("name") for one, other in (first, last)):
        return False
    return _is_same(first, slice(_END)) and _is_same(last, slice(-_END, None))


def _is_same(pair: tuple[dict[str, Any], dict[str, Any]], end: slice) -> bool:
    one, other = pair
    if "text" in one and "text" in other:
        return bool(one["text"][end] == other["text"][end])
    return one == other


def _normalize(outputs: _Outputs) -> list[dict[str, Any]]:
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
