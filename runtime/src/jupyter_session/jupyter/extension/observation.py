"""Makes Jupyter's server report what it serves: the only module that changes other packages' behavior.

- Requests: the server calls its setting `log_function` after each one. It is replaced by a function that notes the
  request and then calls the original. tornado documents the setting; jupyter_server offers no hook of its own.
- WebSocket messages through jupyter-server-proxy: no log and no hook sees them, so `ProxyHandler.on_message`, which
  receives each message from a page, is wrapped. If a later version of the proxy has no such method, `Traffic.lacks` is
  set, and the source of activity reports that.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from tornado.web import RequestHandler

from jupyter_session.jupyter.extension.person_requests import PersonRequests
from jupyter_session.jupyter.extension.proxy_traffic import Traffic

_LOG = logging.getLogger(__name__)


def observe(settings: dict[str, Any], requests: PersonRequests, traffic: Traffic) -> None:
    """Note every request and every proxied WebSocket message from now on. `settings` are the web application's."""
    proxy_handler = _wrap_proxy(traffic)
    log: Callable[[RequestHandler], None] = settings["log_function"]

    def note(handler: RequestHandler) -> None:
        request, status = handler.request, handler.get_status()
        if status < 400:
            requests.note_request(request.method or "", request.uri or "", time.time())
            # That a WebSocket was opened (status 101) says nothing about a person.
            if isinstance(handler, proxy_handler) and status >= 200 and not _is_left_out(handler):
                traffic.note_request(request.method or "", request.path, request.body or b"", time.time())
        log(handler)

    settings["log_function"] = note


def _wrap_proxy(traffic: Traffic) -> Any:
    """Wrap the proxy's WebSocket handler; return its class, or () if there is none."""
    try:
        from jupyter_server_proxy.handlers import ProxyHandler  # noqa: PLC0415 - an image may not have it

        relay = ProxyHandler.on_message
    except (ImportError, AttributeError) as error:
        _LOG.debug("the proxy can't be observed: %s", error)
        traffic.lacks = f"jupyter-server-proxy can't be watched: {error}"
        return ()

    def on_message(handler: Any, message: str | bytes) -> Any:
        if not _is_left_out(handler):
            traffic.note_message(handler.request.path, len(message), time.time())
        return relay(handler, message)

    ProxyHandler.on_message = on_message
    return ProxyHandler


def _is_left_out(handler: Any) -> bool:
    """Return whether the configuration of a named server declares that this is no activity."""
    if getattr(handler, "update_last_activity", True) is False:
        return True
    patterns = getattr(handler, "exclude_last_activity_patterns", None) or ()
    return any(pattern.match(handler.request.path) for pattern in patterns)
