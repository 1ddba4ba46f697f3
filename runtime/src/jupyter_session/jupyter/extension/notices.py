"""What the session tells the person in the browser: a Jupyter event, and the newest one for whoever comes later."""

from __future__ import annotations

import json
import time
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado.web import HTTPError, authenticated

PATH = "/jupyter-session/notice"
#: Browsers get it by Jupyter's own /api/events/subscribe.
SCHEMA = {
    "$id": "https://jupyter-session/notice/v1",
    "version": "1",
    "title": "A notice of the session",
    "description": "What the session tells its user: it will end soon, or memory is short.",
    "type": "object",
    "required": ["text", "stop_at", "at"],
    "additionalProperties": False,
    "properties": {
        "text": {"type": "string", "description": "One sentence."},
        "stop_at": {"type": ["integer", "null"], "description": "When the session ends, epoch seconds."},
        "at": {"type": "integer", "description": "When this was said, epoch seconds."},
    },
}


def load(server: Any) -> None:
    """Add the notices to a Jupyter server."""
    server.event_logger.register_event_schema(SCHEMA)
    newest: dict[str, Any] = {}

    class NoticeHandler(APIHandler):
        """The newest notice, `{}` if there is none yet."""

        @authenticated
        def get(self) -> None:
            """Return it."""
            self.finish(json.dumps(newest))

        @authenticated
        def post(self) -> None:
            """Take a new one, `{"text": ..., "stop_at": epoch seconds or null}`, and tell all who listen."""
            body = self.get_json_body() or {}
            text, stop_at = body.get("text"), body.get("stop_at")
            if not isinstance(text, str) or not (stop_at is None or isinstance(stop_at, int)):
                raise HTTPError(400, "a notice has a text, and maybe a stop_at")
            newest.update(text=text, stop_at=stop_at, at=round(time.time()))
            server.event_logger.emit(schema_id=SCHEMA["$id"], data=dict(newest))
            self.finish(json.dumps(newest))

    base = server.web_app.settings["base_url"]
    server.web_app.add_handlers(".*$", [(url_path_join(base, PATH), NoticeHandler)])
