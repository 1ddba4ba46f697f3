"""The programs that an image on a base of its own has beside the base's: see building/portable.py."""

from __future__ import annotations

import os
import sys

#: Where they are, each at its own place below.
SYSTEM = f"{sys.prefix}/system"


def find_program(path: str, system: str = SYSTEM) -> str:
    """Return where a program is that the distribution has at `path`: the one that was brought along counts first."""
    own = f"{system}{path}"
    return own if os.access(own, os.X_OK) else path
