"""Write the files that `jupyter.module_bundle` reads: `python -m jupyter_session.building.bundle_modules`.

It runs when the image is built, as the last step that installs anything. Each file has what the process that it is for
imports at its start, so another process writes it.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from jupyter_session.jupyter import module_bundle, quick_start
from jupyter_session.jupyter.compiled_patterns import Patterns
from jupyter_session.jupyter.extensions import EXTENSIONS

#: What a session imports while JupyterLab starts.
_MODULES = (
    *("jupyter_session.__main__", "jupyter_session.cli", "jupyter_session.session.run", "classad2"),
    *("logging.handlers", "jupyter_session.session.supervisor"),
    *("http.client", "jupyter_session.activity.sources"),
)
#: Runs one of the functions below, and notes all that is compiled.
_WRITE = """
from jupyter_session.jupyter import compiled_patterns
patterns = compiled_patterns.note()
from jupyter_session.building import bundle_modules
bundle_modules.{}(patterns)
"""


def write_session(patterns: Patterns) -> None:
    """Import what a session does, and write that."""
    for name in _MODULES:
        importlib.import_module(name)
    module_bundle.write(module_bundle.SESSION, patterns)


def write_lab(patterns: Patterns) -> None:
    """Start JupyterLab, which serves nobody, and write what that has imported."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("CONFIG", "DATA", "RUNTIME"):
            os.environ[f"JUPYTER_{name}_DIR"] = folder
        config = Path(folder, "config.json")
        server = {"jpserver_extensions": EXTENSIONS, "port": 0, "allow_root": True, "open_browser": False}
        config.write_text(
            json.dumps({"ServerApp": {**server, "root_dir": folder}, "LabApp": {"extension_manager": "readonly"}})
        )
        quick_start.begin(None)
        importlib.import_module("jupyterlab.labapp").LabApp.initialize_server(argv=[f"--config={config}"])
        module_bundle.write(module_bundle.LAB, patterns, quick_start.LATE)


if __name__ == "__main__":
    for function in (write_session, write_lab):
        subprocess.run([sys.executable, "-I", "-c", _WRITE.format(function.__name__)], check=True)
