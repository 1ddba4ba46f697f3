"""Bring JupyterLab's own pages over a slow line: compressed to a third, and the largest part asked for at once."""

from __future__ import annotations

import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jupyter_server.utils import url_path_join
from tornado.web import GZipContentEncoding, OutputTransform

#: Half of what JupyterLab's page loads. Without a word of it, a browser asks for it only once a script has run.
_LARGEST = "jlab_core.*.js"
STATIC = Path(sys.prefix, "share/jupyter/lab/static")
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

    def __init__(self, base: str, static: Path = STATIC, compressed: Path = COMPRESSED) -> None:
        paths = ("/static/", "/lab/extensions/", "/lab/api/", "/lsp/status", "/jupyter-session/status")
        self._compressed = tuple(url_path_join(base, path) for path in paths)
        self._static, self._files = url_path_join(base, "/static/lab/"), compressed
        self._page = url_path_join(base, "/lab")
        self._link = _find_link(base, static)

    def __call__(self, request: Any) -> OutputTransform:
        """Return the transform of one answer."""
        if request.path.startswith(self._compressed):
            file = self._find_file(request)
            return Precompressed(request, file) if file else GZipContentEncoding(request)
        is_page = request.path == self._page or request.path.startswith(self._page + "/")
        return Preload(request, self._link) if is_page and self._link else OutputTransform(request)

    def _find_file(self, request: Any) -> Path | None:
        name = request.path.removeprefix(self._static)
        if "/" in name or "gzip" not in request.headers.get("Accept-Encoding", ""):
            return None
        file = self._files / f"{name}{SUFFIX}"
        return file if file.is_file() else None


def _find_link(base: str, static: Path) -> str:
    """Return the header's value, "" if JupyterLab's files are not as usual. Its scripts name a file with its hash."""
    found = [path.name for path in static.glob(_LARGEST)]
    if len(found) != 1:
        return ""
    name, mark = found[0], found[0].split(".")[1]
    return f"<{url_path_join(base, '/static/lab/', name)}?v={mark}>; rel=preload; as=script"
