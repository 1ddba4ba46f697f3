"""Compress JupyterLab's scripts while the image is built: `python -m jupyter_session.building.compress_pages`.

A page needs 5 MB of them, which take the server a third of a second to compress.
"""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from jupyter_session.jupyter.extension.page_transforms import COMPRESSED, STATIC, SUFFIX

#: A name that has a hash of the content: another JupyterLab's file of this name is the same.
_HASHED = re.compile(r"[\w~-]+\.[0-9a-f]{16,}\.js")
_SMALLEST = 1000  # bytes


def compress(source: Path, target: Path) -> None:
    """Write the scripts of one folder to another, compressed."""
    target.mkdir(parents=True, exist_ok=True)
    for script in source.glob("*.js"):
        if _HASHED.fullmatch(script.name) and script.stat().st_size >= _SMALLEST:
            data = gzip.compress(script.read_bytes(), compresslevel=9, mtime=0)
            (target / f"{script.name}{SUFFIX}").write_bytes(data)


if __name__ == "__main__":
    compress(STATIC, COMPRESSED)
