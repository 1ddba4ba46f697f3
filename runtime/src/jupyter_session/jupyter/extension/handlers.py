"""The extension's own API, for the supervisor."""

from __future__ import annotations

import json

from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError, authenticated

from jupyter_session.jupyter.extension.notices import Notices
from jupyter_session.jupyter.extension.report import Report


class ActivityHandler(APIHandler):
    """Answers what was seen of JupyterLab's use, as `Report` describes it."""

    def initialize(self, report: Report) -> None:
        """Take what has seen it."""
        self._report = report

    @authenticated
    def get(self) -> None:
        """Return all of it."""
        self.finish(self._report.render())


class NoticeHandler(APIHandler):
    """The newest notice, `{}` if there is none yet."""

    def initialize(self, notices: Notices) -> None:
        """Take the notices to read and to emit."""
        self._notices = notices

    @authenticated
    def get(self) -> None:
        """Return the newest notice."""
        self.finish(json.dumps(self._notices.newest))

    @authenticated
    def post(self) -> None:
        """Send a new one to all browsers: `{"text": ..., "stop_at": epoch seconds or null}`."""
        body = self.get_json_body() or {}
        text, stop_at = body.get("text"), body.get("stop_at")
        if not isinstance(text, str) or not (stop_at is None or isinstance(stop_at, int)):
            raise HTTPError(400, "A notice needs a text, and may have a stop_at.")
        self._notices.emit(text, stop_at)
        self.finish(json.dumps(self._notices.newest))
