"""The session's notices to the person in the browser: the newest one, and a Jupyter event for each."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

SCHEMA = Path(__file__).with_name("event_schemas") / "notice" / "v1.yaml"
_SCHEMA_ID = "https://jupyter-session/notice/v1"


class Notices:
    """Emits notices as events of a Jupyter server. `newest` is for those who come later, {} if there is none yet."""

    def __init__(self, event_logger: Any) -> None:
        self.newest: dict[str, Any] = {}
        self._event_logger = event_logger
        event_logger.register_event_schema(SCHEMA)

    def emit(self, text: str, stop_at: int | None) -> None:
        """Send a notice to all browsers. `stop_at` is when the session ends, in epoch seconds."""
        self.newest = {"text": text, "stop_at": stop_at, "at": round(time.time())}
        self._event_logger.emit(schema_id=_SCHEMA_ID, data=dict(self.newest))
