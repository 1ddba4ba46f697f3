"""The API of the panel. Jupyter's own authentication and check of cross-site requests apply."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado.web import authenticated

from jupyter_session.errors import SessionError
from jupyter_session.panel.figures import Figures
from jupyter_session.panel.supervisor_client import ask_supervisor
from jupyter_session.panel.view import View, make_view


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


async def _answer(handler: APIHandler, verb: str, **details: Any) -> None:
    try:
        answer = await ask_supervisor(verb, **details)
    except SessionError as error:
        handler.set_status(503)
        handler.finish(json.dumps({"message": str(error)}))
        return
    handler.finish(json.dumps({"text": str(answer.get("extended", "The session is being stopped."))}))
