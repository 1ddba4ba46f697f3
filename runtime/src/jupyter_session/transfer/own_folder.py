"""The session's own folder in the notebook folder."""

from __future__ import annotations

import itertools
import os
import stat
from pathlib import Path

NAME = ".jupyter-session"


def ensure(notebooks: Path) -> Path:
    """Return the session's own folder, made if need be; what else has its name gets another one.

    Raises OSError if it can't be made.
    """
    folder = notebooks / NAME
    try:
        if not stat.S_ISDIR(folder.lstat().st_mode):
            folder.rename(_find_free_name(folder))
    except FileNotFoundError:
        notebooks.mkdir(exist_ok=True)
    folder.mkdir(exist_ok=True)
    return folder


def clear_name(path: Path) -> None:
    """Give a folder another name where a file is to be written. Raises OSError if that can't be done."""
    if path.is_dir() and not path.is_symlink():
        path.rename(_find_free_name(path))


def _find_free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.name}-{number}") for number in itertools.count(1))
    return next(name for name in names if not os.path.lexists(name))
