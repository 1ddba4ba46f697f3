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
from urllib.parse import quote

from jupyter_session.state_dir import StateDir

_LOG = logging.getLogger(__name__)
#: The variable that has the notebook folder, as addresses of files have it: for a requirements file.
NOTEBOOKS = "JUPYTER_NOTEBOOKS"

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
# Read by each start of its Python, which waits while packages of an earlier session are unpacked.
_IMAGE_LINES = """\
import site; site.addsitedir({image!r})
import os; os.path.exists({path!r}) and __import__({module!r}, fromlist=["wait"]).wait({path!r})
"""
_WAITING = "jupyter_session.jupyter.unpacking"
_IPYTHON_CONFIG = 'c.InteractiveShellApp.extensions.append("jupyter_session.jupyter.kernel_hints")\n'
_PIPS = ("pip", "pip3")
_IMAGE = "image.pth"
_OWN = ("pyvenv.cfg", "pip.conf", "etc/ipython")


@dataclass(frozen=True)
class Environment:
    """The environment below `root`."""

    root: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.root / "bin" / "python"

    @property
    def unpacking(self) -> Path:
        """A file that is there while packages of an earlier session are unpacked; kernels wait until it has gone."""
        return self.root.with_name(f"{self.root.name}.unpacking")  # beside it: it stays when all that is there goes

    @property
    def package_folders(self) -> tuple[Path, Path]:
        """Where pip installs packages to, and where it does with `--user`."""
        return self._find_packages(self.root), self._find_packages(self.user_base)

    @property
    def command_folders(self) -> tuple[Path, Path]:
        """Where the commands of packages are."""
        return self.root / "bin", self.user_base / "bin"

    @property
    def own_paths(self) -> tuple[str, ...]:
        """What `make` writes that isn't installed, relative to `root`."""
        site = self._find_packages(self.root).relative_to(self.root)
        return (*(f"bin/{name}" for name in (*_list_pythons(), *_PIPS)), *_OWN, str(site / _IMAGE))

    @property
    def user_base(self) -> Path:
        """Where `pip install --user` installs to."""
        return self.root / "user"

    def make(self) -> None:
        """Write it. Raises OSError if it can't be written."""
        interpreter = Path(os.path.realpath(sys.executable))
        for folder in (*self.package_folders, self.python.parent):
            folder.mkdir(parents=True, exist_ok=True)
        for name in _list_pythons():
            (self.root / "bin" / name).symlink_to(interpreter)
        for name in _PIPS:
            script = self.root / "bin" / name
            script.write_text(_PIP.format(python=self.python))
            script.chmod(0o755)
        version = ".".join(map(str, sys.version_info[:3]))
        (self.root / "pyvenv.cfg").write_text(_CONFIG.format(home=interpreter.parent, version=version))
        (self.root / "pip.conf").write_text(_PIP_CONFIG)
        lines = _IMAGE_LINES.format(image=sysconfig.get_path("purelib"), path=str(self.unpacking), module=_WAITING)
        (self._find_packages(self.root) / _IMAGE).write_text(lines)
        ipython = self.root / "etc" / "ipython" / "ipython_kernel_config.py"
        ipython.parent.mkdir(parents=True)
        ipython.write_text(_IPYTHON_CONFIG)

    def clear(self) -> None:
        """Remove all that is installed. Raises OSError if it can't be written anew."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.make()

    def activate(self, environ: MutableMapping[str, str]) -> None:
        """Set the variables by which kernels, terminals, and the server find what is installed."""
        environ["PATH"] = os.pathsep.join([*map(str, self.command_folders), environ.get("PATH", os.defpath)])
        environ["PYTHONUSERBASE"] = str(self.user_base)
        # Kernels and extensions of JupyterLab that pip installs; and for `python -m`, what the image has.
        shares = [base / "share" / "jupyter" for base in (self.root, self.user_base, Path(sys.prefix))]
        environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [environ.get("JUPYTER_PATH"), *map(str, shares)]))

    @staticmethod
    def _find_packages(base: Path) -> Path:
        where = {"base": str(base), "platbase": str(base)}
        return Path(sysconfig.get_path("purelib", "venv", where))


def _list_pythons() -> tuple[str, ...]:
    return tuple(dict.fromkeys(("python", "python3", Path(os.path.realpath(sys.executable)).name)))


def make_environment(state: StateDir, environ: MutableMapping[str, str], notebooks: Path) -> Environment | None:
    """Make the environment and set its variables; return None if it can't be made: the session works without.

    It is in the job's scratch folder, which has the disk space that the job asked for, unless all of that is
    transferred as the notebook folder. Elsewhere it is in the session's own folder.
    """
    scratch = Path(environ.get("_CONDOR_SCRATCH_DIR") or state.root).resolve()
    in_scratch = state.in_job and scratch.is_dir() and not scratch.is_relative_to(notebooks)
    for place in (*([scratch / f".python-{state.id}"] if in_scratch else []), state.root / "python"):
        try:
            environment = Environment(place)
            shutil.rmtree(place, ignore_errors=True)  # an earlier session's
            environment.unpacking.unlink(missing_ok=True)
            environment.make()
        except OSError as error:
            _LOG.warning("pip can't install into %s: %s", place, error)
            continue
        environment.activate(environ)
        environ[NOTEBOOKS] = quote(str(notebooks))
        return environment
    return None
