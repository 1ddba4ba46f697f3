"""What is shown of a session: chosen from the supervisor's status, with none of its secrets, and with figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from jupyter_session.panel.figures import Figure
from jupyter_session.saveback.report import render_report
from jupyter_session.status_text import EXTEND, render_sentence
from jupyter_session.units.durations import format_duration, format_time

_UNREADABLE = (
    "The session's supervisor sends what can't be read. JupyterLab works on; nobody knows when the session ends."
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """One row of the table of activity."""

    name: str
    active: bool
    since: str
    sees: str


@dataclass(frozen=True, kw_only=True)
class View:
    """A session at `now`; times are in epoch seconds.

    `problem` says in a sentence why the rest is unknown, or is empty. `facts` are pairs of a name and a text.
    `arrived` is how many files are new on the access point and not here. `alerts` are the sentences that a person
    should see once: the warnings, and what saving can't do.
    """

    now: float
    problem: str = ""
    state: str = ""
    sentence: str = ""
    stop_at: float | None = None
    earliest_stop_at: float | None = None
    kept_until: float | None = None
    deadline: float | None = None
    sources: Sequence[Source] = ()
    figures: Sequence[Figure] = ()
    facts: Sequence[tuple[str, str]] = ()
    saving: Sequence[str] = ()
    arrived: int = 0
    warnings: Sequence[str] = ()
    alerts: Sequence[str] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as a dict for JSON."""
        return asdict(self)


def make_view(message: Mapping[str, Any], figures: Sequence[Figure], now: float) -> View:
    """Return what is shown of a status message. Whatever the message is, there is a view."""
    try:
        return _make(message, figures, now)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError):  # the last two: such a time
        return View(now=now, problem=_UNREADABLE, figures=figures)


def _make(message: Mapping[str, Any], figures: Sequence[Figure], now: float) -> View:
    kept, deadline = _time(message["keep_alive_until"]), _time(message["deadline"])
    warnings = [str(each) for each in (message["problem"], *message["warnings"]) if each]
    facts = [("Job", f"{message['job']} on {message['host']}")] if message["job"] else []
    facts += [("Deadline", format_time(deadline, now) if deadline else "none")]
    facts += [("Kept until", format_time(kept, now))] if kept and kept > now else []
    return View(
        now=now,
        state=str(message["state"]),
        sentence=render_sentence(message, now).removesuffix(EXTEND).rstrip(),
        stop_at=_time(message["stop_at"]),
        earliest_stop_at=_time(message["earliest_stop_at"]),
        kept_until=kept,
        deadline=deadline,
        sources=[
            Source(
                name=str(source["source"]),
                active=bool(source["active"]),
                since="" if source["since"] is None else format_duration(source["since"]),
                sees=str(source["detail"]) + (f" ({source['error']})" if source["error"] else ""),
            )
            for source in message["sources"]
        ],
        figures=figures,
        facts=facts,
        saving=render_report(message["save"]),
        arrived=int(message["save"].get("arrived_count", 0)),
        warnings=warnings,
        alerts=[*warnings, *_describe_unsaved(message["save"])],
    )


def _describe_unsaved(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each kind of thing that is not on the access point under its name."""
    if report["off"]:  # then it is a warning of the session, if it isn't meant to be
        return
    if report["problem"] and not report["refused_count"]:  # for refused files there is a warning
        yield report["problem"]
    for name, own in report["conflicts"].items():
        yield f"{name} has changed on the access point, so it is saved as {own} there."
    for name, why in list(report["left_out"].items())[:1]:
        others = " There are others: see the panel of the session." if report["left_out_count"] > 1 else ""
        yield f"{name} isn't saved: {why}.{others}"


def _time(value: Any) -> float | None:
    return None if value is None else float(value)
