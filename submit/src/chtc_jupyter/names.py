"""The names of sessions: they become names of files on this machine, so a name that a job gives is checked, too."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,40}")


def is_name(found: object) -> bool:
    """Return True for a session's name: never a path, an option, or anything that a terminal acts on."""
    return isinstance(found, str) and _NAME.fullmatch(found) is not None
