"""Kernels of the user's own: a venv or conda environment in the notebook folder becomes one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from jupyter_session.condor.contract import one_line

_PREFIX = "notebooks-"


def environments(notebooks: Path) -> dict[str, Path]:
    """Return the environments directly in the notebook folder that have ipykernel: name to Python interpreter."""
    found = {}
    try:
        folders = sorted(entry for entry in notebooks.iterdir() if entry.is_dir())
    except OSError:
        return {}
    for folder in folders:
        python = folder / "bin" / "python"
        is_environment = (folder / "pyvenv.cfg").is_file() or (folder / "conda-meta").is_dir()
        if is_environment and python.exists() and any(folder.glob("lib/python*/site-packages/ipykernel")):
            found[folder.name] = python
    return found


def offer(notebooks: Path, data: Path) -> None:
    """Make a kernel of each environment in `notebooks`, under `data` (a folder on JUPYTER_PATH); drop those gone."""
    kernels = data / "kernels"
    specs = {
        f"{_PREFIX}{number}": {
            "argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": f"Python ({one_line(name)})",
            "language": "python",
        }
        for number, (name, python) in enumerate(environments(notebooks).items())
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
