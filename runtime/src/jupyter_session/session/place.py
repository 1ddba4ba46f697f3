"""Where the notebook folder is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def locate(folder: Path, environ: Mapping[str, str]) -> Path:
    """Return the whole path of a folder, in which no link below the job's folder is resolved.

    At the end there is a folder in place of each such link, and that is what comes back.
    """
    scratch = environ.get("_CONDOR_SCRATCH_DIR")
    if scratch and ".." not in folder.parts:
        whole = Path(os.path.abspath(folder))  # noqa: PTH100 - links stay
        real = Path(scratch).resolve()
        for root in (Path(scratch), real):
            if whole.is_relative_to(root):
                return real / whole.relative_to(root)
    return folder.resolve()
