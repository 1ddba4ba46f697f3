"""The Jupyter server extension of the panel: its API, the page without JupyterLab, and TensorBoard."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_server.utils import url_path_join

from jupyter_session.panel.figures import Figures
from jupyter_session.panel.handlers import ExtendHandler, FetchHandler, PageHandler, StatusHandler, StopHandler
from jupyter_session.panel.tensorboards import TensorBoardHandler, TensorBoards


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "jupyter_session.panel.server_extension"}]


def _load_jupyter_server_extension(server: Any) -> None:
    base: str = server.web_app.settings["base_url"]
    figures = Figures(os.environ, Path(server.root_dir), os.environ.get("JUPYTER_SESSION_ID", ""))
    boards = TensorBoards(server.web_app, Path(server.root_dir))
    handlers = [
        (url_path_join(base, "/jupyter-session/?"), PageHandler, {"figures": figures}),
        (url_path_join(base, "/jupyter-session/status"), StatusHandler, {"figures": figures}),
        (url_path_join(base, "/jupyter-session/extend"), ExtendHandler),
        (url_path_join(base, "/jupyter-session/stop"), StopHandler),
        (url_path_join(base, "/jupyter-session/fetch"), FetchHandler),
        (url_path_join(base, "/jupyter-session/tensorboard"), TensorBoardHandler, {"boards": boards}),
    ]
    server.web_app.add_handlers(".*$", handlers)
