"""Offer what an image's base has as kernels: its Pythons with their packages, its R, and others: `python -m ...`.

It runs as the last step of a build but one. Nothing is installed into the base's own: what a Python lacks of ipykernel
gets a folder of its own, which only its kernels see.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from jupyter_session.building import conda_environment, pip
from jupyter_session.building.base_pythons import BasePython, find_pythons, list_candidates, read_path

_SHARE = Path(sys.prefix, "share", "jupyter")
_KERNELS = _SHARE / "kernels"
#: Folders with what Pythons lack of ipykernel, and R of IRkernel.
_LACKING = Path(sys.prefix, "lib", "base-kernels")
_START = Path(__file__).with_name("start_kernel.py")
#: What Jupyter reads in each of its programs, whatever else it is told to read.
_CONFIG = Path(sys.prefix, "etc", "jupyter", "jupyter_config.json")
#: The oldest Python that the image's pip can install for.
_OLDEST = (3, 9)
#: Where Jupyter finds kernels by itself.
_FOUND_BY_JUPYTER = (Path("/usr"), Path("/usr/local"))
#: Runs what conda's packages want to be run before they are used, and becomes the program that follows.
_ACTIVATE = 'for file in "$0"/etc/conda/activate.d/*.sh; do [ ! -r "$file" ] || . "$file"; done; exec "$@"'
_HAS_IRKERNEL = 'if (!requireNamespace("IRkernel", quietly = TRUE)) quit(status = 1)'
_INSTALL_IRKERNEL = """
repos <- getOption("repos")
if (is.na(repos["CRAN"]) || repos["CRAN"] == "@CRAN@") repos["CRAN"] <- "https://cloud.r-project.org"
install.packages("IRkernel", lib = "{folder}", repos = repos, quiet = TRUE)
"""


def render_kernel(python: BasePython, lacking: Path) -> dict[str, Any]:
    """Return the kernel.json of a Python; `lacking` is the folder of what it lacks of ipykernel."""
    argv = [str(python.path), str(_START), str(lacking), "-f", "{connection_file}"]
    # The base isn't written to in a session: what pip installs goes to the session's folder.
    env = {"PIP_USER": "1", "PIP_BREAK_SYSTEM_PACKAGES": "1"}
    if python.prefix not in _FOUND_BY_JUPYTER:
        env["PATH"] = f"{python.prefix}/bin:${{PATH}}"
    if python.is_conda:
        env |= {"CONDA_PREFIX": str(python.prefix), "CONDA_DEFAULT_ENV": python.label}
        argv = ["/bin/bash", "-c", _ACTIVATE, str(python.prefix), *argv]
    return {
        "argv": argv,
        "display_name": python.title,
        "language": "python",
        "env": env,
        "metadata": {"debugger": True},
    }


def choose_default(pythons: list[BasePython], path: list[str]) -> BasePython | None:
    """Return the Python for new notebooks: of environment.yml, or else the base's own if it is before the system's."""
    for python in pythons:
        if python.prefix.parent == conda_environment.FOLDER:
            return python
    folders = [Path(folder) for folder in path]
    first = min(pythons, key=lambda python: _find_place(python, folders), default=None)
    return first if first and first.path.parent in folders and first.prefix != Path("/usr") else None


def _find_place(python: BasePython, folders: list[Path]) -> int:
    folder = python.path.parent
    return folders.index(folder) if folder in folders else len(folders)


def name_kernel(python: BasePython) -> str:
    """Return the name of a Python's kernel, by which notebooks refer to it."""
    return "base-" + re.sub(r"[^a-z0-9._-]", "-", python.label.lower())


