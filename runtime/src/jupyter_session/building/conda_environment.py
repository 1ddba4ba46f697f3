"""Make the conda environment that an environment.yml describes: `python -m ... FILE`, while an image is built.

rattler does it, the library behind pixi: it needs neither conda nor a base environment.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_session.building import pip

#: Where environments are made, each under its name.
FOLDER = Path("/opt/environments")
_DEFAULT_CHANNEL = "conda-forge"
_DEFAULT_NAME = "environment"
#: Packages for GPUs want to see a driver, which a machine that builds images may not have. A newer one runs them, too.
_CUDA = "12.8"
_GPU = re.compile(r"cuda|gpu|nvidia", re.IGNORECASE)
_NAME = re.compile(r"[\w.-]{1,60}")


class SpecError(Exception):
    """The file can't be followed."""


@dataclass(frozen=True)
class Spec:
    """What an environment.yml asks for."""

    name: str
    channels: tuple[str, ...]
    packages: tuple[str, ...]
    pip: tuple[str, ...]

    @property
    def wants_gpu(self) -> bool:
        """Whether packages for GPUs are among them."""
        return any(_GPU.search(package) for package in self.packages)


def parse_spec(content: Any) -> Spec:
    """Return what the content of an environment.yml asks for. Raises SpecError if it can't be followed."""
    if not isinstance(content, Mapping) or not isinstance(content.get("dependencies"), list):
        raise SpecError("It has no list `dependencies`.")
    packages, pip_lines = [], []
    for entry in content["dependencies"]:
        if isinstance(entry, str):
            packages.append(entry)
        elif isinstance(entry, Mapping) and list(entry) == ["pip"]:
            pip_lines += [str(line) for line in entry["pip"] or []]
        else:
            raise SpecError(f"{entry!r} in `dependencies` is neither a package nor `pip:` with a list.")
    channels = [str(channel) for channel in content.get("channels") or [] if channel != "nodefaults"]
    if "defaults" in channels:
        raise SpecError(f"The channel `defaults` is a setting of conda itself. Name {_DEFAULT_CHANNEL} instead.")
    name = str(content.get("name") or _DEFAULT_NAME)
    if not _NAME.fullmatch(name) or name.startswith("."):
        raise SpecError(f"{name!r} can't be the name of an environment. Use letters, digits, '.', '_', and '-'.")
    if not any(re.match(r"(\S+::)?python\b(?!-)", package) for package in packages):
        packages.append("python")
    return Spec(name, tuple(channels) or (_DEFAULT_CHANNEL,), tuple(packages), tuple(pip_lines))


def main() -> int:
    """Make the environment; return the exit status."""
    import yaml  # noqa: PLC0415 - a dependency of JupyterLab's

    file = Path(sys.argv[1])
    try:
        spec = parse_spec(yaml.safe_load(file.read_text()))
    except (yaml.YAMLError, SpecError) as error:
        print(f"environment.yml can't be used: {error}", file=sys.stderr)
        return 1
    prefix = FOLDER / spec.name
    with tempfile.TemporaryDirectory() as folder:
        pip.install("--target", folder, "--require-hashes", "--only-binary=:all:", "-r", pip.BESIDE / "rattler.txt")
        sys.path.append(folder)
        try:
            asyncio.run(_install(spec, prefix, Path(folder, "cache")))
        except Exception as error:  # noqa: BLE001 - rattler's own; its words are what the user needs
            print(f"The environment {spec.name} can't be made: {error}", file=sys.stderr)
            return 1
    if spec.pip:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as lines:
            lines.write("".join(f"{line}\n" for line in spec.pip))
            lines.flush()
            pip.install("-r", lines.name, python=prefix / "bin" / "python")
    subprocess.run([prefix / "bin" / "python", "-m", "compileall", "-q", "-j0", prefix / "lib"], check=False)
    return 0


async def _install(spec: Spec, prefix: Path, cache: Path) -> None:
    """Find which packages fit together, and put them below `prefix`."""
    import rattler  # noqa: PLC0415 - it was installed a moment ago
    from rattler.virtual_package import Override, VirtualPackageOverrides  # noqa: PLC0415

    given = "CONDA_OVERRIDE_CUDA" in os.environ
    cuda = Override.string(_CUDA) if spec.wants_gpu and not given else Override.default_env_var()
    records = await rattler.solve(
        sources=[rattler.Channel(channel) for channel in spec.channels],
        specs=list(spec.packages),
        virtual_packages=rattler.VirtualPackage.detect(VirtualPackageOverrides(cuda=cuda)),
    )
    await rattler.install(
        records, target_prefix=prefix, cache_dir=cache, show_progress=False, execute_link_scripts=True
    )


if __name__ == "__main__":
    raise SystemExit(main())
