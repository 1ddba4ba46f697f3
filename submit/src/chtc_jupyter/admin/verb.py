"""Run the verb `admin`: read, sum up, and show."""

from __future__ import annotations

import re
from pathlib import Path

from chtc_jupyter import durations
from chtc_jupyter.admin import account, reading, report, usage
from chtc_jupyter.admin.prometheus import Accounts, write_metrics
from chtc_jupyter.errors import UsageError
from chtc_jupyter.ssh.login import connected
from chtc_jupyter.terminal import SLOW, Terminal

_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


async def admin(
    ap: str, terminal: Terminal, *, since: str, user: str | None, ceiling: str | None, prometheus: Path | None
) -> int:
    """Show everyone's sessions that are in the queue or ended within `since`."""
    window = durations.parse_duration(since, positive=True)
    most = durations.parse_duration(ceiling, positive=True) if ceiling else None
    if user is not None and not _USER.fullmatch(user):
        raise UsageError(f"Invalid user name {user!r}.")
    async with connected(ap, terminal) as link, terminal.explaining(SLOW, f"{ap}: asking the queue and the history"):
        now = float(link.hello["clock"])
        found = await reading.read_sessions(link, now - window, user)
    taken = [usage.read_usage(ad, now, most) for ad in found]
    users, everyone = account.sum_by_user(taken), account.sum_usages(taken)
    if prometheus:
        write_metrics(prometheus, Accounts(users, now=now, window=window))
    elif terminal.as_json:
        terminal.report(report.build_json(users, everyone, now - window, now))
    elif not users:
        terminal.say(f"There are no sessions, and none ended within {since}.")
    else:
        terminal.print_table(report.build_table(users, everyone))
        if remark := report.explain_saved_hours(everyone):
            terminal.say(remark)
    return 0