def adopt_kernel(spec: dict[str, Any], prefix: Path) -> dict[str, Any] | None:
    """Return a kernel of another language below `prefix` for anybody's PATH, None if it isn't one."""
    argv = spec.get("argv")
    if not isinstance(argv, list) or not argv or str(spec.get("language", "")).lower() == "python":
        return None
    program = prefix / "bin" / str(argv[0])
    env = {**spec.get("env", {}), "PATH": f"{prefix}/bin:${{PATH}}"}
    return {**spec, "argv": [str(program) if program.exists() else argv[0], *argv[1:]], "env": env}


def main() -> int:
    """Write the kernels; return the exit status. What can't be offered is said, and doesn't end the build."""
    path = read_path()
    offered = []
    for python in find_pythons(list_candidates(path)):
        if not python.is_plain and _offer_python(python):
            offered.append(python)
        _adopt_others(python.prefix)
    if default := choose_default(offered, path):
        _CONFIG.parent.mkdir(parents=True, exist_ok=True)
        _CONFIG.write_text(json.dumps({"MultiKernelManager": {"default_kernel_name": name_kernel(default)}}))
    _offer_r(path)
    return 0


def _offer_python(python: BasePython) -> bool:
    lacking = _LACKING / name_kernel(python)
    try:
        if not python.has_kernel:
            _install_ipykernel(python, lacking)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        print(f"{python.title} isn't offered as a kernel: ipykernel can't be installed for it ({error}).", flush=True)
        return False
    _write(name_kernel(python), render_kernel(python, lacking))
    print(f"{python.title}, {python.path}, is offered as a kernel.", flush=True)
    return True


def _install_ipykernel(python: BasePython, folder: Path) -> None:
    if python.version >= _OLDEST:
        pip.install("--target", folder, "--no-deps", *pip.plan("ipykernel", python=python.path), python=python.path)
    else:  # its own pip, if it has one
        argv = ("-m", "pip", "install", "--quiet", "--target", str(folder), "ipykernel")
        subprocess.run([python.path, *argv], check=True)


def _adopt_others(prefix: Path) -> None:
    if prefix in _FOUND_BY_JUPYTER:
        return
    for file in sorted(prefix.glob("share/jupyter/kernels/*/kernel.json")):
        try:
            spec = adopt_kernel(json.loads(file.read_text()), prefix)
        except (OSError, ValueError):
            continue
        if spec:
            shutil.copytree(file.parent, _KERNELS / file.parent.name, dirs_exist_ok=True)
            _write(file.parent.name, spec)
            print(f"{spec.get('display_name')}, of {prefix}, is offered as a kernel.", flush=True)


def _offer_r(path: list[str]) -> None:
    program = shutil.which("R", path=":".join([*path, "/usr/local/bin", "/usr/bin"]))
    places = [*(folder / "share/jupyter/kernels" for folder in _FOUND_BY_JUPYTER), _KERNELS]
    if program is None or any(_is_r(file) for place in places for file in place.glob("*/kernel.json")):
        return
    folder = _LACKING / "r"
    has = [program, "--slave", "-e", _HAS_IRKERNEL]
    if subprocess.run(has, check=False, capture_output=True).returncode:
        folder.mkdir(parents=True)
        subprocess.run([program, "--slave", "-e", _INSTALL_IRKERNEL.format(folder=folder)], check=False)
        if not (folder / "IRkernel").is_dir():
            print("R isn't offered as a kernel: IRkernel can't be installed. Use a base that has it.", flush=True)
            return
    start = f'.libPaths(c(.libPaths(), "{folder}")); IRkernel::main()'
    argv = [program, "--slave", "-e", start, "--args", "{connection_file}"]
    _write("ir", {"argv": argv, "display_name": "R", "language": "R"})
    print(f"R, {program}, is offered as a kernel.", flush=True)


def _is_r(file: Path) -> bool:
    try:
        return str(json.loads(file.read_text()).get("language")).lower() == "r"
    except (OSError, ValueError, AttributeError):
        return False


def _write(name: str, spec: dict[str, Any]) -> None:
    file = _KERNELS / name / "kernel.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(spec, indent=1))


if __name__ == "__main__":
    raise SystemExit(main())
