"""What `status` prints of a running session: one sentence with its time, what was seen, and what is saved."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from chtc_condor.notebook_look import clean
from chtc_jupyter.condor.job_ads import Row
from chtc_jupyter.durations import format_duration
from chtc_jupyter.json_text import load_json
from chtc_jupyter.sizes import format_size
from chtc_jupyter.terminal import make_cell

#: Files that are named; the others are counted.
_MOST_NAMES = 5

#: Characters of a text, entries of a list, and numbers that a session doesn't reach.
_LONGEST, _MOST, _LARGEST = 1000, 10_000, 1e18
#: The year 2100, in epoch seconds.
_LATEST = 4_102_444_800

Facts = Mapping[str, Any]


def parse_facts(text: str) -> dict[str, Any]:
    """Return what `jupyter-session status --json` printed in a job, after what else may have been printed there.

    Its texts are single lines without anything that a terminal acts on. Raises ValueError if it isn't that.
    """
    found = _check(load_json(text[text.index("{") :]))
    return dict(found)


def _check(found: Any) -> Any:
    if isinstance(found, str):
        return clean(found, _LONGEST)
    if isinstance(found, dict):
        return {clean(name, _LONGEST): _check(value) for name, value in list(found.items())[:_MOST]}
    if isinstance(found, list):
        return [_check(value) for value in found[:_MOST]]
    if isinstance(found, (int, float)) and not abs(found) < _LARGEST:
        raise ValueError(f"{found} is no number of a session")
    return found


def describe_session(facts: Facts, name: str) -> str:
    """Return what a session does and when it ends, on this machine's clock.

    `facts` is what `jupyter-session status --json` prints; `name` is the session's, for the next step.
    """
    if facts["state"] not in ("ready", "expiring"):
        return f"{facts['state'].capitalize()}: {facts['reason']}"
    latest, earliest = facts["stop_at"], facts["earliest_stop_at"]
    working = [f"{source['source']}: {source['detail']}" for source in facts["sources"] if source["active"]]
    if working:
        return f"In use: {', '.join(working)}. {_describe_ends(earliest, latest)}"
    idle = f"Idle for {format_duration(facts['idle_for'] or 0)}"
    kept = facts["keep_alive_until"]
    is_kept = kept is not None and kept > time.time()
    if is_kept:
        idle = f"Kept alive until {format_clock(kept)}. {idle}"
    if latest is None:
        return f"{idle}; it has no idle timeout and no deadline."
    if facts["deadline"] is not None and latest >= facts["deadline"]:
        return f"{idle}; ends at {format_clock(latest)}, its deadline."
    ends = f"{idle}; ends at {format_clock(latest)} unless something runs."
    return ends if is_kept else f"{ends} `chtc-jupyter extend {name} 2h` keeps it alive."


def _describe_ends(earliest: float | None, latest: float | None) -> str:
    """Return when a session ends that is in use."""
    if latest is None and earliest is None:
        return "It has no idle timeout and no deadline."
    at = f"at {format_clock(latest)} at the latest" if latest is not None else ""
    if earliest is None or (latest is not None and earliest >= latest):
        return f"Ends {at}."
    return f"Ends at {format_clock(earliest)} at the earliest{', ' + at if at else ''}."


def describe_stops(row: Row) -> str:
    """Return when a session in the list ends: at a time, or so long after it was used last."""
    if row.state not in ("ready", "suspended"):
        return format_clock(row.stops) if row.stops else ""
    parts = [f"{format_duration(row.idle_timeout)} after last use"] if row.idle_timeout else []
    if row.kept_until and row.kept_until > time.time():
        parts.append(f"not before {format_clock(row.kept_until)}")
    if row.stops:
        parts.append(f"{format_clock(row.stops)} at the latest")
    return ", ".join(parts)


def format_clock(epoch: float) -> str:
    """Return a time on this machine's clock, with its day if that isn't today: `13:35`, `Mon 13:35`."""
    if not 0 <= epoch < _LATEST:
        raise ValueError(f"{epoch} is no time of a session")
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
        cells = (source["source"], "yes" if source["active"] else "no", since, detail)
        table.add_row(*map(make_cell, cells))
    return table


def describe_saving(save: Facts) -> list[str]:
    """Return what is on the access point already, and a line for each file that needs attention."""
    if save["off"]:
        return [f"Notebooks are not saved while the session runs: {save['off']}"]
    files = "1 file" if save["saved_count"] == 1 else f"{save['saved_count']} files"
    current = (
        "not all of them yet" if save["behind"] is None else f"complete as of {format_duration(save['behind'])} ago"
    )
    lines = [f"Saved on the access point: {files}, {format_size(save['total_bytes'])}, {current}."]
    lines += [
        f"  {name} has changed on the access point; yours is saved as {own}" for name, own in save["conflicts"].items()
    ]
    lines += [f"  {name} is not saved: {why}" for name, why in list(save["left_out"].items())[:_MOST_NAMES]]
    if save["left_out_count"] > _MOST_NAMES:
        lines.append(f"  {save['left_out_count'] - _MOST_NAMES} more files are not saved")
    return lines + ([str(save["problem"])] if save["problem"] else [])
