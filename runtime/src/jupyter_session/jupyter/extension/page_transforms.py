"""Bring JupyterLab's own pages over a slow line: compressed to a third, and all parts asked for at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jupyter_server.utils import url_path_join
from tornado.web import GZipContentEncoding, OutputTransform

STATIC = Path(sys.prefix, "share/jupyter/lab/static")
_EXTENSIONS = Path(sys.prefix, "share/jupyter/labextensions")
#: Scripts of JupyterLab's that its page loads at its start. Without a word of them, a browser asks for the next ones
#: only once the first have run, three times in a row. Of another JupyterLab, the one that is half of all is known.
_AT_START, _LARGEST = Path(__file__).with_name("startup_scripts.txt"), "jlab_core.*.js"
#: The image's extensions, whose scripts are small, and all of them loaded at the start.
_OUR_EXTENSIONS = ("jupyter-session", "jupyterlab_pygments", "@jupyterhub/jupyter-server-proxy")
_ENTRY = "remoteEntry."
#: Where JupyterLab's scripts are as they go over the line (`building.compress_pages`), each with this behind its name.
COMPRESSED, SUFFIX = Path(sys.prefix, "lib/jupyter-session-pages"), ".gz"


class Preload(OutputTransform):
    """Has a page's browser load what `link`, a value of the header Link, names, while it still reads the page."""

    def __init__(self, request: Any, link: str) -> None:
        super().__init__(request)
        self._link = link

    def transform_first_chunk(self, status: int, headers: Any, chunk: bytes, finishing: bool) -> Any:  # noqa: FBT001
        """Add the header to a page that is one."""
        if status == HTTPStatus.OK and headers.get("Content-Type", "").startswith("text/html"):
            headers.add("Link", self._link)
        return super().transform_first_chunk(status, headers, chunk, finishing)


class Precompressed(OutputTransform):
    """Sends a file's content in place of an answer that is the same, uncompressed."""

    def __init__(self, request: Any, file: Path) -> None:
        super().__init__(request)
        self._file = file
        self._is_sent = False

    def transform_first_chunk(self, status: int, headers: Any, chunk: bytes, finishing: bool) -> Any:  # noqa: FBT001
        """Send all of it."""
        if status != HTTPStatus.OK:
            return super().transform_first_chunk(status, headers, chunk, finishing)
        self._is_sent = True
        data = self._file.read_bytes()
        headers["Content-Encoding"] = "gzip"
        headers["Content-Length"] = str(len(data))
        headers.add("Vary", "Accept-Encoding")
        return status, headers, data

    def transform_chunk(self, chunk: bytes, finishing: bool) -> bytes:  # noqa: ARG002, FBT001
        """Send no more."""
        return b"" if self._is_sent else chunk


class PageTransforms:
    """Makes what tornado transforms each answer with: only JupyterLab's pages and files and the panel's are compressed.

    Notebooks, files, and what is behind jupyter-server-proxy pass as they are: they are large, or compressed already,
    or have secrets next to what a stranger may choose.
    """

    def __init__(
        self, base: str, static: Path = STATIC, compressed: Path = COMPRESSED, extensions: Path = _EXTENSIONS
    ) -> None:
        paths = ("/static/", "/lab/extensions/", "/lab/api/", "/lsp/status", "/jupyter-session/status")
        self._compressed = tuple(url_path_join(base, path) for path in paths)
        self._static, self._files = url_path_join(base, "/static/lab/"), compressed
        self._page = url_path_join(base, "/lab")
        self._base, self._lab_files, self._extensions = base, static, extensions

    def __call__(self, request: Any) -> OutputTransform:
        """Return the transform of one answer."""
        if request.path.startswith(self._compressed):
            file = self._find_file(request)
            return Precompressed(request, file) if file else GZipContentEncoding(request)
        is_page = request.path == self._page or request.path.startswith(self._page + "/")
        return Preload(request, self._link) if is_page and self._link else OutputTransform(request)

    @cached_property
    def _link(self) -> str:
        """The value of the header, found when a page is asked for first: the server's start has enough to do."""
        entries, parts = _find_entries(self._extensions), _find_parts(self._extensions)
        scripts = (*entries, *_find_scripts(self._lab_files), *parts)
        return ", ".join(f"<{url_path_join(self._base, script)}>; rel=preload; as=script" for script in scripts)

    def _find_file(self, request: Any) -> Path | None:
        name = request.path.removeprefix(self._static)
        if "/" in name or "gzip" not in request.headers.get("Accept-Encoding", ""):
            return None
        file = self._files / f"{name}{SUFFIX}"
        return file if file.is_file() else None


def _find_scripts(static: Path) -> Iterator[str]:
    """Yield the addresses of JupyterLab's scripts of the start, as they are asked for."""
    names = [name for name in _AT_START.read_text().splitlines() if not name.startswith("#")]
    largest = [path.name for path in static.glob(_LARGEST)]
    known = [name for name in names if (static / name).is_file()]
    for name in known or largest[: len(largest) == 1]:
        yield f"/static/lab/{_add_mark(name)}"


def _find_entries(extensions: Path) -> Iterator[str]:
    """Yield the addresses of the extensions' first scripts, which JupyterLab waits for before it loads its own."""
    for name in _OUR_EXTENSIONS:
        for path in (extensions / name / "static").glob(f"{_ENTRY}*.js"):
            yield f"/lab/extensions/{name}/static/{path.name}"


def _find_parts(extensions: Path) -> Iterator[str]:
    """Yield the addresses of the extensions' other scripts, but for those that have no hash, which load nothing."""
    for name in _OUR_EXTENSIONS:
        for path in sorted((extensions / name / "static").glob("*.*.js")):
            if not path.name.startswith(_ENTRY):
                yield f"/lab/extensions/{name}/static/{_add_mark(path.name)}"


def _add_mark(name: str) -> str:
    """Return a script's name as webpack's code asks for it: with the hash again."""
    return f"{name}?v={name.split('.')[-2]}"
