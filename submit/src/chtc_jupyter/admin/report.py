"""Show the accounts to people as a table, and to programs as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from chtc_jupyter.admin.account import Account
from chtc_jupyter.admin.usage import ENDS, STATES
from chtc_jupyter.terminal import make_cell

_NUMBERS = ("GPUS", "SESSIONS", "HOURS", "GPU HOURS", "IDLE HOURS", "SAVED HOURS")


def build_table(users: Mapping[str, Account], everyone: Account) -> Table:
    """Return a row for each user, the one with the most hours first, and one for all."""
    shown = Table(box=None, pad_edge=False, show_footer=len(users) > 1)
    cells = {user: _cells(account) for user, account in users.items()}
    rows = sorted(cells, key=lambda user: -users[user].seconds)
    for header, footer in zip(("USER", "NOW", *_NUMBERS, "ENDED"), ("all", *_cells(everyone)), strict=True):
        shown.add_column(header, footer, justify="right" if header in _NUMBERS else "left", overflow="fold")
    for user in rows:
        shown.add_row(make_cell(user), *cells[user])
    return shown


def _cells(account: Account) -> tuple[str, ...]:
    return (
        _counts(account.states, STATES),
        str(account.gpus),
        str(account.sessions),
        *(f"{_hours(seconds):.1f}" for seconds in (account.seconds, account.gpu_seconds, account.idle_seconds)),
        "-" if account.unlimited and not account.saved_seconds else f"{_hours(account.saved_seconds):.1f}",
        _counts(account.ends, ENDS),
    )


def _counts(counts: Mapping[str, int], order: tuple[str, ...]) -> str:
    return ", ".join(f"{counts[name]} {name}" for name in order if counts[name])


def explain_saved_hours(everyone: Account) -> str:
    """Return a remark on what the saved hours leave out; empty if they leave nothing out."""
    if not everyone.unlimited:
        return ""
    return (
        f"SAVED HOURS leaves out {everyone.unlimited} idle stop{'s' if everyone.unlimited > 1 else ''} of sessions "
        "without a time limit. To include them, give the longest time that a job may run here, such as --ceiling 72h."
    )


def build_json(users: Mapping[str, Account], everyone: Account, since: float, now: float) -> dict[str, Any]:
    """Return the report for JSON: `since` and `until` in epoch seconds, the rest in hours."""
    return {
        "since": round(since),
        "until": round(now),
        "users": [{"user": user, **_build_json(account)} for user, account in users.items()],
        "total": _build_json(everyone),
    }


def _build_json(account: Account) -> dict[str, Any]:
    return {
        "sessions": account.sessions,
        "now": dict(account.states),
        "gpus_now": account.gpus,
        "hours": round(_hours(account.seconds), 4),
        "gpu_hours": round(_hours(account.gpu_seconds), 4),
        "idle_hours": round(_hours(account.idle_seconds), 4),
        "saved_hours": round(_hours(account.saved_seconds), 4),
        "unlimited_idle_stops": account.unlimited,
        "ended": dict(account.ends),
    }


def _hours(seconds: float) -> float:
    return seconds / 3600
