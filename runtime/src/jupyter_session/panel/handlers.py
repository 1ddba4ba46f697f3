"""The API of the panel, and the page without JupyterLab.

Jupyter's own authentication and check of cross-site requests apply.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.utils import url_path_join
from tornado.web import HTTPError, authenticated

from jupyter_session.control.protocol import Message
from jupyter_session.errors import SessionError
from jupyter_session.panel.figures import Figures
from jupyter_session.panel.page import render_page
from jupyter_session.panel.supervisor_client import ask_supervisor
from jupyter_session.panel.view import View, make_view

#: The buttons of the page, and what they ask the supervisor for.
_CLICKS: dict[str, tuple[str, dict[str, Any]]] = {
    "keep": ("extend", {"seconds": 7200}),
    "stop": ("stop", {}),
    "fetch": ("fetch", {"paths": []}),
}


async def look(figures: Figures) -> View:
    """Return what is to be seen of the session now."""
    message: Any = {}
    problem = ""
    try:
        message = await ask_supervisor("status")
    except SessionError as error:
        problem = str(error)
    slot = message.get("slot")
    found = await asyncio.to_thread(figures.look, slot if isinstance(slot, dict) else {})
    now = time.time()
    return View(now=now, problem=problem, figures=found) if problem else make_view(message, found, now)


class StatusHandler(APIHandler):
    """Answers a `View`."""

    def initialize(self, figures: Figures) -> None:
        """Take what measures the session."""
        self._figures = figures

    @authenticated
    async def get(self) -> None:
        """Return what is to be seen of the session now. It is no activity."""
        self.finish(json.dumps((await look(self._figures)).as_dict()))


class ExtendHandler(APIHandler):
    """Takes `{"seconds": 7200}`, and answers `{"text": a sentence on it}`."""

    @authenticated
    async def post(self) -> None:
        """Keep the session alive."""
        seconds = (self.get_json_body() or {}).get("seconds")
        await _answer(self, "extend", seconds=seconds)


class StopHandler(APIHandler):
    """Answers `{"text": ...}` once the session has begun to end."""

    @authenticated
    async def post(self) -> None:
        """End the session in order."""
        await _answer(self, "stop")


class FetchHandler(APIHandler):
    """Takes `{"paths": [...]}`, all that is new without them, and answers `{"text": ...}`."""

    @authenticated
    async def post(self) -> None:
        """Bring here what is new on the access point."""
        paths = (self.get_json_body() or {}).get("paths", [])
        await _answer(self, "fetch", paths=paths)


class PageHandler(JupyterHandler):
    """The page."""

    def initialize(self, figures: Figures) -> None:
        """Take what measures the session."""
        self._figures = figures

    @authenticated
    async def get(self) -> None:
        """Show the session."""
        await self._show("")

    @authenticated
    async def post(self) -> None:
        """Do what was clicked, and show the session."""
        clicked = self.get_body_argument("do", "")
        if clicked not in _CLICKS:
            raise HTTPError(400, "A click is keep, stop, or fetch.")
        verb, details = _CLICKS[clicked]
        try:
            said = _describe(await ask_supervisor(verb, **details))
        except SessionError as error:
            said = str(error)
        await self._show(said)

    async def _show(self, said: str) -> None:
        lab = url_path_join(self.base_url, "lab")
        token = self.xsrf_form_html()
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(render_page(await look(self._figures), said=said, token=token, lab=lab))


async def _answer(handler: APIHandler, verb: str, **details: Any) -> None:
    try:
        answer = await ask_supervisor(verb, **details)
    except SessionError as error:
        handler.set_status(503)
        handler.finish(json.dumps({"message": str(error)}))
        return
    handler.finish(json.dumps({"text": _describe(answer)}))


def _describe(answer: Message) -> str:
    if "fetch" in answer:
        return "What is new on the access point is being fetched. The file browser shows it once it is here."
    return str(answer.get("extended", "The session is being stopped."))
