"""What a start imports, in one file of the image: the code of hundreds of modules is read at once.

Each file that is opened in an image costs a switch to the program that unpacks it, and Python looks for each module in
several places. `building.bundle_modules` writes two files while the image is built, one for JupyterLab and one for the
session that starts it. They count as long as the image is as it was then.

This module is imported before all others, so it imports next to nothing itself.
"""

from __future__ import annotations

import marshal
import os
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader

from jupyter_session.jupyter import compiled_patterns

TYPE_CHECKING = False  # the import of `typing` would take as long as this module saves elsewhere
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType

    from jupyter_session.jupyter.compiled_patterns import Patterns

#: The two files.
LAB, SESSION = f"{sys.prefix}/lib/jupyter-session-modules-lab", f"{sys.prefix}/lib/jupyter-session-modules-run"
_PACKAGES = __file__.rsplit("/", 3)[0]
_LIBRARY = os.__file__.rpartition("/")[0]
#: Bytes of the number at the beginning of a file, which says how long the head is.
_NUMBER = 8

#: Modules by name: path, whether it is a package, and where its code is in the file.
Places = dict[str, tuple[str, bool, int, int]]


class BundledLoader(SourceFileLoader):
    """Loads a module from its source file as usual, but for the code, which is there already."""

    def __init__(self, name: str, path: str, bundle: Bundle, start: int, end: int) -> None:
        super().__init__(name, path)
        self._bundle: Bundle | None = bundle
        self._place = start, end

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the code, once; later, the file's."""
        bundle, self._bundle = self._bundle, None
        data = bundle.read_code(*self._place) if bundle else b""
        if not data:
            return super().get_code(fullname)
        code: CodeType = marshal.loads(data)  # noqa: S302 - the image's own, as a .pyc file is
        return code


class Bundle:
    """Finds the modules of an open file, each once.

    `offers`: name, value and group of what all packages offer; `patterns`: regular expressions that are compiled.
    """

    def __init__(self, file: int, modules: Places, offers: Sequence[tuple[str, str, str]], patterns: Patterns) -> None:
        self.offers = offers
        self.patterns = patterns
        self._file = file
        self._modules = modules

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec of one of the modules, None for all others."""
        found = self._modules.pop(name, None)
        if found is None:
            return None
        path, is_package, start, end = found
        loader = BundledLoader(name, path, self, start, end)
        spec = ModuleSpec(name, loader, origin=path, is_package=is_package)
        spec.has_location = True
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(path.rpartition("/")[0])
        return spec

    def read_code(self, start: int, end: int) -> bytes:
        """Return a part of the file; b"" if it has been closed."""
        return os.pread(self._file, end - start, start) if self._file >= 0 else b""

    def forget(self) -> None:
        """Find no module any more, and close the file."""
        self._modules.clear()
        self.patterns.clear()
        if self._file >= 0:
            os.close(self._file)
        self._file = -1


def read(path: str = LAB) -> Bundle | None:
    """Return the bundle, None if there is none that is true of the image as it is."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_WILLNEED)
        length = int.from_bytes(os.pread(file, _NUMBER, 0), "little")
        key, *head = marshal.loads(os.pread(file, length, _NUMBER))  # noqa: S302
        if key == _make_key() and not _is_mounted_over():
            return Bundle(file, *head)
    except (OSError, ValueError, EOFError, TypeError, OverflowError, MemoryError):  # it isn't such a file
        pass
    os.close(file)
    return None


def write(path: str, patterns: Patterns, late: frozenset[str] = frozenset()) -> None:
    """Write what this process has imported, less what is loaded `late`, and the `patterns` that it has compiled."""
    codes: dict[str, tuple[str, bool, bytes]] = {}
    for name, module in list(sys.modules.items()):
        spec = None if name.partition(".")[0] in late else getattr(module, "__spec__", None)
        loader = spec and spec.loader
        if spec is None or spec.name != name or type(loader) is not SourceFileLoader:
            continue
        code = loader.get_code(name)
        codes[name] = (loader.path, spec.submodule_search_locations is not None, marshal.dumps(code))
    key, offers = _make_key(), _list_offers()
    length = 0
    while True:  # the places are in the head, whose length depends on them
        start = _NUMBER + length
        places: Places = {}
        for name, (where, is_package, data) in codes.items():
            places[name] = (where, is_package, start, start + len(data))
            start += len(data)
        head = marshal.dumps((key, places, offers, patterns))
        if len(head) == length:
            break
        length = len(head)
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(length.to_bytes(_NUMBER, "little") + head + b"".join(data for _, _, data in codes.values()))


def _list_offers() -> list[tuple[str, str, str]]:
    from importlib import metadata  # noqa: PLC0415 - only while the image is built

    found = [each for installed in metadata.distributions() for each in installed.entry_points]
    return sorted({(each.name, each.value, each.group) for each in found})


def _make_key() -> tuple[str, int, int]:
    """Return what changes when Python does, and when pip installs something; an image keeps whole seconds."""
    return sys.version, int(os.stat(_PACKAGES).st_mtime), int(os.stat(_LIBRARY).st_mtime)  # noqa: PTH116


def _is_mounted_over(mounts: str = "/proc/self/mountinfo") -> bool:
    """Return whether something else is mounted over a part of what the modules come from."""
    places = [f"{place}/" for place in (_PACKAGES, _LIBRARY)]
    with open(mounts, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
        lines = file.read().splitlines()
    return any(f"{line.split(' ', 5)[4]}/".startswith(place) for line in lines for place in places)


_finders: list[Bundle] = []


def begin(path: str) -> Bundle | None:
    """Have modules come from a file until `end`; return its bundle, None if it doesn't count."""
    bundle = read(path)
    if bundle:
        _finders.append(bundle)
        sys.meta_path.insert(0, bundle)
        compiled_patterns.begin(bundle.patterns)
    return bundle


def end() -> None:
    """Have modules come from their own files again, and regular expressions be compiled."""
    compiled_patterns.end()
    for bundle in _finders:
        sys.meta_path.remove(bundle)
        bundle.forget()
    _finders.clear()
