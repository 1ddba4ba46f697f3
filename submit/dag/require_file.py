#!/usr/bin/env -S python3 -B
"""Before a step that goes on with what a notebook wrote: say in one sentence that it is not there.

require_file.py FILE
"""

from __future__ import annotations

import sys
from pathlib import Path

import notify


def main(name: str) -> int:
    """Return the exit status: 0 where the file is there, with something in it."""
    path = Path(name)
    if path.is_file() and path.stat().st_size:
        return 0
    notify.notify_user(
        "refused", f"{name} is not there: the session ended before a notebook wrote it.", notify.format_now()
    )
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
