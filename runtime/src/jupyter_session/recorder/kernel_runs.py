"""What the browsers ask of one kernel, and what it publishes of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from jupyter_session.recorder.backlog import Backlog, Parts
from jupyter_session.recorder.kept_runs import KeptRuns
from jupyter_session.recorder.merging import Cells, find_outputs, has_ids
from jupyter_session.recorder.record import Run
from jupyter_session.recorder.same_outputs import has_same, has_same_ends
from jupyter_session.recorder.subscription import Cause, Message, read_name

_LOG = logging.getLogger(__name__)
#: Seconds for which a connection may have been dead before the server noticed it.
_UNNOTICED = 120.0
#: Seconds that a page may take between reading a notebook and connecting to its kernel.
_OPENING = 60.0


class KernelRuns:
    """The last run of each cell in one kernel, and the browsers that are connected to it."""

    def __init__(self, kernel: str, clock: Callable[[], float]) -> None:
        self._kernel = kernel
        self._clock = clock
        self.path = ""  # of the notebook, "" if unknown
        self.session = ""  # of the kernel's process, which names it in its messages
        self.backlog = Backlog()
        self.runs = KeptRuns()
        self._last_begun = ""  # the last request to run code, also a console's
        self._has_ended_before_browser = False
        self._connections: dict[str, int] = {}  # by browser's session
        self._since: dict[str, float] = {}  # by browser's session: when it read the notebook
        self._read_at = 0.0
        self._saved: Cells = ()  # the cells of the last save, without their outputs
        self._paths: frozenset[str] = frozenset()  # as Jupyter's sessions have them
        self._left: dict[str, float] = {}  # by browser's session that was connected: since when it isn't
        self._empty_since: float | None = None  # None: a browser may still be there, and will save by itself

    def note_request(self, header: dict[str, Any], cell: str, code: str, asker: str, base: str | None) -> None:
        """Note that a browser asked to run a cell; `base` is the hash of the notebook's file as browsers know it."""
        request = str(header["msg_id"])
        run = Run(
            self._kernel, cell, code, asker, self._clock(), after=self.runs.find_before(cell), base=base,
            asked_by=asker, pages={asker}, header=header,
        )  # fmt: skip
        self.runs.add(request, run)

    @property
    def is_shared(self) -> bool:
        """Whether several notebooks use the kernel. It isn't known which of them a request comes from."""
        return len(self._paths) > 1

    def note_paths(self, paths: frozenset[str]) -> None:
        """Note the notebooks that use the kernel as Jupyter's sessions have them.

        If no page has a notebook open when it is renamed, its session keeps the old path: `path` is the truer one.
        """
        if not paths or paths == self._paths:
            return
        was_shared, self._paths = self.is_shared, paths
        if len(paths) > 1:
            return
        (path,) = paths
        if was_shared and path != self.path:
            self.runs.forget_all()
        self.path = path

    def note_deleted(self) -> None:
        """Note that a person deleted the notebook in JupyterLab."""
        for run in self.runs.values():
            run.is_deleted = True

    def hear(self, cause: Cause, parts: Parts) -> bool:
        """Keep a message that the kernel published; return whether it changes a run."""
        self.session = cause.session
        self.backlog.add(cause.name, cause.request, parts if cause.is_kept else None)
        if cause.kind == "execute_input":
            self._last_begun = cause.request
        is_own = cause.kind == "status" and not cause.request
        return cause.request in self.runs or cause.kind == "update_display_data" or is_own or cause.is_stray

    def note(self, message: Message) -> Run | None:
        """Note a message that the kernel published; return the run that it belongs to."""
        content = message.content
        if message.kind == "update_display_data":
            self._update_display(content, message.size)
            return None
        if message.kind == "status" and content.get("execution_state") == "starting":
            self.end_all()
        is_stray = not message.request and message.kind != "status"
        run = self.runs.get(self._last_begun if is_stray else message.request)
        if run is None:
            return None
        if message.kind == "execute_input":
            self._begin(run, content.get("execution_count"))
        elif message.kind == "status":
            if content.get("execution_state") == "idle":
                self._end(run)
        elif message.kind in ("stream", "display_data", "execute_result", "error", "clear_output"):
            run.has_begun = True
            entry = run.outputs.note(message.kind, content, message.size)
            self._change(run)
            self.runs.note_grown(run, message.size, entry.display if entry is not None else None)
        return run

    def note_reply(self, run: Run, parts: Parts) -> None:
        """Note the kernel's answer to a request. It has what a page shows of `?name`."""
        run.reply = parts
        content = json.loads(parts[3])
        pages = [each for each in content.get("payload") or () if each.get("source") == "page"]
        if pages and content.get("status") == "ok":
            run.has_begun = True
            run.outputs.note("display_data", {"data": pages[0].get("data") or {}}, len(parts[3]))
            self._change(run)

    def note_input(self, question: str, value: str) -> None:
        """Note a person's answer to a question of the kernel's; a page shows it in place of the box."""
        for run in self.runs.values():
            if run.input is not None and read_name(run.input) == question:
                asked = json.loads(run.input[3])
                shown = "········" if asked.get("password") else value
                run.outputs.note("stream", {"name": "stdin", "text": f"{asked.get('prompt', '')} {shown}\n"}, 0)
                run.input = None
                self._change(run)

    def end_all(self) -> None:
        """Note that the kernel's process has ended: nothing more comes of any run."""
        for run in self.runs.values():
            self._end(run)
        self.runs.end_displays()
        self.backlog.clear()

    def is_connected(self, asker: str) -> bool:
        """Return whether a browser's session is connected."""
        return asker in self._connections

    def note_connected(self, asker: str) -> bool:
        """Note that a browser's session is connected; return whether it was before, and may lack output."""
        is_back = asker in self._connections or asker in self._left
        left = self._left.pop(asker, self._clock())
        self._connections[asker] = self._connections.get(asker, 0) + 1
        self._empty_since = None
        if not is_back:
            now = self._clock()
            self._since[asker] = self._read_at if now - self._read_at < _OPENING else now
        else:
            for run in self.runs.values():
                if asker in run.pages and (not run.has_ended or run.changed_at > left - _UNNOTICED):
                    run.lacking.add(asker)
        return is_back

    def note_caught_up(self, asker: str) -> None:
        """Note that a browser's session has been told what it lacked."""
        for run in self.runs.values():
            run.lacking.discard(asker)

    def note_read(self) -> None:
        """Note that a browser reads the notebook: it will be connected in a moment."""
        self._read_at = self._clock()
        if self._empty_since is not None:
            self._empty_since = self._read_at

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

    def is_shown(self, run: Run) -> bool:
        """Return whether all pages that are connected show a run as it goes, and there is one."""
        return bool(self._connections) and run.pages - run.lacking >= self._connections.keys()

    def note_saved(self, cells: Cells, concerned: Collection[Run]) -> None:
        """Note that a browser saved the notebook with these cells, and that this concerns some runs."""
        now = self._clock()
        self._saved = [{"id": cell.get("id")} for cell in cells]
        for run in concerned:
            run.is_saved = True
            if self._has_ended_before_browser or self._connections.keys() == {run.asker}:
                run.asker_saved_at = now
                run.is_deleted = self._is_deleted(run)
            outputs = find_outputs(cells, run.cell, run.code)
            if outputs is not None and _has_all(run, outputs):
                run.written = run.changes
            elif not self._connections or not all(self._knows(page, run) for page in self._connections):
                run.written = 0  # it may be a page that lacks output
            elif run.has_ended and run.asker not in self._connections:
                run.written = run.changes  # a person changed it

    def note_saved_since(self, requests: Collection[str]) -> None:
        """Note that the page which asked for runs saved the notebook after that.

        While a kernel starts or is away, a page's requests wait, and the server hears of the save before it.
        """
        for request in requests:
            run = self.runs.get(request)
            if run is not None and not run.is_saved:
                run.is_saved = True
                run.is_deleted = self._is_deleted(run)

    def list_unwritten(self, patience: float | None) -> list[Run]:
        """Return the runs with something new, if all browsers have been away for `patience` seconds (None: anyway)."""
        is_empty = self._empty_since is not None and self._clock() - self._empty_since >= (patience or 0)
        return [run for run in self.runs.values() if run.is_unwritten] if patience is None or is_empty else []

    def _knows(self, page: str, run: Run) -> bool:
        """Return whether a browser's session has all output of a run."""
        return page not in run.lacking and (page in run.pages or self._since.get(page, 0.0) >= run.changed_at)

    def _is_deleted(self, run: Run) -> bool:
        """Return whether the last save was without the cell of a run; no is the answer where no save was seen."""
        return bool(self._saved) and has_ids(self._saved) and all(cell["id"] != run.cell for cell in self._saved)

    def _begin(self, run: Run, count: Any) -> None:
        for other in self.runs.values():  # the end of an earlier run may have been dropped in a flood of output
            if other is run:
                break
            self._end(other)
        run.has_begun = True
        run.outputs.count = count if isinstance(count, int) else None
        self._change(run)

    def _end(self, run: Run) -> None:
        if not run.has_ended:
            run.has_ended = True
            run.input = None
            run.changed_at = self._clock()

    def _change(self, run: Run) -> None:
        run.changes += 1
        run.changed_at = self._clock()

    def _update_display(self, content: dict[str, Any], size: int) -> None:
        display = str((content.get("transient") or {}).get("display_id"))
        for run in self.runs.list_with_display(display):
            if run.outputs.update(display, content, size):
                self._change(run)


def _has_all(run: Run, outputs: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether the outputs that a browser saved are all that a run has shown."""
    kept = run.outputs.render()
    return has_same(outputs, kept) or (not run.outputs.is_whole and has_same_ends(outputs, kept))
