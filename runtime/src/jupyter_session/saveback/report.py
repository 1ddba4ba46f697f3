"""What save-back has done, for the user's commands and the receipt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from jupyter_session.units.durations import format_duration
from jupyter_session.units.sizes import format_size

#: Names in a report; the counts are exact.
MOST_NAMES = 50


@dataclass(frozen=True)
class Report:
    """What is on the access point. Names are relative to the notebook folder, and printable.

    `saved` counts how often each file was saved, the latest last; `total_bytes` is the size of all of them.
    `arrived` says of files that others put there how large they are; they aren't here. `fetches` is how often they
    were asked for, `fetched` what became of the last request, and `fetching` how far one is that is at work.
    `refused_count` is how many files the access point refuses now. `behind` is how many seconds ago everything that is
    to be saved was there; None if it never was. `off` is why nothing is saved while the session runs, `problem` is what
    doesn't work now; both are one sentence or empty.
    """

    saved: Mapping[str, int] = field(default_factory=dict)
    saved_count: int = 0
    total_bytes: int = 0
    conflicts: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    left_out_count: int = 0
    refused_count: int = 0
    removed: tuple[str, ...] = ()
    behind: float | None = None
    arrived: Mapping[str, str] = field(default_factory=dict)
    arrived_count: int = 0
    fetches: int = 0
    fetched: str = ""
    fetching: str = ""
    problem: str = ""
    off: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the report as a dict for JSON."""
        return asdict(self)


def render_report(report: Mapping[str, Any]) -> list[str]:
    """Return a report (as a dict) as lines: one for the whole, and one for each thing that needs attention."""
    if report["off"]:
        return [f"not saved while it runs: {report['off']}"]
    since = "not all yet" if report["behind"] is None else f"all of it {format_duration(report['behind'])} ago"
    files = "1 file" if report["saved_count"] == 1 else f"{report['saved_count']} files"
    lines = [f"saved while it runs: {files}, {format_size(report['total_bytes'])}, {since}"]
    lines += [f"  {name} has changed on the access point: saved as {own}" for name, own in report["conflicts"].items()]
    lines += [f"  {name} is left out: {why}" for name, why in list(report["left_out"].items())[:5]]
    if report["left_out_count"] > 5:
        lines.append(f"  {report['left_out_count'] - 5} more are left out")
    lines += [
        f"  {name} is new on the access point: {about}" for name, about in list(report.get("arrived", {}).items())[:5]
    ]
    lines += [f"  {report['fetching']}"] if report.get("fetching") else []
    if report.get("arrived_count"):
        count = "It isn't" if report["arrived_count"] == 1 else f"These {report['arrived_count']} aren't"
        lines.append(f"  {count} here: `jupyter-session fetch` brings what is new")
    return lines + ([report["problem"]] if report["problem"] else [])
