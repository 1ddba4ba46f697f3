"""Find where a job's notebooks come back to, from its ad: among several outputs, and through remaps."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Any

_OPTION = re.compile(r"--notebooks[ =]+(?:'((?:[^']|'')*)'|([^\s'\"]+))")


def find_folder(ad: Mapping[str, Any]) -> str:
    """Return the path of the notebook folder on the access point, relative to Iwd or absolute."""
    outputs = [name.strip().rstrip("/") for name in str(ad.get("TransferOutput") or "").split(",") if name.strip()]
    option = _OPTION.search(str(ad.get("Arguments") or ad.get("Args") or ""))
    wanted = posixpath.basename((option[1] or option[2] or "").rstrip("/")) if option else "notebooks"
    named = [name for name in outputs if posixpath.basename(name) == wanted]
    folder = (named or outputs or [wanted or "notebooks"])[0]
    return _read_remaps(str(ad.get("TransferOutputRemaps") or "")).get(folder, posixpath.basename(folder))


def _read_remaps(text: str) -> dict[str, str]:
    """Return the new names of output files: `a = b; c = d`."""
    pairs = (part.partition("=") for part in text.strip().strip('"').split(";") if "=" in part)
    return {name.strip(): where.strip() for name, _, where in pairs if name.strip() and where.strip()}
