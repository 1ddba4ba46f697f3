"""Follows the kernels of a Jupyter server, and decides when a notebook's file gets what its browser has not saved."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from tornado.ioloop import IOLoop, PeriodicCallback

from jupyter_session.recorder.followed import Followed
from jupyter_session.recorder.kernel_runs import KernelRuns
from jupyter_session.recorder.merging import Cells, Result
from jupyter_session.recorder.notebook_files import NotebookFiles
from jupyter_session.recorder.record import GRACE, Need, Run, decide_need

_LOG = logging.getLogger(__name__)
_PERIOD = 5.0  # seconds between two looks, at most
_RETRY = 30.0  # seconds after a file could not be written


class Recorder:
    """Records the kernels of `server`, a Jupyter server. Times are in epoch seconds."""

    def __init__(self, server: Any, grace: float = GRACE, clock: Callable[[], float] = time.time) -> None:
        self._kernels = server.kernel_manager
        self._sessions = server.session_manager
        self._grace = grace
        self._clock = clock
        self._followed: dict[str, Followed] = {}
        self._files = NotebookFiles(server.contents_manager, self)
        self._not_before: dict[str, float] = {}
        self._turn = asyncio.Lock()
        self._timer: PeriodicCallback | None = None

    def start(self) -> None:
        """Look every few seconds from now on whether something is to be written."""
        self._timer = PeriodicCallback(self._look, 1000 * min(_PERIOD, self._grace / 2))
        self._timer.start()

    def follow(self, kernel: str) -> Followed:
        """Listen to what a kernel publishes, unless that is so. Raises KeyError if there is no such kernel."""
        if kernel not in self._followed:
            self._followed[kernel] = Followed(kernel, self._kernels, self._clock, IOLoop.current().call_later)
        followed = self._followed[kernel]
        followed.subscribe()
        return followed

    async def note_restart(self, kernel: str) -> None:
        """Note that a kernel was restarted; return when its new process is heard."""
        if kernel in self._followed:
            self._followed[kernel].runs.end_all()
            await self.follow(kernel).wait_heard()  # it may publish elsewhere

    def note_request(self, kernel: str, header: dict[str, Any], cell: str, code: str, asker: str) -> None:
        """Note that the browser's session `asker` asks a kernel to run a cell."""
        runs = self.follow(kernel).runs
        if runs.is_shared:
            return
        runs.note_request(header, cell, code, asker, self._files.get_known_hash(runs.path) if runs.path else None)
        if runs.runs[header["msg_id"]].base is None:
            asyncio.ensure_future(self._find_path(runs, header["msg_id"]))  # noqa: RUF006 - it ends in milliseconds

    def note_renamed(self, old: str, new: str) -> None:
        """Note that Jupyter renamed a file or a folder."""
        self._files.note_renamed(old, new)
        for runs in self._list_runs():
            if _is_at(runs.path, old):
                runs.path = new + runs.path.removeprefix(old)
            for run in runs.runs.values():
                if run.place is not None and _is_at(run.place, old):
                    run.place = new + run.place.removeprefix(old)

    def note_deleted(self, path: str) -> None:
        """Note that a person deleted a file or a folder in JupyterLab."""
        for runs in self._list_runs():
            if _is_at(runs.path, path):
                runs.note_deleted()

    def note_saved(self, path: str, cells: Cells, before: str | None) -> None:
        """Note that a browser saved a notebook with these cells; `before` is the hash that was known before that.

        That says nothing of a run in another version of the file, unless the page shows it.
        """
        base = self._files.get_known_hash(path)
        for runs in self._list_runs():
            if runs.path == path:
                concerned = [
                    run
                    for run in runs.runs.values()
                    if (run.place is None and run.base in (None, before)) or runs.is_shown(run)
                ]
                runs.note_saved(cells, concerned)
                for run in concerned:
                    run.base, run.place = base, None

    async def before_reading(self, path: str) -> list[Result]:
        """Write what a browser that is away left; return what can't be written, as another has the notebook open."""
        for runs in self._list_runs():
            if runs.path == path:
                runs.note_read()
        if not self._has_unwritten(None):
            return []
        await self.learn_paths()
        followed = [runs for runs in self._list_runs() if runs.path == path]
        await self._write(followed, 0)
        now = await self._files.read_hash(path)
        left = [run for run in _find_latest(followed, None) if run.place is None and run.base in (None, now)]
        return [_make_result(run, need) for run in left if (need := decide_need(run)) is not Need.NOTHING]

    def note_end(self, kernel: str) -> None:
        """Note that a kernel is about to be shut down."""
        if kernel in self._followed:
            self._followed[kernel].runs.note_end()

    async def write_all(self) -> None:
        """Write all that no file has, because this server ends: no browser can save any longer."""
        await self._write(self._list_runs(), None)

    def close(self) -> None:
        """Stop. The server can't end before: it waits for all sockets of ZeroMQ's to be closed."""
        if self._timer is not None:
            self._timer.stop()
        for followed in self._followed.values():
            followed.close()

    def _list_runs(self) -> list[KernelRuns]:
        return [followed.runs for followed in self._followed.values()]

    def _has_unwritten(self, patience: float | None) -> bool:
        return any(runs.list_unwritten(patience) for runs in self._list_runs())

    async def _look(self) -> None:
        for name, followed in self._followed.items():
            self._tend(name, followed)
        ended = [name for name, followed in self._followed.items() if not followed.is_subscribed]
        await self._write([self._followed[name].runs for name in ended], 0)
        await self._write(self._list_runs(), self._grace)
        for name in ended:
            if name in self._followed and not self._followed[name].runs.list_unwritten(None):
                del self._followed[name]

    def _tend(self, name: str, followed: Followed) -> None:
        try:
            if name not in self._kernels:
                followed.close()
            elif followed.is_subscribed:
                followed.subscribe()  # to one that restarted by itself
                followed.harvest()
                followed.tend()
                followed.runs.runs.bound()
        except Exception:  # noqa: BLE001 - the other kernels' output must be written
            _LOG.warning("Kernel %s can't be recorded.", name, exc_info=True)

    async def _write(self, kernels: Iterable[KernelRuns], patience: float | None) -> None:
        kernels = [runs for runs in kernels if runs.list_unwritten(patience)]
        if not kernels:
            return
        await self.learn_paths()
        async with self._turn:
            files: defaultdict[tuple[str, str | None], list[Run]] = defaultdict(list)
            for path in sorted({runs.path for runs in kernels if runs.path}):
                here = [runs for runs in kernels if runs.path == path]
                for run in _find_latest(here, patience):
                    files[run.place or path, run.base].append(run)
            # A file whose version is unknown comes last: it may be another's, too.
            for path, base in sorted(files, key=lambda file: file[1] is None):
                if patience is None or self._clock() >= self._not_before.get(path, 0):
                    await self._write_file(path, base, files[path, base])

    async def _write_file(self, path: str, base: str | None, found: list[Run]) -> None:
        needs = [(run, run.changes, decide_need(run)) for run in found]
        results = [_make_result(run, need) for run, _, need in needs if need is not Need.NOTHING]
        try:
            place = await self._files.put(path, results, base) if results else None
        except Exception:  # noqa: BLE001 - a full disk, or a notebook that isn't one: it is tried again
            _LOG.warning("The output of cells could not be put into %s.", path, exc_info=True)
            self._not_before[path] = self._clock() + _RETRY
            return
        for run, changes, need in needs:
            run.written = changes
            if place is not None and need is not Need.NOTHING:
                run.base = place.hash
                run.place = place.path if place.path != path else run.place
        if place is None or base is None:
            return
        for runs in self._list_runs():  # those that the file has not changed for, but for what was put there now
            for run in runs.runs.values():
                if (run.place or runs.path) == path and run.base == base:
                    run.base = place.hash
                    run.place = place.path if place.path != path else run.place

    async def learn_paths(self) -> None:
        """Learn from Jupyter which notebooks use which kernels."""
        try:
            sessions = await self._sessions.list_sessions()
        except Exception:  # noqa: BLE001 - the paths that are known are good, too
            _LOG.debug("can't list the sessions", exc_info=True)
            return
        paths: defaultdict[str, set[str]] = defaultdict(set)
        for session in sessions:
            if session.get("type") == "notebook":
                paths[session["kernel"]["id"]].add(str(session["path"]).strip("/"))
        for name, followed in self._followed.items():
            followed.runs.note_paths(frozenset(paths[name]))

    async def _find_path(self, runs: KernelRuns, request: str) -> None:
        await self.learn_paths()
        run = runs.runs.get(request)
        if run is not None and run.base is None and runs.path:
            run.base = await self._files.learn_hash(runs.path) or None


def _is_at(path: str, place: str) -> bool:
    return path == place or path.startswith(place + "/")


def _find_latest(kernels: Iterable[KernelRuns], patience: float | None) -> list[Run]:
    """Return the unwritten runs of one notebook's kernels; of a cell that ran in several, the last."""
    latest: dict[str, Run] = {}
    for run in sorted((run for runs in kernels for run in runs.runs.values()), key=lambda run: run.asked_at):
        latest[run.cell] = run
    unwritten = {id(run) for runs in kernels for run in runs.list_unwritten(patience)}
    return [run for run in latest.values() if id(run) in unwritten]


def _make_result(run: Run, need: Need) -> Result:
    return Result(
        cell=run.cell,
        outputs=None if need is Need.TEXT else run.outputs.render(),
        count=run.outputs.count,
        source=run.code,
        is_text_kept=need is Need.OUTPUTS,
        after=run.after,
    )
