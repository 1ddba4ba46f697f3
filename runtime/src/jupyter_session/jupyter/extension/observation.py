"""Makes Jupyter's server report what it serves: the only module that changes other packages' behavior.

- Requests: the server calls its setting `log_function` after each one. It is replaced by a function that notes the
  request, if an authenticated user made it, and then calls the original. tornado documents the setting; jupyter_server
  offers no hook of its own.
- WebSocket messages through jupyter-server-proxy: no log and no hook sees them, so `on_message`, which receives each
  message from a page, is wrapped, in `ProxyHandler` and in `RawSocketHandler`, which has one of its own (for remote
  desktops). So is `_record_activity`, which knows whether the proxy's configuration counts something as activity
  (`update_last_activity`, which may be a function, and `exclude_last_activity_patterns`). If a later version of the
  proxy has no such methods, `Traffic.lacks` is set, and the source of activity reports that.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from tornado.web import RequestHandler

from jupyter_session.jupyter.extension.origin import is_from_user
from jupyter_session.jupyter.extension.person_requests import PersonRequests
from jupyter_session.jupyter.extension.proxy_traffic import Traffic
from jupyter_session.jupyter.extension.remote_desktop import RemoteDesktop

_LOG = logging.getLogger(__name__)
#: The key under which the proxy notes its activity in the server's settings, and our mark on a handler.
_PROXY, _COUNTS = "jupyter-server-proxy", "_jupyter_session_counts"


def observe(settings: dict[str, Any], requests: PersonRequests, traffic: Traffic) -> None:
    """Note every request and every proxied WebSocket message from now on. `settings` are the web application's."""
    proxy_handler = _wrap_proxy(traffic)
    log: Callable[[RequestHandler], None] = settings["log_function"]

    def note(handler: RequestHandler) -> None:
        request, status = handler.request, handler.get_status()
        if status < 400 and is_from_user(handler):
            requests.note_request(request.method or "", request.uri or "", time.time())
            # That a WebSocket was opened (status 101) says nothing about a person.
            if isinstance(handler, proxy_handler) and status >= 200 and getattr(handler, _COUNTS, False):
                traffic.note_request(request.method or "", request.path, request.body or b"", time.time())
        log(handler)

    settings["log_function"] = note


def _wrap_proxy(traffic: Traffic) -> Any:
    """Wrap the proxy's handlers; return the class of them all, or () if there is none."""
    try:
        from jupyter_server_proxy.handlers import ProxyHandler  # noqa: PLC0415 - an image may not have it
        from jupyter_server_proxy.rawsocket import RawSocketHandler  # noqa: PLC0415

        _wrap_record(ProxyHandler)
        _wrap_messages(ProxyHandler, lambda handler, message: _note_message(traffic, handler, message))
        _wrap_messages(RawSocketHandler, lambda handler, message: _note_raw(traffic, handler, message))
    except (ImportError, AttributeError) as error:
        _LOG.debug("the proxy can't be observed: %s", error)
        traffic.lacks = f"jupyter-server-proxy can't be watched: {error}"
        return ()
    return ProxyHandler


def _wrap_record(proxy_handler: Any) -> None:
    """Have each handler remember whether the proxy counted something of it as activity."""
    record = proxy_handler._record_activity  # noqa: SLF001 - see above

    def record_and_remember(handler: Any) -> None:
        times = handler.settings.setdefault("last_activity_times", {})
        before = times.get(_PROXY)
        record(handler)
        if times.get(_PROXY) is not before:
            setattr(handler, _COUNTS, True)

    proxy_handler._record_activity = record_and_remember  # noqa: SLF001


def _wrap_messages(proxy_handler: Any, note: Callable[[Any, str | bytes], None]) -> None:
    relay = vars(proxy_handler).get("on_message")
    if relay is None:
        raise AttributeError(f"{proxy_handler.__name__} has no on_message")

    def on_message(handler: Any, message: str | bytes) -> Any:
        setattr(handler, _COUNTS, False)
        relayed = relay(handler, message)
        if getattr(handler, _COUNTS) and is_from_user(handler):
            note(handler, message)
        return relayed

    proxy_handler.on_message = on_message


def _note_message(traffic: Traffic, handler: Any, message: str | bytes) -> None:
    traffic.note_message(handler.request.path, len(message), time.time())


def _note_raw(traffic: Traffic, handler: Any, message: str | bytes) -> None:
    desktop = vars(handler).setdefault("_jupyter_session_desktop", RemoteDesktop())
    is_input = desktop.shows_person(message.encode() if isinstance(message, str) else message)
    if is_input:
        traffic.note_input(handler.request.path, time.time())
    elif not desktop.is_vnc:
        _note_message(traffic, handler, message)
