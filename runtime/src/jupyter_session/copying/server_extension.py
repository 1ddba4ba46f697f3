"""The Jupyter server extension for files that are copied."""

from __future__ import annotations

from typing import Any

from jupyter_server.utils import url_path_join

from jupyter_session.copying.handlers import DataHandler, FinishHandler, LookHandler, SumsHandler


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "jupyter_session.copying.server_extension"}]


def _load_jupyter_server_extension(server: Any) -> None:
    shared: dict[str, Any] = {"root": str(server.root_dir), "writers": {}}
    verbs = {"look": LookHandler, "sums": SumsHandler, "data": DataHandler, "finish": FinishHandler}
    base = url_path_join(server.web_app.settings["base_url"], "/jupyter-session/copy")
    server.web_app.add_handlers(".*$", [(url_path_join(base, name), verb, shared) for name, verb in verbs.items()])
