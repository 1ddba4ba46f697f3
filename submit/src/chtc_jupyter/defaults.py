"""The user's defaults as they are in the file of `chtc-jupyter config`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from chtc_jupyter import paths
from chtc_jupyter.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def get_path() -> Path:
    """Return the file of the user's defaults."""
    return paths.config_folder() / "config.toml"


def load() -> dict[str, Any]:
    """Return the user's defaults; raises UsageError if the file isn't valid TOML."""
    try:
        return tomllib.loads(get_path().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"Can't read {get_path()} ({error}). Correct the file or remove it.") from None
