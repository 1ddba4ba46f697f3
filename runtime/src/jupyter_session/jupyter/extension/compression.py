"""Compress JupyterLab's own pages on their way: a third of the bytes, which a slow line needs and the browser keeps."""

from __future__ import annotations

from typing import Any

from jupyter_server.utils import url_path_join
from tornado.web import GZipContentEncoding, OutputTransform


class PageCompression:
    """Makes what tornado transforms each answer with: only JupyterLab's pages and files and the panel's are compressed.

    Notebooks, files, and what is behind jupyter-server-proxy pass as they are: they are large, or compressed already,
    or have secrets next to what a stranger may choose.
    """

    def __init__(self, base: str) -> None:
        paths = ("/static/", "/lab/extensions/", "/lab/api/", "/jupyter-session/status")
        self._own = tuple(url_path_join(base, path) for path in paths)

    def __call__(self, request: Any) -> OutputTransform:
        """Return the transform of one answer."""
        return GZipContentEncoding(request) if request.path.startswith(self._own) else OutputTransform(request)
