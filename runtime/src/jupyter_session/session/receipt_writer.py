"""Collects the receipt of a session when it ends, and writes it into the notebook folder."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jupyter_session.activity.gpu import Gpu, list_assigned
from jupyter_session.activity.process_groups import Group, Processes
from jupyter_session.condor.attributes import Ending, State, fit_line
from jupyter_session.memory.meter import Meter
from jupyter_session.saveback import Report
from jupyter_session.session.receipt import Receipt, describe_running, find_changed_files
from jupyter_session.session.status import SessionStatus

_LOG = logging.getLogger(__name__)
_QUICK = 1.0  # seconds to look for changed files


class ReceiptWriter:
    """Writes the receipt of one session, which began when this was made.

    `look` looks at `processes` and returns their groups, and `sessions` Jupyter's list of sessions; both may raise.
    """

    def __init__(
        self,
        notebooks: Path,
        job_id: str | None,
        *,
        meter: Meter | None,
        processes: Processes,
        look: Callable[[], Sequence[Group]],
        sessions: Callable[[], Any],
        say: Callable[[str], None],
    ) -> None:
        self._notebooks = notebooks
        self._job_id = job_id
        self._meter = meter
        self._processes = processes
        self._look = look
        self._sessions = sessions
        self._say = say
        self._started, self._began = time.time(), time.monotonic()

    def collect(
        self,
        final: State,
        ending: Ending,
        status: SessionStatus,
        gpu: Gpu | None,
    ) -> Receipt:
        """Return what runs now, before it is stopped, and what the session has used."""
        groups, sessions = self._ask(self._look), self._ask(self._sessions)
        return Receipt(
            state=final.value,
            end=ending.how.value,
            reason=fit_line(ending.reason),
            job=self._job_id,
            started=self._started,
            seconds=0.0,
            idle_seconds=status.idle_seconds,
            running=describe_running(sessions, groups),
            memory_peak=self._meter.peak if self._meter else None,
            memory_limit=self._meter.limit if self._meter else None,
            cpu_seconds=self._processes.cpu_seconds,
            gpus=len(list_assigned(os.environ)),
            gpu_busy_seconds=gpu.busy_seconds if gpu else None,
            warnings=status.warnings,
        )

    def write(self, receipt: Receipt, saved: Report, set_aside: Mapping[str, str]) -> Receipt:
        """Write the receipt with the time, and what was changed, saved, and set aside by now, and return it."""
        receipt = replace(
            receipt,
            seconds=time.monotonic() - self._began,
            changed=find_changed_files(self._notebooks, self._started, _QUICK),
            saved=saved.as_dict(),
            set_aside=set_aside,
        )
        try:
            receipt.write(self._notebooks)
        except OSError as error:
            self._say(f"The receipt of this session could not be written: {error.strerror}.")
        return receipt

    @staticmethod
    def _ask(question: Callable[[], Any]) -> Any:
        try:
            return question()
        except Exception:  # noqa: BLE001 - a poorer receipt is better than a session that doesn't end in order
            _LOG.debug("the receipt lacks something", exc_info=True)
            return ()
