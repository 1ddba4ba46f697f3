"""Kernels of the user's own: each venv or conda environment in the notebook folder becomes a kernel."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

from jupyter_session.condor.attributes import fit_line

_LOG = logging.getLogger(__name__)
_PREFIX = "notebooks-"


def find_environments(notebooks: Path) -> dict[str, Path]:
    """Return the environments directly in the notebook folder that have ipykernel, by name, and their interpreters."""
    found = {}
    try:
        folders = sorted(entry for entry in notebooks.iterdir() if entry.is_dir())
    except OSError as error:
        _LOG.debug("can't look for environments: %s", error)
        return {}
    for folder in folders:
        python = folder / "bin" / "python"
        is_environment = (folder / "pyvenv.cfg").is_file() or (folder / "conda-meta").is_dir()
        if is_environment and python.exists() and any(folder.glob("lib/python*/site-packages/ipykernel")):
            found[folder.name] = python
    return found


def offer_environments(notebooks: Path, data: Path) -> None:
    """Write a kernel for each environment in `notebooks` to `data` (a folder on JUPYTER_PATH); remove the others."""
    kernels = data / "kernels"
    specs = {
        f"{_PREFIX}{number}": {
            "argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": f"Python ({fit_line(name)})",
            "language": "python",
        }
        for number, (name, python) in enumerate(find_environments(notebooks).items())
    }
    for name, spec in specs.items():
        text = json.dumps(spec)
        file = kernels / name / "kernel.json"
        if not file.exists() or file.read_text() != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    for folder in kernels.glob(f"{_PREFIX}*"):
        if folder.name not in specs:
            shutil.rmtree(folder, ignore_errors=True)
