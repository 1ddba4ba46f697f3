"""What `jupyter-session status` prints: one sentence with its time, then the table of sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jupyter_session.saveback.report import render_report
from jupyter_session.units.durations import format_duration, format_time

#: What a sentence ends with for those who read it in a shell.
EXTEND = "To keep it: jupyter-session extend 2h"


def render_status(message: Mapping[str, Any], now: float) -> str:
    """Return the lines for a status message; `now` is in epoch seconds."""
    lines = [render_sentence(message, now), *_render_sources(message["sources"]), *render_report(message["save"])]
    warnings = [f"warning: {sentence}" for sentence in message.get("warnings", [])]
    return "\n".join(line for line in [*lines, message["problem"], *warnings] if line)


def render_sentence(message: Mapping[str, Any], now: float) -> str:
    """Return one sentence, or two short ones, that say what the session does and when it ends."""
    if message["state"] not in ("ready", "expiring") or not message["verdict"]:
        return f"{message['state'].capitalize()}: {message['reason']}"
    at_most, at_least = message["stop_at"], message["earliest_stop_at"]
    working = [f"{source['source']}: {source['detail']}" for source in message["sources"] if source["active"]]
    if working:
        return f"In use: {', '.join(working)}. {_render_ends(at_least, at_most, now)}"
    idle = f"Idle for {format_duration(message['idle_for'])}"
    kept, deadline = message["keep_alive_until"], message["deadline"]
    is_kept = kept is not None and kept > now and (deadline is None or kept < deadline)
    if is_kept:
        idle = f"Kept alive until {format_time(kept, now)} by extend. {idle}"
    if at_most is None:
        return f"{idle}; it has no idle timeout and no deadline."
    if deadline is not None and at_most >= deadline:
        return f"{idle}; ends at {format_time(at_most, now)}, the deadline."
    ends = f"{idle}; ends at {format_time(at_most, now)} unless something runs."
    return ends if is_kept else f"{ends} {EXTEND}"


def _render_ends(at_least: float | None, at_most: float | None, now: float) -> str:
    if at_most is None:
        return (
            "It has no idle timeout and no deadline."
            if at_least is None
            else f"Ends at {format_time(at_least, now)} at the earliest."
        )
    latest = f"at {format_time(at_most, now)} at the latest"
    if at_least is None or at_least >= at_most:
        return f"Ends {latest}."
    return f"Ends at {format_time(at_least, now)} at the earliest, {latest}."


def _render_sources(sources: list[Mapping[str, Any]]) -> list[str]:
    if not sources:
        return []
    rows = [("SOURCE", "ACTIVE", "SINCE", "SEES")]
    rows += [
        (
            source["source"],
            "yes" if source["active"] else "no",
            format_duration(source["since"]),
            source["detail"] + (f" ({source['error']})" if source["error"] else ""),
        )
        for source in sources
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows]
