"""The session's own Python environment: where pip installs to, because the image is read-only.

It lies over the image's environment: it has all that the image has, and what is installed into it comes first. It is
as a virtual environment is, but made in 1 ms, and without what the standard library's `venv` needs to be imported.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import sysconfig
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

from jupyter_session.state_dir import StateDir

_LOG = logging.getLogger(__name__)

# `home` is where the standard library is found from. The system's packages come last, and pip refuses `--user` without.
_CONFIG = """\
home = {home}
include-system-site-packages = true
version = {version}
"""
_PIP = """\
#!{python}
from jupyter_session.jupyter.kernel_hints import run_pip
run_pip()
"""
_PIP_CONFIG = """\
[global]
disable-pip-version-check = true
"""
_IPYTHON_CONFIG = 'c.InteractiveShellApp.extensions.append("jupyter_session.jupyter.kernel_hints")\n'


@dataclass(frozen=True)
class Environment:
    """The environment below `root`."""

    root: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.root / "bin" / "python"

    @property
    def user_base(self) -> Path:
        """Where `pip install --user` installs to."""
        return self.root / "user"

    def make(self) -> None:
        """Write it. Raises OSError if it can't be written."""
        interpreter = Path(os.path.realpath(sys.executable))
        for folder in (self._find_packages(self.root), self._find_packages(self.user_base), self.python.parent):
            folder.mkdir(parents=True, exist_ok=True)
        for name in ("python", "python3", interpreter.name):
            (self.root / "bin" / name).symlink_to(interpreter)
        for name in ("pip", "pip3"):
            script = self.root / "bin" / name
            script.write_text(_PIP.format(python=self.python))
            script.chmod(0o755)
        version = ".".join(map(str, sys.version_info[:3]))
        (self.root / "pyvenv.cfg").write_text(_CONFIG.format(home=interpreter.parent, version=version))
        (self.root / "pip.conf").write_text(_PIP_CONFIG)
        image = sysconfig.get_path("purelib")
        (self._find_packages(self.root) / "image.pth").write_text(f"import site; site.addsitedir({image!r})\n")
        ipython = self.root / "etc" / "ipython" / "ipython_kernel_config.py"
        ipython.parent.mkdir(parents=True)
        ipython.write_text(_IPYTHON_CONFIG)

    def activate(self, environ: MutableMapping[str, str]) -> None:
        """Set the variables by which kernels, terminals, and the server find what is installed."""
        folders = (self.root / "bin", self.user_base / "bin")
        environ["PATH"] = os.pathsep.join([*map(str, folders), environ.get("PATH", os.defpath)])
        environ["PYTHONUSERBASE"] = str(self.user_base)
        # Kernels and extensions of JupyterLab that pip installs; and for `python -m`, what the image has.
        shares = [base / "share" / "jupyter" for base in (self.root, self.user_base, Path(sys.prefix))]
        environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [environ.get("JUPYTER_PATH"), *map(str, shares)]))

    @staticmethod
    def _find_packages(base: Path) -> Path:
        where = {"base": str(base), "platbase": str(base)}
        return Path(sysconfig.get_path("purelib", "venv", where))


def make_environment(state: StateDir, environ: MutableMapping[str, str], notebooks: Path) -> Environment | None:
    """Make the environment and set its variables; return None if it can't be made: the session works without.

    It is in the job's scratch folder, which has the disk space that the job asked for, unless all of that is
    transferred as the notebook folder. Elsewhere it is in the session's own folder.
    """
    scratch = Path(environ.get("_CONDOR_SCRATCH_DIR") or state.root).resolve()
    in_scratch = state.in_job and scratch.is_dir() and not scratch.is_relative_to(notebooks)
    for place in (*([scratch / f".python-{state.id}"] if in_scratch else []), state.root / "python"):
        try:
            shutil.rmtree(place, ignore_errors=True)  # an earlier session's
            environment = Environment(place)
            environment.make()
        except OSError as error:
            _LOG.warning("pip can't install into %s: %s", place, error)
            continue
        environment.activate(environ)
        return environment
    return None
