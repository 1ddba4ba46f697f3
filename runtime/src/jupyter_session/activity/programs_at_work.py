"""Active programs in Jupyter's terminals, in tmux, in ssh sessions, and in the background; and typing there."""

from __future__ import annotations

from jupyter_session.activity.grouping import Role
from jupyter_session.activity.netbytes import NetBytes
from jupyter_session.activity.process_groups import WORKING_CPU, WORKING_DISK, Group, Processes
from jupyter_session.activity.sample import Sample

#: Bytes/s over TCP from which a group is active: a download is, the keepalives of an open connection aren't.
WORKING_NET = 16 * 1024

#: The roles in which a group of one process is a shell, which moves no bytes by itself.
_SHELL_ROLES = (Role.TERMINAL, Role.PANE, Role.SSH)


class Work:
    """Finds out what the groups of processes do, with one look at them for each turn."""

    def __init__(self, processes: Processes, net: NetBytes | None = None) -> None:
        self._processes = processes
        self._net = net or NetBytes()

    def find_groups(self, now: float, *roles: Role) -> list[Group]:
        """Return the groups of these roles as they are at `now`."""
        self._processes.refresh(now)
        return [group for group in self._processes.groups if group.role in roles]

    def measure_network(self, group: Group, now: float) -> float:
        """Return the bytes/s that a group sends and receives over TCP."""
        return self._net.rate(group.workers, now)

    def describe_activity(self, group: Group, now: float) -> str:
        """Return how a group is active, such as "230 % CPU", or "". The network comes last, because it costs most."""
        if group.cpu >= WORKING_CPU:
            return f"{100 * group.cpu:.0f} % CPU"
        if group.disk >= WORKING_DISK:
            return f"{_format_rate(group.disk)}/s of disk"
        alone = group.role in _SHELL_ROLES and len(group.workers) <= 1
        if not alone and (rate := self.measure_network(group, now)) >= WORKING_NET:
            return f"{_format_rate(rate)}/s of network"
        return ""


class Programs:
    """The groups of one role: active while a program in one is; `last` is when someone last typed in one.

    Output isn't activity: `watch` prints forever.
    """

    def __init__(self, name: str, role: Role, work: Work) -> None:
        self.name = name
        self._role = role
        self._work = work
        self._last: float | None = None

    def sample(self, now: float) -> Sample:
        """Look once."""
        groups = self._work.find_groups(now, self._role)
        works = [f"{group.label} ({how})" for group in groups if (how := self._work.describe_activity(group, now))]
        typed = [group.typed_at for group in groups if group.typed_at is not None]
        self._last = max([*typed, *([self._last] if self._last is not None else [])], default=None)
        if works:
            self._last = now
        what = ", ".join(works) or ", ".join(group.foreground for group in groups if group.foreground)
        detail = f"{len(groups)} open" + (f": {what}" if what else "") if groups else "none"
        return Sample(source=self.name, active=bool(works), last=self._last, detail=detail)


def _format_rate(count: float) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"
