"""The extension's own API, for the supervisor."""

from __future__ import annotations

import json
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError, authenticated

from jupyter_session.jupyter.extension.kernel_tracker import KernelTracker
from jupyter_session.jupyter.extension.notices import Notices
from jupyter_session.jupyter.extension.person_requests import PersonRequests
from jupyter_session.jupyter.extension.proxy_traffic import Traffic


class ActivityHandler(APIHandler):
    """Answers what was seen of JupyterLab's use.

    `requests` is `{"at": epoch seconds or null, "what": "PUT /api/contents/a.ipynb"}`, the last request that needed a
    person. `proxy` is the same of pages behind the proxy, with `"lacks"`: what can't be seen, or "". `kernels` is as
    `GET /api/kernels` answers, with what `KernelTracker.report` adds; null if that can't be told.
    """

    def initialize(self, requests: PersonRequests, traffic: Traffic, kernels: KernelTracker) -> None:
        """Take what has seen it."""
        self._requests, self._traffic, self._kernels = requests, traffic, kernels

    @authenticated
    def get(self) -> None:
        """Return all of it."""
        requests, traffic = self._requests, self._traffic
        self.finish(
            json.dumps(
                {
                    "requests": {"at": requests.at, "what": requests.what},
                    "proxy": {"at": traffic.at, "what": traffic.what, "lacks": traffic.lacks},
                    "kernels": self._list_kernels(),
                }
            )
        )

    def _list_kernels(self) -> list[dict[str, Any]] | None:
        try:
            return self._kernels.report()
        except Exception:
            self.log.warning("What the kernels do can't be told.", exc_info=True)
            return None


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
