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
from jupyter_session.jupyter.extensions import EXTENSIONS

#: What a session imports while JupyterLab starts.
_MODULES = (
    *("jupyter_session.__main__", "jupyter_session.cli", "jupyter_session.session.run", "classad2"),
    *("logging.handlers", "jupyter_session.session.supervisor"),
    *("http.client", "jupyter_session.activity.sources"),
)
_WRITE_SESSION = f"""
import importlib
for name in {_MODULES}:
    importlib.import_module(name)
from jupyter_session.jupyter import module_bundle
module_bundle.write(module_bundle.SESSION)
"""


def write_lab() -> None:
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
        module_bundle.write(module_bundle.LAB, quick_start.LATE)


if __name__ == "__main__":
    subprocess.run([sys.executable, "-I", "-c", _WRITE_SESSION], check=True)
    write_lab()
