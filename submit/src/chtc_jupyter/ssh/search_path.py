"""The folders on the access point that the user names for python3 and HTCondor's commands: `config ap_path`."""

from __future__ import annotations

import re
from pathlib import Path

from chtc_jupyter import defaults
from chtc_jupyter.errors import UsageError

#: The name of the setting.
KEY = "ap_path"
#: A folder that any login shell takes as it is, but for the `~` that each of them expands at the begin of a word.
_FOLDER = re.compile(r"(~/|/)[\w./+-]*", re.ASCII)


def parse_folders(text: str) -> str:
    """Return a list of folders such as `/opt/condor/bin:~/bin`. Raises UsageError if one isn't plain and absolute."""
    for folder in text.split(":"):
        if not _FOLDER.fullmatch(folder):
            raise UsageError(
                f"Invalid folder {folder!r}. Use folders that begin with / or ~/, of letters, digits, '.', '_', '+', "
                "and '-', with ':' between them."
            )
    return text


def list_folders() -> list[str]:
    """Return the folders for this machine. Raises UsageError as `render_words` does."""
    return [str(Path(word).expanduser()) for word in render_words().split()]


def render_words() -> str:
    """Return the folders as words for the access point's login shell, each with a space before it.

    Raises UsageError if the user's defaults have something else in their place.
    """
    found = defaults.load().get(KEY, "")
    return "".join(f" {folder}" for folder in parse_folders(str(found)).split(":")) if found else ""
