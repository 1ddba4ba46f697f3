"""Programs that work: in Jupyter's terminals, in tmux, in ssh sessions, in the background; and who types there."""

from __future__ import annotations

from jupyter_session.activity.grouping import Role
from jupyter_session.activity.netbytes import NetBytes
from jupyter_session.activity.process_groups import WORKING_CPU, WORKING_DISK, Group, Processes
from jupyter_session.activity.sample import Sample

#: Bytes a second by TCP from which a group works: a download does, the keepalives of an open connection do not.
WORKING_NET = 16 * 1024

#: What makes a shell alone, where nothing can move bytes.
_SHELL_ROLES = (Role.TERMINAL, Role.PANE, Role.SSH)


class Work:
    """Says what the groups of processes do, with one look at them for each turn."""

    def __init__(self, processes: Processes, net: NetBytes | None = None) -> None:
        self._processes = processes
        self._net = net or NetBytes()

    def groups(self, now: float, *roles: Role) -> list[Group]:
        """Return the groups of these roles as they are at `now`."""
        self._processes.refresh(now)
        return [group for group in self._processes.groups if group.role in roles]

    def net(self, group: Group, now: float) -> float:
        """Return the bytes/s that a group moves by TCP."""
        return self._net.rate(group.workers, now)

    def doing(self, group: Group, now: float) -> str:
        """Return how a group works, like "230 % CPU"; "" when it does not. The network is asked last: it costs most."""
        if group.cpu >= WORKING_CPU:
            return f"{100 * group.cpu:.0f} % CPU"
        if group.disk >= WORKING_DISK:
            return f"{_bytes(group.disk)}/s of disk"
        alone = group.role in _SHELL_ROLES and len(group.workers) <= 1
        if not alone and (rate := self.net(group, now)) >= WORKING_NET:
            return f"{_bytes(rate)}/s of network"
        return ""


class Programs:
    """The groups of one role: active while a program in one works; `last` is when someone last typed in one.

    What a program prints is no activity: `watch` prints for ever.
    """

    def __init__(self, name: str, role: Role, work: Work) -> None:
        self.name = name
        self._role = role
        self._work = work
        self._last: float | None = None

    def sample(self, now: float) -> Sample:
        """Look once."""
        groups = self._work.groups(now, self._role)
        works = [f"{group.label} works ({how})" for group in groups if (how := self._work.doing(group, now))]
        typed = [group.typed_at for group in groups if group.typed_at is not None]
        self._last = max([*typed, *([self._last] if self._last is not None else [])], default=None)
        if works:
            self._last = now
        what = ", ".join(works) or ", ".join(group.foreground for group in groups if group.foreground)
        detail = f"{len(groups)} open" + (f": {what}" if what else "") if groups else "none"
        return Sample(source=self.name, active=bool(works), last=self._last, detail=detail)


def _bytes(count: float) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"
