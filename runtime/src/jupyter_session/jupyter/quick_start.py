"""Run JupyterLab's own script, quicker. What is put off or remembered here is as usual once the server has started.

`python -c 'from jupyter_session.jupyter.quick_start import main; main()' SCRIPT ARGUMENT ...` does what
`python SCRIPT ARGUMENT ...` does. As `module_bundle`, this imports next to nothing before modules come from one file.
"""

from __future__ import annotations

import gc
import sys
from importlib.machinery import ModuleSpec, PathFinder

from jupyter_session.jupyter import module_bundle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Any

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
        from importlib.util import LazyLoader  # noqa: PLC0415 - as all below: out of the one file

        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


class EntryPoints:
    """Reads what all installed packages offer, once for the whole start. Several modules ask for it, one group each."""

    def __init__(self) -> None:
        from importlib import metadata  # noqa: PLC0415

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


_begun: list[EntryPoints] = []


def begin(bundle: Bundle | None) -> None:
    """Make the start of a server quicker. Modules come from `bundle` already, if there is one."""
    gc.disable()  # it takes a tenth of the start, and finds next to nothing
    from importlib import metadata  # noqa: PLC0415

    points = EntryPoints()
    if bundle:
        points.found = metadata.EntryPoints(
            metadata.EntryPoint(name=name, value=value, group=group) for name, value, group in bundle.offers
        )
    metadata.entry_points = points
    _begun.append(points)
    sys.meta_path.insert(0, LateFinder(LATE))


def finish() -> None:
    """Let the server, which has started, go on as usual."""
    for points in _begun:
        points.forget()
    _begun.clear()
    module_bundle.end()
    gc.enable()


def main() -> None:
    """Run the script; the extension `server_extension` calls `finish`."""
    del sys.argv[0]
    path = sys.argv[0]
    begin(module_bundle.begin(module_bundle.LAB))
    with open(path, "rb") as file:  # noqa: PTH123
        code = compile(file.read(), path, "exec")
    exec(code, {"__name__": "__main__", "__file__": path, "__builtins__": __builtins__})  # noqa: S102 - JupyterLab's
