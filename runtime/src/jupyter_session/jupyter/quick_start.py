"""Run JupyterLab's own script, quicker. What is put off or remembered here is as usual once the server has started.

`python -c 'from jupyter_session.jupyter.quick_start import main; main()' SCRIPT ARGUMENT ...` does what
`python SCRIPT ARGUMENT ...` does.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib import metadata
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from jupyter_session.jupyter import module_bundle
from jupyter_session.jupyter.module_bundle import Bundle

#: Modules that JupyterLab 4.6 and its extensions import as a whole, and use for some requests only: aiohttp for
#: proxied ones, requests for lists of blocked extensions, the others for formats of JSON.
LATE = frozenset({"aiohttp", "requests", "webcolors", "uri_template"})


class LateFinder:
    """Finds some modules as usual, and has them loaded at their first use.

    It is no subclass of importlib.abc.MetaPathFinder, whose import takes as long as this saves.
    """

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec of one of the modules, None for all others."""
        if name not in self._names:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


class EntryPoints:
    """Reads what all installed packages offer, once for the whole start. Several modules ask for it, one group each."""

    def __init__(self) -> None:
        self._read: Any = metadata.entry_points
        self.found: Any = None
        self._keeps = True

    def __call__(self, **params: Any) -> Any:
        """Do what importlib.metadata.entry_points does."""
        if not self._keeps:
            return self._read(**params)
        if self.found is None:
            self.found = self._read()
        return self.found.select(**params)

    def forget(self) -> None:
        """Read them anew from now on: pip may install something."""
        self._keeps, self.found = False, None


_entry_points = EntryPoints()
_finders: list[Bundle] = []


def begin(bundle: Bundle | None) -> None:
    """Make the start of a server quicker, with the modules of a bundle if there is one."""
    gc.disable()  # it takes a tenth of the start, and finds next to nothing
    metadata.entry_points = _entry_points
    if bundle:
        _finders.append(bundle)
        _entry_points.found = bundle.entry_points
    sys.meta_path[:0] = [LateFinder(LATE), *_finders]


def finish() -> None:
    """Let the server, which has started, go on as usual."""
    _entry_points.forget()
    for bundle in _finders:
        sys.meta_path.remove(bundle)
        bundle.forget()
    _finders.clear()
    gc.enable()


def main() -> None:
    """Run the script; the extension `server_extension` calls `finish`."""
    del sys.argv[0]
    path = sys.argv[0]
    begin(module_bundle.read())
    code = compile(Path(path).read_bytes(), path, "exec")
    exec(code, {"__name__": "__main__", "__file__": path, "__builtins__": __builtins__})  # noqa: S102 - JupyterLab's
