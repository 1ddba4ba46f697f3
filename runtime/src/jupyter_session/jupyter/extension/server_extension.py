"""The Jupyter server extension: it remembers when a person was last there, follows the kernels, and shows notices."""

from __future__ import annotations

from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join

from jupyter_session.jupyter import quick_start
from jupyter_session.jupyter.extension.accepting import accept_patiently
from jupyter_session.jupyter.extension.handlers import ActivityHandler, NoticeHandler
from jupyter_session.jupyter.extension.kernel_tracker import KernelTracker
from jupyter_session.jupyter.extension.notices import Notices
from jupyter_session.jupyter.extension.observation import observe
from jupyter_session.jupyter.extension.page_transforms import PageTransforms
from jupyter_session.jupyter.extension.person_requests import PersonRequests
from jupyter_session.jupyter.extension.proxy_traffic import Traffic
from jupyter_session.jupyter.extension.report import Report

_PING = 10_000  # milliseconds


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "jupyter_session.jupyter.extension.server_extension"}]


class LocalNames(list[str]):
    """The names of this machine: any below localhost is one, and browsers ask no DNS for it (RFC 6761, section 6.3)."""

    def __contains__(self, name: object) -> bool:
        """Return whether a name is one of this machine."""
        return super().__contains__(name) or (isinstance(name, str) and name.lower().endswith(".localhost"))


def _keep_token_out_of_pages(settings: dict[str, Any]) -> None:
    """Have JupyterLab's pages use the browser's cookie alone, as they do behind JupyterHub.

    JupyterLab 4.6 writes the token into each page, and the page sends it with each request, also to who has taken over
    the port of a tunnel that has ended (labapp.py, initialize_handlers). It is there once all extensions are loaded.
    """
    settings.get("page_config_data", {})["token"] = ""


def _keep_token_out_of_templates() -> None:
    """Do so with jupyter_server's own pages, too: its page.html, and so each page of an error, has the token."""
    namespace: property = JupyterHandler.template_namespace
    if getattr(namespace.fget, "has_no_token", False):
        return

    def build(handler: JupyterHandler) -> dict[str, Any]:
        return {**namespace.__get__(handler), "token": ""}

    build.has_no_token = True  # type: ignore[attr-defined]
    JupyterHandler.template_namespace = property(build)


def _load_jupyter_server_extension(server: Any) -> None:
    settings = server.web_app.settings
    settings["local_hostnames"] = LocalNames(settings.get("local_hostnames", ()))
    server.io_loop.add_callback(_keep_token_out_of_pages, settings)
    _keep_token_out_of_templates()
    # Three pings without an answer, and the server takes a kernel's connection for broken, and keeps what comes from
    # then on for the tab. The usual 30 s lose 90 s of output in a tunnel that stands still (jupyter_server 2.21).
    settings.setdefault("ws_ping_interval", _PING)
    server.io_loop.add_callback(accept_patiently, server)  # before the server takes its port
    server.io_loop.add_callback(quick_start.finish)
    base: str = settings["base_url"]
    requests, traffic = PersonRequests(base), Traffic()
    observe(settings, requests, traffic)
    kernels = KernelTracker(server.kernel_manager)
    server.io_loop.add_callback(kernels.start, server.event_logger)
    report = Report(requests, traffic, kernels)
    if path := server.config.get("SessionExtension", {}).get("socket"):
        server.io_loop.add_callback(report.listen, path)
    handlers = [
        (url_path_join(base, "/jupyter-session/activity"), ActivityHandler, {"report": report}),
        (url_path_join(base, "/jupyter-session/notice"), NoticeHandler, {"notices": Notices(server.event_logger)}),
    ]
    server.web_app.add_handlers(".*$", handlers)
    server.web_app.add_transform(PageTransforms(base))
