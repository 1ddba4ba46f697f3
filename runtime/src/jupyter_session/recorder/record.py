"""One run of a cell that a browser asked for, and the decision what of it a notebook's file still lacks."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from jupyter_session.recorder.backlog import Parts
from jupyter_session.recorder.cell_outputs import CellOutputs

#: Seconds for which all browsers must be away before a file is written. One whose connection is cut may come back,
#: and then saves by itself; the server needs up to 90 s to see that a connection is dead.
GRACE = 90.0
#: Seconds that a save may have been on its way.
SAVE_DELAY = 5.0


@dataclass(eq=False)
class Run:
    """One run. Times are in epoch seconds, None for never.

    `asker` is the browser's session that shows it, at first the one that `asked_by`. `base` is the hash of the
    notebook's file as the browsers know it, None if unknown, and `place` another file that has the run, because another
    program changed the notebook's.
    """

    kernel: str
    cell: str
    code: str
    asker: str
    asked_at: float
    asked_by: str = ""
    after: str | None = None  # the cell that ran before it
    base: str | None = None
    place: str | None = None
    outputs: CellOutputs = field(default_factory=CellOutputs)
    has_begun: bool = False
    has_ended: bool = False
    changed_at: float = 0.0
    changes: int = 1  # it was asked for
    written: int = 0  # of the changes, those that a file has
    is_saved: bool = False  # by any browser, since it was asked for
    asker_saved_at: float | None = None
    is_deleted: bool = False  # the asker saved the notebook without the cell
    header: dict[str, Any] = field(default_factory=dict)  # of the request
    reply: Parts | None = None  # the kernel's answer to the request
    input: Parts | None = None  # the kernel's question, while it waits for a person's answer
    pages: set[str] = field(default_factory=set)  # the browsers' sessions that show it as it runs
    lacking: set[str] = field(default_factory=set)  # those of them that were away meanwhile, and may lack output

    @property
    def is_unwritten(self) -> bool:
        """Whether there is something that no file is known to have."""
        return self.changes > self.written


class Need(Enum):
    """What a file needs of a run."""

    NOTHING = "the browser saved it, or its cell was deleted"
    TEXT = "the text that is to run, as it has not begun"
    OUTPUTS = "its outputs, while the cell's text in the file is newer"
    CELL = "its outputs and the text that ran"


def decide_need(run: Run) -> Need:
    """Return what the file needs of a run.

    What its asker saved after the end is a person's last word, who may have cleared it. Another browser has not seen
    all of the output, nor has one that was away meanwhile.
    """
    if not run.is_unwritten or run.is_deleted:
        return Need.NOTHING
    if not run.has_begun:
        return Need.NOTHING if run.is_saved else Need.TEXT
    if not run.is_saved:
        return Need.CELL
    if (
        run.has_ended
        and run.asker not in run.lacking
        and run.asker_saved_at is not None
        and run.asker_saved_at > run.changed_at + SAVE_DELAY
    ):
        return Need.NOTHING
    return Need.OUTPUTS
