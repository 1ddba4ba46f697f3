"""Follows what the kernels of this server do, because Jupyter's `execution_state` is often wrong.

- It reads `idle` while a cell runs, from the moment at which the kernel creates a subshell (JupyterLab does that at
  the first widget), or at which any other request comes on the control channel.
- It reads `busy` forever if the last `idle` was dropped, as after a flood of output, or if the kernel was killed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from tornado.ioloop import IOLoop, PeriodicCallback

from jupyter_session.jupyter.extension.kernel_channels import KernelChannels
from jupyter_session.jupyter.extension.kernel_work import Claim, KernelWork

_LOG = logging.getLogger(__name__)
#: Seconds between two looks. Besides, each report looks, and each start and end of a kernel has us look.
_PERIOD = 10.0
_SOON = 0.1  # seconds after which a kernel that has just been started is in the list
_AFTER_ANSWER = 0.5  # seconds after which Jupyter has seen the answer to our question, too
_EVENTS = "https://events.jupyter.org/jupyter_server/kernel_actions/v1"
_STATE, _STARTED = 0, 19  # the fields of /proc/PID/stat that follow the name

#: A process ID and its start time in clock ticks since the boot.
ProcessId = tuple[int, int]
_ENDED: ProcessId = (0, 0)


@dataclass
class _Watch:
    """One process of a kernel, None if unknown, and what is known of it."""

    process: ProcessId | None
    work: KernelWork
    channels: KernelChannels


class KernelTracker:
    """Knows which kernels of `manager`, jupyter_server's manager of all kernels, are at work."""

    def __init__(self, manager: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._manager = manager
        self._clock = clock
        self._watches: dict[str, _Watch] = {}
        self._failed: dict[str, ProcessId | None] = {}
        self._timer: PeriodicCallback | None = None

    def start(self, event_logger: Any) -> None:
        """Look at the kernels from now on: every few seconds, and when Jupyter says that one was started or ended."""
        self.look()
        self._timer = PeriodicCallback(self.look, 1000 * _PERIOD)
        self._timer.start()
        event_logger.add_listener(schema_id=_EVENTS, listener=self._on_event)

    def look(self) -> None:
        """Find the kernels that are new, that have another process, or that are gone, and ask where in doubt."""
        try:
            found = list(self._manager.list_kernel_ids())
        except Exception:  # noqa: BLE001 - nothing here may disturb Jupyter
            _LOG.debug("can't list the kernels", exc_info=True)
            return
        for name in [name for name in self._watches if name not in found]:
            self._watches.pop(name).channels.close()
        self._failed = {name: process for name, process in self._failed.items() if name in found}
        for name in found:
            try:
                self._follow(name)
            except Exception:  # noqa: BLE001, PERF203 - the others go on
                _LOG.debug("can't follow kernel %s", name, exc_info=True)

    def report(self) -> list[dict[str, Any]]:
        """Return Jupyter's description of each kernel, with `at_work` (None: not known) and `changes`.

        `last_activity` is without what our own questions caused; `changes` counts starts and ends of cells.
        """
        self.look()
        answer = []
        for model in self._manager.list_kernels():
            watch = self._watches.get(model["id"])
            told = {"at_work": None, "changes": 0} if watch is None else _tell(watch, self._clock())
            answer.append({**model, **told})
        return answer

    def _follow(self, name: str) -> None:
        kernel = self._manager.get_kernel(name)
        process = find_process(kernel)
        model = self._manager.kernel_model(name)
        claim = Claim(state=model["execution_state"], last_activity=model["last_activity"])
        now = self._clock()
        watch = self._watches.get(name)
        if watch is None and (name not in self._failed or self._failed[name] != process):
            self._watch(name, kernel, process, claim)
        elif watch is not None and watch.process != process:
            watch.channels.close()
            del self._watches[name]
            self._watch(name, kernel, process, claim)
        elif watch is not None:
            watch.work.note_claim(claim, now)
            if process != _ENDED and (wanted := watch.work.want_question(now)):
                if wanted.is_doubt:
                    watch.channels.hear_all()
                watch.work.note_question(watch.channels.ask(wanted.shell), wanted, now)

    def _watch(self, name: str, kernel: Any, process: ProcessId | None, claim: Claim) -> None:
        work = KernelWork(claim, self._clock())

        def note_answer(is_serial: bool) -> None:  # noqa: FBT001
            work.note_answer(self._clock(), is_serial=is_serial)
            IOLoop.current().call_later(_AFTER_ANSWER, self.look)

        self._failed[name] = process  # unless all goes well
        channels = KernelChannels(
            kernel,
            lambda status: work.note_status(status, self._clock()),
            note_answer,
        )
        del self._failed[name]
        self._watches[name] = _Watch(process, work, channels)

    async def _on_event(self, logger: Any, schema_id: str, data: dict[str, Any]) -> None:  # noqa: ARG002
        self.look()
        IOLoop.current().call_later(_SOON, self.look)


def find_process(kernel: Any) -> ProcessId | None:
    """Return the process of a kernel of this machine, (0, 0) if it has ended, and None if it isn't known."""
    provisioner = getattr(kernel, "provisioner", None)
    if not isinstance(provisioner, LocalProvisioner) or not provisioner.pid:
        return None
    try:
        stat = Path(f"/proc/{provisioner.pid}/stat").read_text(errors="replace")
    except OSError as error:
        _LOG.debug("a kernel has no process: %s", error)
        return _ENDED
    fields = stat[stat.rindex(")") + 2 :].split()
    return _ENDED if fields[_STATE] in ("Z", "X") else (provisioner.pid, int(fields[_STARTED]))


def _tell(watch: _Watch, now: float) -> dict[str, Any]:
    work = watch.work
    at_work = watch.process != _ENDED and work.is_at_work(now)
    return {"at_work": at_work, "changes": work.changes, "last_activity": work.last_activity}
