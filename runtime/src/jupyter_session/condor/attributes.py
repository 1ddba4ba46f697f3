"""What a session publishes about itself: job attributes and events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from jupyter_session import __version__
from jupyter_session.condor.connection import Connection

#: Bytes of a reason. A line of the chirp protocol has 5120, in which every space and backslash is doubled.
MAX_REASON = 1000

#: The value of an attribute; None means undefined.
Value = str | int | None
#: The last attributes of a group: the start of the job that all of them are of, and the state.
START, STATE = "JupyterStart", "JupyterState"
#: What an earlier start of the job may have left in its ad.
NOTHING_OF_A_START: Mapping[str, None] = dict.fromkeys(
    (
        "JupyterURL", "JupyterPort", "JupyterHost", "JupyterConnect", "JupyterAttach", "JupyterHostKey",
        "JupyterDeadline", "JupyterKeptUntil",
    )
)  # fmt: skip


class State(str, Enum):
    """The states of a session, as `JupyterState` shows them."""

    STARTING = "starting"
    READY = "ready"
    EXPIRING = "expiring"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class End(str, Enum):
    """How a session ended, as `JupyterEnd` shows it."""

    IDLE = "idle"
    DEADLINE = "deadline"
    USER = "user"
    SIGNAL = "signal"
    FAILED = "failed"


@dataclass(frozen=True)
class Ending:
    """How and why a session is to end; `reason` is one sentence."""

    how: End
    reason: str


@dataclass(frozen=True, kw_only=True)
class SessionTimes:
    """How a session uses its slot's time.

    `idle_seconds` are the seconds without any activity, in all starts of the job. `deadline` is the epoch second at
    which the session ends even if it is in use, or None. It ends `idle_timeout` seconds after its last use (None:
    never), but not before the epoch second `kept_until`, if that is set.
    """

    idle_seconds: int
    deadline: int | None
    idle_timeout: int | None = None
    kept_until: int | None = None


def fit_line(sentence: str) -> str:
    """Return a sentence that fits into an attribute: one line, printable, at most MAX_REASON bytes."""
    line = " ".join("".join(c if c.isprintable() else " " for c in sentence).split())
    if len(line.encode()) <= MAX_REASON:
        return line
    return line.encode()[: MAX_REASON - 3].decode(errors="ignore") + "…"


def build_attributes(
    state: State,
    reason: str,
    stop_at: int | None,
    connection: Connection | None,
    *,
    end: End | None = None,
    times: SessionTimes | None = None,
    start: int | None = None,
) -> dict[str, Value]:
    """Return the job attributes of a state, in the order to set them: `JupyterState` last. None means undefined.

    `start` says of which start of the job they are (its `JobCurrentStartDate`): on a machine that forbids chirp, those
    of an earlier one stay in the ad.
    """
    values: dict[str, Value] = {"JupyterVersion": __version__}
    if state is State.STARTING and connection is None:
        values |= NOTHING_OF_A_START
    if connection is not None:
        values |= {
            "JupyterURL": connection.url,
            "JupyterPort": connection.port,
            "JupyterHost": connection.host,
            "JupyterConnect": connection.connect_line,
            "JupyterAttach": connection.attach_line,
            "JupyterHostKey": connection.host_key,
        }
    if times is not None:
        values |= {
            "JupyterIdleSeconds": times.idle_seconds,
            "JupyterDeadline": times.deadline,
            "JupyterIdleTimeout": times.idle_timeout,
            "JupyterKeptUntil": times.kept_until,
        }
    return values | {
        "JupyterEnd": end.value if end else None,
        "JupyterStopAt": stop_at,
        "JupyterReason": fit_line(reason),
        START: start,
        STATE: state.value,
    }


def render_event(values: Mapping[str, Value]) -> str:
    """Return the text of the job event that announces `values`: one line of JSON, nothing secret."""
    fields = {
        "state": values["JupyterState"],
        "reason": values["JupyterReason"],
        "url": values.get("JupyterURL"),
        "stop_at": values["JupyterStopAt"],
    }
    return _render({name: value for name, value in fields.items() if value is not None})


def render_warning(sentence: str) -> str:
    """Return the text of the job event that carries a warning: one line of JSON, nothing secret."""
    return _render({"warning": fit_line(sentence)})


def _render(fields: Mapping[str, Value]) -> str:
    return "jupyter-session " + json.dumps(fields, ensure_ascii=False)
