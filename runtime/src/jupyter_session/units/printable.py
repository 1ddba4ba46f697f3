"""File names for people: whatever bytes they are, they can be printed on one line anywhere."""

from __future__ import annotations

import os


def escape_name(name: str) -> str:
    """Write a name or a path with its line breaks, and what is no UTF-8, as escapes."""
    text = os.fsencode(name).decode(errors="backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
