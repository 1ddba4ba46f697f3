"""The extension's own API, for the supervisor."""

from __future__ import annotations

import json

from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError, authenticated

from jupyter_session.jupyter.extension.kernel_tracker import KernelTracker
from jupyter_session.jupyter.extension.notices import Notices
from jupyter_session.jupyter.extension.person_requests import PersonRequests
from jupyter_session.jupyter.extension.proxy_traffic import Traffic


class RequestsHandler(APIHandler):
    """Answers `{"at": epoch seconds or null, "what": "PUT /api/contents/a.ipynb"}`."""

    def initialize(self, requests: PersonRequests) -> None:
        """Take the requests to report."""
        self._requests = requests

    @authenticated
    def get(self) -> None:
        """Return the last request that needed a person."""
        self.finish(json.dumps({"at": self._requests.at, "what": self._requests.what}))


class ProxyTrafficHandler(APIHandler):
    """Answers as `RequestsHandler` does, with `"lacks"`: what can't be seen, or ""."""

    def initialize(self, traffic: Traffic) -> None:
        """Take the traffic to report."""
        self._traffic = traffic

    @authenticated
    def get(self) -> None:
        """Return what last needed a person in a page behind the proxy."""
        traffic = self._traffic
        self.finish(json.dumps({"at": traffic.at, "what": traffic.what, "lacks": traffic.lacks}))


class KernelsHandler(APIHandler):
    """Answers as `GET /api/kernels` does, with what `KernelTracker.report` adds."""

    def initialize(self, kernels: KernelTracker) -> None:
        """Take the tracker of the kernels to report."""
        self._kernels = kernels

    @authenticated
    def get(self) -> None:
        """Return what each kernel does."""
        self.finish(json.dumps(self._kernels.report()))


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
