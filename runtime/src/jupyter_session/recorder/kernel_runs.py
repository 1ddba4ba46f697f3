"""What the browsers ask of one kernel, and what it publishes of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from jupyter_session.recorder.cell_outputs import Entry
from jupyter_session.recorder.record import Run
from jupyter_session.recorder.subscription import Message

_LOG = logging.getLogger(__name__)
#: Runs whose output the file has, and that are kept because later output may change it.
_MOST_WRITTEN = 200
#: Seconds for which a connection may have been dead before the server noticed it.
_UNNOTICED = 120.0


class KernelRuns:
    """The last run of each cell in one kernel, and the browsers that are connected to it."""

    def __init__(self, kernel: str, clock: Callable[[], float]) -> None:
        self._kernel = kernel
        self._clock = clock
        self.path = ""  # of the notebook, "" if unknown
        self.runs: dict[str, Run] = {}  # by request, in the order of the requests
        self._latest: dict[str, str] = {}  # by cell: the request
        self._displays: dict[str, list[tuple[Run, Entry]]] = {}
        self._has_ended_before_browser = False
        self._connections: dict[str, int] = {}  # by browser's session
        self._left: dict[str, float] = {}  # by browser's session that was connected: since when it isn't
        self._empty_since: float | None = None  # None: a browser may still be there, and will save by itself

    def note_request(self, request: str, cell: str, code: str, asker: str, base: str | None) -> None:
        """Note that a browser asked to run a cell; `base` is the hash of the notebook's file as browsers know it."""
        after = next(reversed(self.runs.values())).cell if self.runs else None
        if cell in self._latest:
            after = self.runs.pop(self._latest[cell]).after
        self._latest[cell] = request
        self.runs[request] = Run(self._kernel, cell, code, asker, self._clock(), after=after, base=base)
        written = [name for name, run in self.runs.items() if run.has_ended and not run.is_unwritten]
        for name in written[:-_MOST_WRITTEN]:
            self._forget(name)

    def wants(self, kind: str, request: str) -> bool:
        """Return whether a message changes a run."""
        return request in self.runs or kind == "update_display_data" or (kind == "status" and not request)

    def note(self, message: Message) -> None:
        """Note a message that the kernel published."""
        content = message.content
        if message.kind == "update_display_data":
            self._update_display(content)
            return
        if message.kind == "status" and content.get("execution_state") == "starting":
            self.end_all()
        run = self.runs.get(message.request)
        if run is None:
            return
        if message.kind == "execute_input":
            self._begin(run, content.get("execution_count"))
        elif message.kind == "status":
            if content.get("execution_state") == "idle":
                self._end(run)
        elif message.kind in ("stream", "display_data", "execute_result", "error", "clear_output"):
            run.has_begun = True
            entry = run.outputs.note(message.kind, content, message.size)
            self._change(run)
            display = (content.get("transient") or {}).get("display_id")
            if entry is not None and display is not None:
                self._displays.setdefault(str(display), []).append((run, entry))

    def end_all(self) -> None:
        """Note that the kernel's process has ended: nothing more comes of any run."""
        for run in self.runs.values():
            self._end(run)
        self._displays.clear()

    def note_connected(self, asker: str) -> None:
        """Note that a browser's session is connected."""
        self._connections[asker] = self._connections.get(asker, 0) + 1
        self._empty_since = None
        if (left := self._left.pop(asker, None)) is not None:
            for run in self.runs.values():
                is_recent = not run.has_ended or run.changed_at > left - _UNNOTICED
                run.asker_was_away |= run.asker == asker and is_recent

    def note_gone(self, asker: str) -> None:
        """Note that one of its connections has ended."""
        left = self._connections.get(asker, 0) - 1
        if left > 0:
            self._connections[asker] = left
            return
        self._connections.pop(asker, None)
        self._left[asker] = self._clock()
        if not self._connections and not self._has_ended_before_browser:
            self._empty_since = self._clock()

    def note_end(self) -> None:
        """Note that the kernel was shut down. That a browser's connection ends by it doesn't mean that it is away."""
        self._has_ended_before_browser = bool(self._connections)
        self.end_all()

    def note_saved(self, cells: frozenset[str]) -> None:
        """Note that a browser saved the notebook, with these cells."""
        now = self._clock()
        for run in self.runs.values():
            run.is_saved = True
            if self._has_ended_before_browser or self._connections.keys() == {run.asker}:
                run.asker_saved_at = now
                run.is_deleted = run.cell not in cells

    def list_unwritten(self, patience: float | None) -> list[Run]:
        """Return the runs with something new, if all browsers have been away for `patience` seconds (None: anyway)."""
        is_empty = self._empty_since is not None and self._clock() - self._empty_since >= (patience or 0)
        return [run for run in self.runs.values() if run.is_unwritten] if patience is None or is_empty else []

    def note_written(self, run: Run, changes: int) -> None:
        """Note that a file has a run as it was after so many changes."""
        run.written = max(run.written, changes)

    def _begin(self, run: Run, count: Any) -> None:
        for other in self.runs.values():  # the end of an earlier run may have been dropped in a flood of output
            if other is run:
                break
            self._end(other)
        run.has_begun = True
        run.outputs.count = count if isinstance(count, int) else None
        self._change(run)

    def _end(self, run: Run) -> None:
        if run.has_begun and not run.has_ended:
            run.has_ended = True
            run.changed_at = self._clock()

    def _change(self, run: Run) -> None:
        run.changes += 1
        run.changed_at = self._clock()

    def _update_display(self, content: dict[str, Any]) -> None:
        for run, entry in self._displays.get(str((content.get("transient") or {}).get("display_id")), []):
            if entry.rich is not None:
                entry.rich.update(data=dict(content["data"]), metadata=dict(content.get("metadata") or {}))
                self._change(run)

    def _forget(self, request: str) -> None:
        run = self.runs.pop(request)
        self._latest.pop(run.cell, None)
        for name, shown in list(self._displays.items()):
            self._displays[name] = [(other, entry) for other, entry in shown if other is not run]
            if not self._displays[name]:
                del self._displays[name]
