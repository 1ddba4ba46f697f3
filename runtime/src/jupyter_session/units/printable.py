"""File names that can be printed on one line anywhere, whatever bytes they consist of."""

from __future__ import annotations

import os


def escape_name(name: str) -> str:
    """Return a name or a path with line breaks, other unprintable characters, and invalid UTF-8 escaped."""
    text = os.fsencode(name).decode(errors="backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
