"""The last run of each cell in one kernel, as many and as much of them as memory allows."""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_session.recorder.record import Run

#: Runs whose output the file has, and that are kept because later output may change it.
_MOST_WRITTEN = 200
#: Characters of all outputs that are kept in one kernel. If there are more, those that a file has are forgotten, and
#: of each of the others, from the oldest on, so many outputs, characters, and characters of a stream stay at each end.
_LARGEST, _LESS = 64_000_000, (50, 200_000, 50_000)
_STRIDE = 1_000_000  # characters of output between two looks at that


class KeptRuns(dict[str, Run]):
    """Runs by request, in the order of the requests."""

    def __init__(self) -> None:
        super().__init__()
        self._latest: dict[str, str] = {}  # by cell: the request
        self._displays: dict[str, list[Run]] = {}  # by the ID by which the kernel may change it
        self._grown = 0

    def find_before(self, cell: str) -> str | None:
        """Return the cell that ran before a cell which is to run now."""
        if cell in self._latest:
            return self[self._latest[cell]].after
        return next(reversed(self.values())).cell if self else None

    def add(self, request: str, run: Run) -> None:
        """Keep a run in place of its cell's last one."""
        if run.cell in self._latest:
            self._forget(self._latest[run.cell])
        self._latest[run.cell] = request
        self[request] = run
        self.bound()

    def note_grown(self, run: Run, size: int, display: str | None) -> None:
        """Note that a run shows so many characters more, in a display if that isn't None."""
        if display is not None:
            shown = self._displays.setdefault(display, [])
            if not any(other is run for other in shown):
                shown.append(run)
        self._grown += size
        if self._grown > _STRIDE:
            self.bound()

    def list_with_display(self, display: str) -> Sequence[Run]:
        """Return the runs that may show a display."""
        return self._displays.get(display, ())

    def end_displays(self) -> None:
        """Note that the kernel's process has ended: another doesn't change what this one displayed."""
        for run in self.values():
            for entry in run.outputs:
                entry.display = None
        self._displays.clear()

    def forget_all(self) -> None:
        """Forget all runs."""
        for request in list(self):
            self._forget(request)
        self._displays.clear()

    def bound(self) -> None:
        """Forget the oldest runs that a file has, and the middle of others, as memory requires."""
        self._grown = 0
        written = [name for name, run in self.items() if run.has_ended and not run.is_unwritten]
        size = sum(run.outputs.size for run in self.values())
        for number, name in enumerate(written):
            if len(written) - number > _MOST_WRITTEN or size > _LARGEST:
                size -= self[name].outputs.size
                self._forget(name)
        for run in self.values():
            if size <= _LARGEST:
                break
            size -= run.outputs.size
            run.outputs.shrink(*_LESS)
            size += run.outputs.size
        self._forget_displays()

    def _forget(self, request: str) -> None:
        self._latest.pop(self.pop(request).cell, None)

    def _forget_displays(self) -> None:
        """Forget the displays that no output has any longer."""
        shown: dict[str, list[Run]] = {}
        for run in self.values():
            for name in dict.fromkeys(entry.display for entry in run.outputs if entry.display is not None):
                shown.setdefault(name, []).append(run)
        self._displays = shown
