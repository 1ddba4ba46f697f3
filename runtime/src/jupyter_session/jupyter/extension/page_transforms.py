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
_STATIC = Path(sys.prefix, "share/jupyter/lab/static")


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


class PageTransforms:
    """Makes what tornado transforms each answer with: only JupyterLab's pages and files and the panel's are compressed.

    Notebooks, files, and what is behind jupyter-server-proxy pass as they are: they are large, or compressed already,
    or have secrets next to what a stranger may choose.
    """

    def __init__(self, base: str, static: Path = _STATIC) -> None:
        paths = ("/static/", "/lab/extensions/", "/lab/api/", "/lsp/status", "/jupyter-session/status")
        self._compressed = tuple(url_path_join(base, path) for path in paths)
        self._page = url_path_join(base, "/lab")
        self._link = _find_link(base, static)

    def __call__(self, request: Any) -> OutputTransform:
        """Return the transform of one answer."""
        if request.path.startswith(self._compressed):
            return GZipContentEncoding(request)
        is_page = request.path == self._page or request.path.startswith(self._page + "/")
        return Preload(request, self._link) if is_page and self._link else OutputTransform(request)


def _find_link(base: str, static: Path) -> str:
    """Return the header's value, "" if JupyterLab's files are not as usual. Its scripts name a file with its hash."""
    found = [path.name for path in static.glob(_LARGEST)]
    if len(found) != 1:
        return ""
    name, mark = found[0], found[0].split(".")[1]
    return f"<{url_path_join(base, '/static/lab/', name)}?v={mark}>; rel=preload; as=script"
