"""Jupyter server extension: remembers when a person last asked the server, or a page behind its proxy, for something.

An open tab asks without anyone there: every ten seconds it lists kernels, sessions, terminals and files, and writes its
layout (PUT /lab/api/workspaces); extensions poll by POST. What counts here is what takes a person: opening the page or
a document, saving, creating, running, renaming, deleting, changing a setting.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado.web import RequestHandler, authenticated

from jupyter_session.jupyter.extension import notices
from jupyter_session.jupyter.extension.proxy_traffic import Observer, Traffic

PATH = "/jupyter-session/requests"
PROXY_PATH = "/jupyter-session/proxy"


def takes_a_person(method: str, uri: str, base: str = "/") -> bool:
    """Say whether a successful request shows a person at work, from its method and its URI below `base`."""
    parts = urlsplit(uri)
    path = "/" + parts.path.removeprefix(base).lstrip("/")
    if method not in ("GET", "HEAD", "OPTIONS"):
        return path.startswith(("/api/", "/lab/api/settings")) and path != "/api/shutdown"
    if path == "/lab" or path.startswith(("/lab/tree", "/files/", "/nbconvert/", "/tree", "/notebooks/", "/doc/")):
        return True
    return path.startswith("/api/contents/") and parse_qs(parts.query).get("type", [""])[0] in ("file", "notebook")


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "jupyter_session.jupyter.extension.server_extension"}]


def _load_jupyter_server_extension(server: Any) -> None:
    settings = server.web_app.settings
    base: str = settings["base_url"]
    last: dict[str, Any] = {"at": None, "what": None}
    traffic = Traffic()
    observer = Observer(traffic)
    log: Callable[[RequestHandler], None] = settings["log_function"]

    def note(handler: RequestHandler) -> None:
        request = handler.request
        if handler.get_status() < 400 and takes_a_person(request.method or "", request.uri or "", base):
            last.update(at=time.time(), what=f"{request.method} {urlsplit(request.uri or '').path}")
        observer.saw(handler)
        log(handler)

    settings["log_function"] = note

    class RequestsHandler(APIHandler):
        """Answers `{"at": epoch seconds or null, "what": "PUT /api/contents/a.ipynb"}`."""

        @authenticated
        def get(self) -> None:
            """Return the last request that took a person."""
            self.finish(json.dumps(last))

    class ProxyHandler(APIHandler):
        """Answers as `RequestsHandler`, with `"lacks"`: what can't be seen, or ""."""

        @authenticated
        def get(self) -> None:
            """Return what last took a person behind the proxy."""
            self.finish(json.dumps({"at": traffic.at, "what": traffic.what, "lacks": observer.lacks}))

    handlers = [(url_path_join(base, PATH), RequestsHandler), (url_path_join(base, PROXY_PATH), ProxyHandler)]
    server.web_app.add_handlers(".*$", handlers)
    notices.load(server)
