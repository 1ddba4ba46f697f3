"""The Jupyter server extension that puts the recorder into a server; without it, nothing of a server is changed."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from jupyter_core.utils import ensure_async

if TYPE_CHECKING:
    from jupyter_session.recorder.recorder import Recorder

_LOG = logging.getLogger(__name__)
_CONNECTION = "kernel_websocket_connection_class"
_SOON = 0.3  # seconds after the server's start, which is not to wait for what nobody needs yet
_LONGEST_END = 4.0  # seconds for the last writes; the end of a session has a schedule
_EVENTS = "https://events.jupyter.org/jupyter_server/contents_service/v1"


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "jupyter_session.recorder.server_extension"}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Record from a moment after the server's start on, or from the first connection to a kernel."""
    settings = server.web_app.settings
    usual = settings[_CONNECTION]

    def begin() -> None:
        if settings[_CONNECTION] is connect:
            settings[_CONNECTION] = usual
            try:
                _record(server)
            except Exception:  # noqa: BLE001 - nothing here may disturb Jupyter
                _LOG.warning("The output of notebooks is not recorded.", exc_info=True)

    def connect(**options: Any) -> Any:
        begin()
        return settings[_CONNECTION](**options)

    settings[_CONNECTION] = connect
    server.io_loop.call_later(_SOON, begin)
    server.io_loop.add_callback(_tell_pages, settings)


def _record(server: Any) -> None:
    """Record from now on. The configuration may have another `Recorder.grace`, in seconds."""
    from jupyter_session.recorder.connection import make_connection_class  # noqa: PLC0415
    from jupyter_session.recorder.record import GRACE  # noqa: PLC0415
    from jupyter_session.recorder.recorder import Recorder  # noqa: PLC0415

    settings = server.web_app.settings
    recorder = Recorder(server, server.config.get("Recorder", {}).get("grace", GRACE))
    recorded = make_connection_class(settings[_CONNECTION], recorder)
    server.kernel_websocket_connection_class = settings[_CONNECTION] = recorded
    _watch_ends(server.kernel_manager, recorder)

    async def note_change(logger: Any, schema_id: str, data: dict[str, Any]) -> None:  # noqa: ARG001
        path = str(data.get("path", "")).strip("/")
        if data.get("action") == "rename":
            recorder.note_renamed(str(data["source_path"]).strip("/"), path)
        elif data.get("action") == "delete":
            recorder.note_deleted(path)

    server.event_logger.add_listener(schema_id=_EVENTS, listener=note_change)
    recorder.start()


def _tell_pages(settings: dict[str, Any]) -> None:
    """Have pages ask for what they missed. JupyterLab's settings are there once all extensions are loaded."""
    settings.setdefault("page_config_data", {})["jupyterSessionRecorder"] = "on"


def _watch_ends(kernels: Any, recorder: Recorder) -> None:
    """Have the recorder know when a kernel is restarted or shut down, and write all before the server shuts down."""
    restart, shutdown, shutdown_all = kernels.restart_kernel, kernels.shutdown_kernel, kernels.shutdown_all

    async def restart_kernel(kernel_id: str, *more: Any, **options: Any) -> Any:
        answer = await ensure_async(restart(kernel_id, *more, **options))
        try:
            await recorder.note_restart(kernel_id)
        except Exception:  # noqa: BLE001 - nothing here may disturb Jupyter
            _LOG.warning("Kernel %s is not recorded any longer.", kernel_id, exc_info=True)
        return answer

    async def shutdown_kernel(kernel_id: str, *more: Any, **options: Any) -> Any:
        recorder.note_end(kernel_id)
        return await ensure_async(shutdown(kernel_id, *more, **options))

    async def shutdown_each(*more: Any, **options: Any) -> Any:
        # In a task of its own: Jupyter writes by a thread of the task that asks, and it ends with that task only.
        writing = asyncio.create_task(recorder.write_all())
        done, _ = await asyncio.wait({writing}, timeout=_LONGEST_END)
        if not done or writing.exception():
            _LOG.warning(
                "Not all output of cells was written: %s", writing.exception() if done else "it takes too long"
            )
        recorder.close()
        return await ensure_async(shutdown_all(*more, **options))

    kernels.restart_kernel, kernels.shutdown_kernel = restart_kernel, shutdown_kernel
    kernels.shutdown_all = shutdown_each
