"""TensorBoard on demand: one for each folder that someone asks for, behind jupyter-server-proxy."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado.web import authenticated

from jupyter_session.panel import tensorboard_server

_HAS_IT = "import importlib.util, sys; sys.exit(importlib.util.find_spec('tensorboard') is None)"
_LACKING = "TensorBoard isn't installed. Run `pip install tensorboard` in a terminal of this session, then try again."
_NO_PROXY = "This image has no jupyter-server-proxy, so TensorBoard can't be shown."
_START = 120  # seconds; importing it from a slow disk takes long


class TensorBoards:
    """Gives each folder below `root` a path of its own, at which jupyter-server-proxy starts and serves TensorBoard."""

    def __init__(self, web_app: Any, root: Path) -> None:
        self._web_app = web_app
        self._root = root.resolve()
        self._names: dict[Path, str] = {}

    def find(self, folder: str) -> Path | None:
        """Return the path of a folder that is named relative to the root; None if it isn't one in the root."""
        try:
            path = (self._root / folder.lstrip("/")).resolve()
            return path if path.is_dir() and path.is_relative_to(self._root) else None
        except (OSError, ValueError):  # too long, or with a NUL
            return None

    def serve(self, folder: Path, python: str) -> str:
        """Return the name under which TensorBoard serves a folder from now on. Raises ImportError without the proxy."""
        if folder in self._names:
            return self._names[folder]
        from jupyter_server_proxy.config import ServerProcess, make_handlers  # noqa: PLC0415 - an image may lack it

        name = f"jupyter-session/tensorboard-{len(self._names) + 1}"
        process = ServerProcess(
            name=name,
            command=[python, tensorboard_server.__file__, "{unix_socket}", str(folder)],
            unix_socket=True,
            timeout=_START,
        )
        self._web_app.add_handlers(".*", make_handlers(self._web_app.settings["base_url"], [process]))
        self._names[folder] = name
        return name


class TensorBoardHandler(APIHandler):
    """Takes `{"folder": "runs"}`, relative to the notebook folder; answers `{"path": ...}`, below the base URL."""

    def initialize(self, boards: TensorBoards) -> None:
        """Take what starts them."""
        self._boards = boards

    @authenticated
    async def post(self) -> None:
        """Have TensorBoard serve a folder."""
        wanted = (self.get_json_body() or {}).get("folder")
        folder = self._boards.find(wanted) if isinstance(wanted, str) else None
        if folder is None:
            self._refuse(404, f"There is no folder {wanted!r} in the notebook folder.")
            return
        python = shutil.which("python3") or sys.executable  # the first on PATH is the one that pip installs for
        check = await asyncio.create_subprocess_exec(python, "-c", _HAS_IT)
        if await check.wait():
            self._refuse(409, _LACKING)
            return
        try:
            self.finish(json.dumps({"path": self._boards.serve(folder, python) + "/"}))
        except ImportError:
            self._refuse(409, _NO_PROXY)

    def _refuse(self, status: int, message: str) -> None:
        self.set_status(status)
        self.finish(json.dumps({"message": message}))
