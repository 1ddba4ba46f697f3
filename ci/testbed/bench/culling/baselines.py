"""Other projects' rules for ending idle sessions, each taken from its documentation and source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from testbed.bench.culling.traces import Activity, beats, is_taken_for_busy

#: The idle timeout of every rule, in minutes.
TIMEOUT = 30


@dataclass(frozen=True)
class Ends:
    """What a rule ends now: the whole session, or only kernels and terminals."""

    session: bool = False
    kernels: frozenset[str] = frozenset()
    terminals: frozenset[str] = frozenset()

    def takes(self, thing: Activity) -> bool:
        """Return True if this activity ends with it."""
        return self.session or thing.kernel in self.kernels or thing.terminal in self.terminals


NOTHING, ALL = Ends(), Ends(session=True)


class Rule(Protocol):
    """A rule for one session. If `outside`, it doesn't run in the job and continues while the job is suspended."""

    outside: bool

    def step(self, minute: int, things: Sequence[Activity], *, answers: bool) -> Ends:
        """Look once a minute; `answers` says whether Jupyter does."""


class _Server:
    """What jupyter_server (2.21) itself knows about its use, in minutes of the wall clock.

    A kernel's `last_activity` is its last message but for kernel_info and the like; `execution_state` is kept beside
    it. A terminal's is what passes its websocket: nothing, where no tab is connected. `api_last_activity` is every
    authenticated API request without `no_track_activity`, the polling of a tab that can be seen included, and every
    request through jupyter-server-proxy.
    https://github.com/jupyter-server/jupyter_server/blob/main/jupyter_server/services/kernels/kernelmanager.py
    https://github.com/jupyter-server/jupyter_server/blob/main/jupyter_server/base/handlers.py
    https://github.com/jupyter-server/jupyter_server_terminals/blob/main/jupyter_server_terminals/handlers.py
    https://github.com/jupyterhub/jupyter-server-proxy/blob/main/jupyter_server_proxy/handlers.py
    """

    def __init__(self, minute: int) -> None:
        self.api = minute
        self.kernels: dict[str, int] = {}
        self.terminals: dict[str, int] = {}
        self.activity = minute
        self.busy: set[str] = set()
        self.connected = False

    def see(self, minute: int, things: Sequence[Activity]) -> None:
        self.connected = any(thing.tab for thing in things)
        self.busy = {thing.kernel for thing in things if is_taken_for_busy(thing)}
        kernels = {thing.kernel for thing in things if thing.kernel}
        terminals = {thing.terminal for thing in things if thing.terminal}
        self.kernels = {kernel: self.kernels.get(kernel, minute) for kernel in kernels}
        self.terminals = {terminal: self.terminals.get(terminal, minute) for terminal in terminals}
        for thing in things:
            if thing.kernel and (
                beats(thing.messages, thing, minute) or (thing.busy and minute in (thing.start, thing.end - 1))
            ):
                self.kernels[thing.kernel] = self.activity = minute
            if (
                thing.terminal
                and self.connected
                and (beats(thing.prints, thing, minute) or beats(thing.typed, thing, minute))
            ):
                self.terminals[thing.terminal] = self.activity = minute
            if thing.tab == "visible" or beats(thing.requests, thing, minute) or beats(thing.proxied, thing, minute):
                self.api = self.activity = minute


class JupyterServer:
    """jupyter_server culls kernels, and shuts down when it has none.

    A kernel is culled, looked at every 5 minutes (cull_interval), when its last message is older than
    cull_idle_timeout, and it is not busy unless `cull_busy`, and no tab is connected to it unless `cull_connected`; a
    terminal, with `cull_terminals` (TerminalManager.cull_inactive_timeout; off by default), when nothing has passed
    its websocket for so long. The server ends, looked at every minute, when it has no kernel and no terminal and its
    last activity is older than shutdown_no_activity_timeout. All of it stops while the server does not answer.
    https://jupyter-server.readthedocs.io/en/latest/other/full-config.html
    https://github.com/jupyter-server/jupyter_server/blob/main/jupyter_server/serverapp.py (shutdown_no_activity)
    """

    outside = False

    def __init__(self, minute: int, *, connected: bool = False, busy: bool = False, terminals: bool = False) -> None:
        self._server = _Server(minute)
        self._connected, self._busy, self._terminals = connected, busy, terminals

    def step(self, minute: int, things: Sequence[Activity], *, answers: bool) -> Ends:
        """Look once a minute."""
        if not answers:
            return NOTHING
        server = self._server
        server.see(minute, things)
        if not server.kernels and not server.terminals:
            return ALL if minute - server.activity > TIMEOUT else NOTHING
        if minute % 5:
            return NOTHING
        kernels = [
            kernel
            for kernel, last in server.kernels.items()
            if minute - last > TIMEOUT
            and (self._busy or kernel not in server.busy)
            and (self._connected or not server.connected)
        ]
        terminals = [name for name, last in server.terminals.items() if self._terminals and minute - last > TIMEOUT]
        return Ends(kernels=frozenset(kernels), terminals=frozenset(terminals))


class HubCuller:
    """jupyterhub-idle-culler stops a server whose `last_activity` is older than --timeout; it looks every timeout / 2.

    It knows nothing of kernels: a busy one that prints nothing is idle. `last_activity` is what the server reports of
    itself every 5 minutes and, with `proxy`, what the hub learns every 5 minutes from configurable-http-proxy: any
    traffic, a websocket's pings every 30 s included, so any open tab. Without `proxy` it is another proxy, traefik
    say, that tells the hub nothing.
    https://github.com/jupyterhub/jupyterhub-idle-culler#how-it-works
    https://github.com/jupyterhub/jupyterhub/blob/main/jupyterhub/app.py (update_last_activity)
    """

    outside = True

    def __init__(self, minute: int, *, proxy: bool) -> None:
        self._server = _Server(minute)
        self._proxy = proxy
        self._traffic = minute
        self._last_activity = minute

    def step(self, minute: int, things: Sequence[Activity], *, answers: bool) -> Ends:
        """Look once a minute."""
        if answers:
            self._server.see(minute, things)
            if any(thing.tab or beats(thing.proxied, thing, minute) for thing in things):
                self._traffic = minute
        if minute % 5 == 0:
            self._last_activity = max(self._server.activity, self._traffic if self._proxy else 0)
        if minute % (TIMEOUT // 2) == 0 and minute - self._last_activity >= TIMEOUT:
            return ALL
        return NOTHING


class NoRule:
    """Nothing ends a session but the end of the week."""

    outside = False

    def __init__(self, minute: int) -> None:
        pass

    def step(self, minute: int, things: Sequence[Activity], *, answers: bool) -> Ends:  # noqa: ARG002
        """Look once a minute."""
        return NOTHING
