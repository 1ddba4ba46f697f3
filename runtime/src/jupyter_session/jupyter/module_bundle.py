"""What a start of JupyterLab imports, in one file of the image: the code of 600 modules is read at once.

Each file that is opened in an image costs a switch to the program that unpacks it, and Python looks for each module in
several places. `python -m jupyter_session.jupyter.module_bundle` writes the file while the image is built. It counts as
long as the image is as it was then.
"""

from __future__ import annotations

import importlib
import marshal
import os
import sys
from collections.abc import Sequence
from importlib import metadata
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

PATH = Path(sys.prefix, "lib", "jupyter-session-modules")
_PACKAGES = Path(__file__).parents[2]
_LIBRARY = Path(os.__file__).parent


class BundledLoader(SourceFileLoader):
    """Loads a module from its source file as usual, but for the code, which is there already."""

    def __init__(self, name: str, path: str, code: bytes) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the code, once; later, the file's."""
        if not self._code:
            return super().get_code(fullname)
        code: CodeType = marshal.loads(self._code)  # noqa: S302 - the image's own, as a .pyc file is
        self._code = b""
        return code


class Bundle:
    """The modules of the file, by name: path, whether it is a package, and code; and what all packages offer."""

    def __init__(self, modules: dict[str, tuple[str, bool, bytes]], offers: Sequence[tuple[str, str, str]]) -> None:
        self._modules = modules
        self.entry_points = metadata.EntryPoints(
            metadata.EntryPoint(name=name, value=value, group=group) for name, value, group in offers
        )

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec of one of the modules, None for all others."""
        found = self._modules.pop(name, None)
        if found is None:
            return None
        path, is_package, code = found
        places = [os.path.dirname(path)] if is_package else None  # noqa: PTH120 - 600 of them
        return spec_from_file_location(
            name, path, loader=BundledLoader(name, path, code), submodule_search_locations=places
        )

    def forget(self) -> None:
        """Find no module any more."""
        self._modules.clear()


def read(path: Path = PATH) -> Bundle | None:
    """Return the bundle, None if there is none that is true of the image as it is."""
    try:
        key, modules, offers = marshal.loads(path.read_bytes())  # noqa: S302
        if key == _make_key() and not _is_mounted_over():
            return Bundle(modules, offers)
    except (OSError, ValueError, EOFError, TypeError):
        return None
    return None


def write(path: Path, late: frozenset[str]) -> None:
    """Write what this process has imported, less what is loaded `late`."""
    modules = {}
    for name, module in list(sys.modules.items()):
        spec = None if name.partition(".")[0] in late else getattr(module, "__spec__", None)
        loader = spec and spec.loader
        if spec is None or spec.name != name or type(loader) is not SourceFileLoader:
            continue
        code = loader.get_code(name)
        modules[name] = (loader.path, spec.submodule_search_locations is not None, marshal.dumps(code))
    offers = {(each.name, each.value, each.group) for each in _list_entry_points()}
    path.write_bytes(marshal.dumps((_make_key(), modules, sorted(offers))))


def _list_entry_points() -> Any:
    return [each for installed in metadata.distributions() for each in installed.entry_points]


def _make_key() -> tuple[str, int, int]:
    """Return what changes when Python does, and when pip installs something; an image keeps whole seconds."""
    return sys.version, int(_PACKAGES.stat().st_mtime), int(_LIBRARY.stat().st_mtime)


def _is_mounted_over(mounts: Path = Path("/proc/self/mountinfo")) -> bool:
    """Return whether something else is mounted over a part of what the modules come from."""
    places = [f"{place}/" for place in (_PACKAGES, _LIBRARY)]
    return any(
        f"{line.split(' ', 5)[4]}/".startswith(place) for line in mounts.read_text().splitlines() for place in places
    )


def main() -> None:
    """Start JupyterLab, which serves nobody, and write what that has imported."""
    import json  # noqa: PLC0415 - all below: only while the image is built
    import tempfile  # noqa: PLC0415

    from jupyter_session.jupyter import quick_start  # noqa: PLC0415
    from jupyter_session.jupyter.extensions import EXTENSIONS  # noqa: PLC0415

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
        write(PATH, quick_start.LATE)


if __name__ == "__main__":
    main()
