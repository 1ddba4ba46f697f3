"""The verb `admin`: reads, sums up, and shows."""

from __future__ import annotations

import json
import re
from pathlib import Path

from chtc_jupyter import durations
from chtc_jupyter.admin import account, reading, report, usage
from chtc_jupyter.admin.prometheus import Accounts, write
from chtc_jupyter.errors import UsageError
from chtc_jupyter.ssh.login import connected
from chtc_jupyter.terminal import Terminal

_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


async def admin(
    ap: str, terminal: Terminal, *, since: str, user: str | None, ceiling: str | None, prometheus: Path | None
) -> int:
    """Show everyone's sessions that are in the queue or have ended since."""
    window, most = durations.parse_duration(since), durations.parse_duration(ceiling) if ceiling else None
    if user is not None and not _USER.fullmatch(user):
        raise UsageError(f"{user!r} is no user's name.")
    async with connected(ap, terminal) as link:
        now = float(link.hello["clock"])
        found = await reading.sessions(link, now - window, user)
    taken = [usage.read(ad, now, most) for ad in found]
    users, everyone = account.by_user(taken), account.total(taken)
    if prometheus:
        write(prometheus, Accounts(users, now=now, window=window))
    elif terminal.as_json:
        print(json.dumps(report.facts(users, everyone, now - window, now), indent=2))
    elif not users:
        terminal.say(f"There are no sessions, and none has ended within {since}.")
    else:
        terminal.table(report.table(users, everyone))
        if remark := report.remark(everyone):
            terminal.say(remark)
    return 0
