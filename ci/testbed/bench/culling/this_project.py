"""Our rule: the real sources, clock, and decision of `jupyter_session`, fed from a trace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from jupyter_session.activity import ActivityMonitor
from jupyter_session.activity.gpu import Gpu
from jupyter_session.activity.kernels import Kernels
from jupyter_session.activity.process_groups import Processes, compute_window
from jupyter_session.activity.procfs import Process
from jupyter_session.activity.sources import make_sources
from jupyter_session.core.clock import SessionClock
from jupyter_session.idle.culler import Action, Policy, decide
from jupyter_session.jupyter.extension.proxy_traffic import Traffic
from jupyter_session.jupyter.lab import LabError
from jupyter_session.settings import resolve
from jupyter_session.state_dir import StateDir
from testbed.bench.culling.baselines import ALL, NOTHING, TIMEOUT, Ends
from testbed.bench.culling.traces import Activity, beats, is_taken_for_busy

_SETTINGS = resolve({"idle_timeout": f"{TIMEOUT}m"}, {}, {})
_POLICY = Policy.of(_SETTINGS.idle_timeout, _SETTINGS.idle_warning)
_STATE = StateDir(Path("/tmp/session"), in_job=True)  # noqa: S108 - never created


class ThisProject:
    """One session's sources, read once a minute instead of every ten seconds.

    `follows`: our server extension follows the kernels; otherwise Jupyter's own word counts, as it does if
    the extension doesn't answer.
    """

    outside = False

    def __init__(self, minute: int, *, follows: bool = True) -> None:
        self._minute = minute
        self._clock = SessionClock(longest_step=60.0, read=lambda: self._minute * 60.0)
        self._jupyter = _Jupyter(follows=follows)
        self._machine = _Machine()
        machine, averaged = self._machine, compute_window(_SETTINGS.idle_timeout)
        processes = Processes(
            _STATE, averaged, read=machine.processes, last_input=machine.last_input, supervisor=_SUPERVISOR
        )
        jupyter = self._jupyter
        sources = make_sources(
            jupyter.get, jupyter.tell_use, _SETTINGS, processes, gpu=Gpu([machine]), refused=lambda: 0
        )
        self._monitor = ActivityMonitor(sources)

    def step(self, minute: int, things: Sequence[Activity], *, answers: bool) -> Ends:
        """Look once a minute."""
        self._minute = minute
        self._jupyter.see(minute, things, answers=answers)
        self._machine.see(minute, things)
        now = self._clock.now()
        verdict = decide(self._monitor.look(now), _POLICY, started=0.0, now=now)
        return ALL if verdict.action is Action.STOP else NOTHING


def _kernel_id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, name))


class _Jupyter:
    """Answers like the session's own JupyterLab."""

    def __init__(self, *, follows: bool) -> None:
        self._follows = follows
        self._kernels: dict[str, int] = {}
        self._busy: set[str] = set()
        self._taken_for_busy: set[str] = set()
        self._request: int | None = None
        self._typist = Random(0)  # noqa: S311 - no secret
        self._traffic = Traffic()
        self._answers = True

    def see(self, minute: int, things: Sequence[Activity], *, answers: bool) -> None:
        """Set what there is in this minute."""
        self._answers = answers
        self._busy = {thing.kernel for thing in things if thing.busy}
        self._taken_for_busy = {thing.kernel for thing in things if is_taken_for_busy(thing)}
        self._kernels = {t.kernel: self._kernels.get(t.kernel, minute) for t in things if t.kernel}
        for thing in things:
            if thing.kernel and beats(thing.messages, thing, minute):
                self._kernels[thing.kernel] = minute
            if beats(thing.requests, thing, minute):
                self._request = minute
            if beats(thing.proxied, thing, minute):
                self._proxy(thing, minute * 60.0)

    def _proxy(self, thing: Activity, now: float) -> None:
        """Send what a page sends in a minute: TensorBoard's two requests, or VS Code's keepalives and keystrokes."""
        if thing.program != "code-server":
            for path in ("/data/runs", "/data/plugins_listing"):
                self._traffic.note_request("GET", path, b"", now)
            return
        sent = [(float(second), 20) for second in range(0, 60, 5)]
        if thing.typed_there:
            sent += [(self._typist.uniform(0, 60), 1000) for _ in range(4)]
        for second, size in sorted(sent):
            self._traffic.note_message("/stable", size, now + second)

    def get(self, _path: str) -> Any:
        """Answer a request, which asks for the kernels. Raises LabError if it doesn't answer."""
        if not self._answers:
            raise LabError("JupyterLab does not answer")
        return [self._describe(name) for name in self._kernels]

    def tell_use(self) -> Any:
        """Answer as our server extension. Raises LabError if it doesn't answer."""
        kernels = self.get(Kernels.jupyters_own_path)
        followed = zip(self._kernels, kernels, strict=True)
        told = [{**kernel, "at_work": name in self._busy, "changes": 0} for name, kernel in followed]
        return {
            "requests": {"at": self._request, "what": "PUT /api/contents/a.ipynb"},
            "proxy": {"at": self._traffic.at, "what": self._traffic.what},
            "kernels": told if self._follows else None,
        }

    def _describe(self, name: str) -> dict[str, Any]:
        return {
            "id": _kernel_id(name),
            "name": "python3",
            "execution_state": "busy" if name in self._taken_for_busy else "idle",
            "last_activity": self._kernels[name],
        }


