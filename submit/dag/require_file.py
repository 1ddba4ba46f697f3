#!/usr/bin/env -S python3 -B
"""Refuse a step that needs a file which no notebook has written.

require_file.py FILE
"""

from __future__ import annotations

import sys
from pathlib import Path

import notify


def main(name: str) -> int:
    """Return the exit status: 0 if the file exists and is not empty."""
    path = Path(name)
    if path.is_file() and path.stat().st_size:
        return 0
    notify.notify_user(
        "refused", f"{name} does not exist: the session ended before a notebook wrote it.", notify.format_now()
    )
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
