"""Notebooks as people have them, valid or not, with names as people give them: no program may change a byte of any.

Runs in a job, too: `python3 odd_notebooks.py FOLDER` writes them.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any


def _cell(source: str, outputs: Iterable[object] = (), **more: object) -> dict[str, object]:
    cell = {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": list(outputs), "source": source}
    return {**cell, **more}


def _notebook(*cells: object, minor: int = 5, metadata: object = None) -> dict[str, object]:
    return {"cells": list(cells), "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": minor}


def _output(data: object) -> dict[str, object]:
    return {"output_type": "display_data", "data": data, "metadata": {}}


PLAIN = json.dumps(_notebook(_cell("1 + 1", id="a1")), indent=1)
_NOT_NUMBERS = {"application/json": {"loss": float("nan"), "best": float("-inf")}}
_WIDGET = {"application/vnd.jupyter.widget-view+json": {"model_id": "0f", "version_major": 2, "version_minor": 0}}
_LONG = {"output_type": "stream", "name": "stdout", "text": ["x" * 99 + "\n"] * 200_000}
_OLD_CELL = {"cell_type": "code", "input": ["print 'a'"], "language": "python", "outputs": [], "prompt_number": 3}
_OLD: dict[str, Any] = {"metadata": {"name": "old"}, "nbformat": 3, "nbformat_minor": 0}

#: What tools write: whole notebooks.
_VALID = {
    "plain": _notebook(_cell("1 + 1", id="a1")),
    "no-ids-4.0": _notebook(_cell("x"), minor=0),
    "no-ids-4.5": _notebook(_cell("x")),
    "same-ids": _notebook(_cell("x", id="a"), _cell("y", id="a")),
    "ids-in-4.4": _notebook(_cell("x", id="a"), minor=4),
    "not-numbers": _notebook(_cell("n", [_output(_NOT_NUMBERS)], id="n")),
    "widgets": _notebook(_cell("w", [_output(_WIDGET)], id="w"), metadata={"widgets": {"state": {}}}),
    "format-3": {**_OLD, "worksheets": [{"cells": [_OLD_CELL]}]},
    "20-MB": _notebook(_cell("loop", [_LONG], id="big")),
}
#: What editors, version control, downloads, and full disks leave.
_DAMAGED = {
    "byte-order-mark": b"\xef\xbb\xbf" + PLAIN.encode(),
    "carriage-returns": PLAIN.replace("\n", "\r\n").encode(),
    "utf-16": PLAIN.encode("utf-16"),
    "latin-1": PLAIN.replace("1 + 1", "# caf\xe9").encode("latin-1"),
    "cut-short": PLAIN[: len(PLAIN) // 2].encode(),
    "empty": b"",
    "web-page": b"\n\n<!DOCTYPE html>\n<html lang='en'><title>not a notebook</title></html>\n",
    "conflict": PLAIN.replace('"1 + 1"', '<<<<<<< HEAD\n "1"\n=======\n "2"\n>>>>>>> mine').encode(),
}
_UMLAUTS = "Übung Ågren {}.ipynb"
_NAMES = (
    *(unicodedata.normalize(form, _UMLAUTS.format(form)) for form in ("NFC", "NFD")),
    *("-rf.ipynb", " space .ipynb", "tab\t.ipynb", "a,b;c&d$(x)`y`'z'.ipynb", "доклад 數據 😀.ipynb"),
    *("Untitled1-Copy1 (2).ipynb", "x" * 250 + ".txt", ".hidden.ipynb", "CON.ipynb", "a:b.ipynb", "100%.ipynb"),
    *("#lock#", "~$sheet.xlsx", 'double "quotes".ipynb'),
)


def make() -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each file."""
    for name, book in _VALID.items():
        yield f"{name}.ipynb", json.dumps(book).encode()
    for name, data in _DAMAGED.items():
        yield f"{name}.ipynb", data
    for name in _NAMES:
        yield name, PLAIN.encode()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in make():
        (folder / file).write_bytes(content)
