"""What `status` prints of a running session: one sentence with its time, what was seen, and what is saved."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from chtc_jupyter.durations import format_duration

#: Files that are named; the others are counted.
_MOST_NAMES = 5

Facts = Mapping[str, Any]


def describe_session(facts: Facts, name: str) -> str:
    """Return what a session does and when it ends, on this machine's clock.

    `facts` is what `jupyter-session status --json` prints; `name` is the session's, for the next step.
    """
    if facts["state"] not in ("ready", "expiring"):
        return f"{facts['state'].capitalize()}: {facts['reason']}"
    stops = format_clock(facts["stop_at"]) if facts["stop_at"] else ""
    working = [_describe_source(source) for source in facts["sources"] if source["active"]]
    if working:
        ends = f" Ends at {stops}, even if it is in use." if stops else ""
        return f"In use: {', '.join(working)}.{ends}"
    quiet = [source["idle_for"] for source in facts["sources"] if source["idle_for"] is not None]
    idle = f"Idle for {format_duration(min(quiet))}" if quiet else "Idle"
    if not stops:
        return f"{idle}; no idle timeout is set."
    return f"{idle}; ends at {stops} unless something runs. `chtc-jupyter extend {name} 2h` keeps it alive."


def format_clock(epoch: float) -> str:
    """Return a time on this machine's clock, with its day if that isn't today: `13:35`, `Mon 13:35`."""
    when = time.localtime(epoch)
    return time.strftime("%H:%M" if when[:3] == time.localtime()[:3] else "%a %H:%M", when)


def build_sources_table(sources: Sequence[Facts]) -> Table:
    """Return what the session looked at, and what it saw there."""
    table = Table(box=None, pad_edge=False)
    for column in ("SOURCE", "ACTIVE", "SINCE", "DETAIL"):
        table.add_column(column, overflow="fold")
    for source in sources:
        since = "" if source["since"] is None else format_duration(source["since"])
        detail = source["detail"] + (f" ({source['error']})" if source["error"] else "")
        table.add_row(source["source"], "yes" if source["active"] else "no", since, detail)
    return table


def describe_saving(save: Facts) -> list[str]:
    """Return what is on the access point already, and a line for each file that needs attention."""
    if save["off"]:
        return [f"Notebooks are not saved while the session runs: {save['off']}"]
    files = "1 file" if save["saved_count"] == 1 else f"{save['saved_count']} files"
    current = (
        "not all of them yet" if save["behind"] is None else f"complete as of {format_duration(save['behind'])} ago"
    )
    lines = [f"Saved on the access point: {files}, {_format_size(save['total_bytes'])}, {current}."]
    lines += [
        f"  {name} has changed on the access point; yours is saved as {own}" for name, own in save["conflicts"].items()
    ]
    lines += [f"  {name} is not saved: {why}" for name, why in list(save["left_out"].items())[:_MOST_NAMES]]
    if save["left_out_count"] > _MOST_NAMES:
        lines.append(f"  {save['left_out_count'] - _MOST_NAMES} more files are not saved")
    return lines + ([save["problem"]] if save["problem"] else [])


def _describe_source(source: Facts) -> str:
    return f"{source['source']}: {source['detail']}" if source["detail"] else str(source["source"])


def _format_size(size: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"