_FIRST_PID = 1 << 30  # no real process has such a PID, so /proc has nothing about it
_SUPERVISOR, _TMUX, _LAB = (_FIRST_PID - number for number in (3, 2, 1))


class _Machine:
    """The container: a process for each kernel and terminal, one below it for each program, and one GPU."""

    def __init__(self) -> None:
        self._pids: dict[object, int] = {}
        self._cpu: dict[int, float] = {}
        self._disk: dict[int, float] = {}
        self._typed: dict[int, int] = {}
        self._things: Sequence[Activity] = ()

    def see(self, minute: int, things: Sequence[Activity]) -> None:
        """Advance by one minute."""
        self._things = things
        for thing in things:
            pid = self._pid(id(thing) if thing.program else thing.kernel)
            self._cpu[pid] = self._cpu.get(pid, 0.0) + 60 * thing.cpu
            self._disk[pid] = self._disk.get(pid, 0.0) + 60 * thing.disk
            if beats(thing.typed, thing, minute):
                self._typed[self._pid(thing.terminal or thing.pane)] = minute

    def use(self) -> float:
        """Return the use of the GPU, in percent."""
        return 100 * min(1.0, sum(thing.gpu for thing in self._things))

    def last_input(self, process: Process) -> float:
        """Return when someone last typed there."""
        return self._typed.get(process.pid, 0)

    def processes(self) -> Iterator[Process]:
        """Yield all processes."""
        yield self._process(1, 0, "appinit")
        yield self._process(_SUPERVISOR, 1, "python", "jupyter-session", "run")
        yield self._process(_TMUX, 1, "tmux: server")
        yield self._process(_LAB, _TMUX, "python", "jupyter-lab", f"--config={_STATE.config}")
        programs = [thing for thing in self._things if thing.program]
        for name in dict.fromkeys(thing.kernel for thing in self._things if thing.kernel):
            file = _STATE.runtime / f"kernel-{_kernel_id(name)}.json"
            yield self._process(self._pid(name), _LAB, "python", "-m", "ipykernel_launcher", "-f", str(file))
        for parent, where in ((_LAB, "terminal"), (_TMUX, "pane")):
            names = [getattr(thing, where) for thing in self._things]
            for name in dict.fromkeys(
                [*(["shell"] if where == "pane" else []), *names]
            ):  # tmux has a shell from the start
                if name:
                    front = next((self._pid(id(thing)) for thing in programs if getattr(thing, where) == name), None)
                    yield self._process(self._pid(name), parent, "bash", tty=self._pid(name), foreground=front)
        for thing in programs:
            home = thing.kernel or thing.terminal or thing.pane
            tty = self._pid(home) if thing.terminal or thing.pane else 0
            yield self._process(self._pid(id(thing)), self._pid(home) if home else _LAB, thing.program, tty=tty)

    def _pid(self, what: object) -> int:
        return self._pids.setdefault(what, _FIRST_PID + len(self._pids))

    def _process(self, pid: int, parent: int, *argv: str, tty: int = 0, foreground: int | None = None) -> Process:
        cpu = self._cpu.get(pid, 0.0)
        return Process(
            pid=pid,
            started=pid,
            parent=parent,
            uid=0,
            group=pid,
            session=pid,
            tty=tty,
            foreground=pid if foreground is None else foreground,
            name=argv[0],
            argv=argv,
            own=cpu,
            total=cpu,
            disk=int(self._disk.get(pid, 0.0)),
        )
