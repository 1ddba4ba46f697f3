"""Where the launcher keeps its files on this machine, and how it writes them."""

from __future__ import annotations

import os
from pathlib import Path


def config_folder() -> Path:
    """Return the folder of the user's defaults."""
    return _locate("XDG_CONFIG_HOME", ".config")


def state_folder() -> Path:
    """Return the folder of what the launcher remembers."""
    return _locate("XDG_STATE_HOME", ".local/state")


def write_private(path: Path, text: str) -> None:
    """Write a file atomically, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(
        os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", errors="surrogateescape"
    ) as file:
        file.write(text)
    beside.replace(path)


def _locate(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / default) / "chtc-jupyter"
