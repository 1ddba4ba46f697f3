"""The figures of a session, as psutil and NVML give them: memory, processors, GPUs, and disk."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_session.activity.gpu import list_assigned, matches_name
from jupyter_session.units.sizes import format_size

_LOG = logging.getLogger(__name__)
_CONTAINED = ("appinit", "sinit")  # the first process of a container by Apptainer, and by Singularity
_SHORTEST = 1.0  # seconds over which the use of processors is a mean
_MEGABYTE, _KILOBYTE = 1 << 20, 1 << 10


@dataclass(frozen=True)
class Figure:
    """A name, what it is as people read it, and, where it is a part of something, which part: 0 to 1."""

    name: str
    text: str
    share: float | None = None


class Figures:
    """Measures the session that this process belongs to, each time since the time before.

    `environ` names the job's GPUs, `folder` is the notebook folder, and `session` the session's ID.
    """

    def __init__(self, environ: Mapping[str, str], folder: Path, session: str) -> None:
        self._environ = environ
        self._session = session
        self._folder = folder
        self._spent: dict[tuple[int, float], float] = {}
        self._looked = float("-inf")
        self._processors: float | None = None

    def look(self, slot: Mapping[str, Any]) -> list[Figure]:
        """Return what there is; what can't be measured is missing. `slot` is what the supervisor says of the slot."""
        found: list[Figure] = []
        for measure in (self._measure_memory, self._measure_processors, self._measure_gpus, self._measure_disk):
            try:
                found += measure(slot)
            except Exception as error:  # noqa: BLE001, PERF203 - a figure is not worth more
                _LOG.debug("a figure is missing: %r", error)
        return found

    def _measure_memory(self, slot: Mapping[str, Any]) -> Sequence[Figure]:
        memory = slot.get("memory")
        if memory:
            text = f"{format_size(memory['used'])} of the slot's {format_size(memory['limit'])}"
            return [Figure("Memory", text, memory["used"] / memory["limit"])]
        import psutil  # noqa: PLC0415 - only who looks needs it

        whole = psutil.virtual_memory()
        text = f"{format_size(whole.total - whole.available)} of the machine's {format_size(whole.total)}"
        return [Figure("Memory", text, whole.percent / 100)]

    def _measure_processors(self, slot: Mapping[str, Any]) -> Sequence[Figure]:
        cores = slot.get("cpus") or len(os.sched_getaffinity(0))
        now = time.monotonic()
        if now - self._looked >= _SHORTEST:
            spent = self._read_times()
            if self._looked > float("-inf"):
                new = sum(seconds - self._spent.get(process, 0.0) for process, seconds in spent.items())
                self._processors = max(0.0, new / (now - self._looked))
            self._spent, self._looked = spent, now
        if self._processors is None:
            return [Figure("CPU", f"not measured yet, of {_count(cores, 'core')}")]
        return [Figure("CPU", f"{self._processors:.1f} of {_count(cores, 'core')}", self._processors / cores)]

    def _read_times(self) -> dict[tuple[int, float], float]:
        """Return the seconds that each process of the session has computed, by its ID and start."""
        import psutil  # noqa: PLC0415

        contained = psutil.Process(1).name() in _CONTAINED
        uid = os.getuid()
        found = {}
        for process in psutil.process_iter():
            try:
                with process.oneshot():
                    if not contained and (
                        process.uids().real != uid or process.environ().get("JUPYTER_SESSION_ID") != self._session
                    ):
                        continue
                    times = process.cpu_times()
                    found[process.pid, process.create_time()] = times.user + times.system
            except psutil.Error as error:
                _LOG.debug("a process isn't counted: %s", error)
        return found

    def _measure_gpus(self, _slot: Mapping[str, Any]) -> Sequence[Figure]:
        names = list_assigned(self._environ)
        if not names:
            return []
        import pynvml  # noqa: PLC0415 - only jobs with a GPU need it

        pynvml.nvmlInit()
        try:
            return [
                figure for index in range(pynvml.nvmlDeviceGetCount()) for figure in _measure_gpu(pynvml, index, names)
            ]
        finally:
            pynvml.nvmlShutdown()

    def _measure_disk(self, slot: Mapping[str, Any]) -> Sequence[Figure]:
        import psutil  # noqa: PLC0415

        disk = psutil.disk_usage(str(self._folder))
        asked = f"; the job has {format_size(slot['disk'])}" if slot.get("disk") else ""
        return [
            Figure("Disk", f"{format_size(disk.free)} free of {format_size(disk.total)}{asked}", disk.percent / 100)
        ]


def _measure_gpu(nvml: Any, index: int, names: Sequence[str]) -> Sequence[Figure]:
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        if not any(matches_name(name, index, nvml.nvmlDeviceGetUUID(handle)) for name in names):
            return []
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        use = nvml.nvmlDeviceGetUtilizationRates(handle).gpu
    except nvml.NVMLError as error:
        _LOG.debug("GPU %d has no figures: %s", index, error)
        return []
    return [
        Figure(f"GPU {index}", f"{use} %", use / 100),
        Figure(
            f"GPU {index} memory",
            f"{format_size(memory.used)} of {format_size(memory.total)}",
            memory.used / memory.total,
        ),
    ]


def _count(number: float, word: str) -> str:
    return f"{number:g} {word}" if number == 1 else f"{number:g} {word}s"
