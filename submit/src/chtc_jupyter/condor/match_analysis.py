"""Why a job is not running, in plain words: from `condor_q -better-analyze`, its ad and the pool's slots."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

#: What each slot has in all, what of it is free, and whether it takes any job: a line of words for each.
SLOTS = (
    "condor_status",
    "-constraint",
    'SlotType =!= "Dynamic"',
    "-af",
    "Machine",
    'Start =!= false && State =!= "Owner"',
    *(f"TotalSlot{name} ?: 0" for name in ("Memory", "Cpus", "GPUs", "Disk")),
    *(f'(PartitionableSlot ?: false || State == "Unclaimed") ? ({name} ?: 0) : 0'
      for name in ("Memory", "Cpus", "GPUs", "Disk")),
    "GPUs_GlobalMemoryMb ?: max(evalInEachContext(GlobalMemoryMb, AvailableGPUs)) ?: 0",
)  # fmt: skip
_COLUMNS = len(SLOTS) - SLOTS.index("-af") - 1
_STEP = re.compile(r"^\[\d+\]\s+(\d+)\s+(.+)$", re.MULTILINE)
_COUNT = {
    "unwilling": re.compile(r"(\d+) (?:slots|machines) reject your job"),
    "willing": re.compile(r"(\d+) (?:slots|machines) (?:match and are willing|are able to run)"),
}
#: Conditions that people's requests make, and that are told by numbers.
_RESOURCES = re.compile(r"RequestMemory|RequestCpus|RequestGPUs|RequestDisk|versionGE", re.IGNORECASE)
_CONTAINERS = re.compile(r"HasSIF|HasContainer|HasSingularity", re.IGNORECASE)
#: A request for so much less is not near any more.
_NEAR = 0.25


@dataclass(frozen=True)
class Amounts:
    """Resources of a request or a slot. `memory` and `disk` are in MB; so is `gpu_memory`, of each GPU."""

    memory: float = 0
    cpus: float = 0
    gpus: float = 0
    disk: float = 0
    gpu_memory: float = 0

    def short_of(self, need: Amounts) -> list[str]:
        """Return the kinds of which there is less than needed."""
        return [kind for kind in KINDS if getattr(self, kind) < getattr(need, kind)]


KINDS = tuple(field.name for field in fields(Amounts))


@dataclass(frozen=True)
class Slot:
    """A slot that is no part of another: what it has in all, and free now; whether it takes any job at all."""

    machine: str
    takes: bool
    whole: Amounts
    free: Amounts


@dataclass(frozen=True)
class Analysis:
    """What -better-analyze counts, and the conditions of the job that no slot meets."""

    unmet: Sequence[str]
    counts: Mapping[str, int]


def parse_analysis(text: str) -> Analysis:
    """Read what `condor_q -better-analyze` prints."""
    steps = [(int(count), condition.strip()) for count, condition in _STEP.findall(text)]
    counts = {name: int(found[1]) for name, pattern in _COUNT.items() if (found := pattern.search(text))}
    return Analysis([condition for count, condition in steps if count == 0], counts)


def parse_slots(text: str) -> list[Slot]:
    """Read what `SLOTS` prints."""
    found = []
    for line in text.splitlines():
        machine, takes, *words = line.split() if len(line.split()) == _COLUMNS else ("", "")
        if words:
            memory, cpus, gpus, disk, *free, gpu_memory = map(_number, words)
            whole = Amounts(memory, cpus, gpus, disk / 1024, gpu_memory)
            now = Amounts(free[0], free[1], free[2], free[3] / 1024, gpu_memory if free[2] else 0)
            found.append(Slot(machine, takes != "false", whole, now))
    return found


def read_request(ad: Mapping[str, Any]) -> Amounts:
    """Return what a job asks for; nothing of what its ad has as an expression."""
    names = ("RequestMemory", "RequestCpus", "RequestGPUs", "RequestDisk", "GPUsMinMemory")
    memory, cpus, gpus, disk, gpu_memory = (_number(ad.get(name)) for name in names)
    return Amounts(memory, cpus, gpus, disk / 1024, gpu_memory)


def explain(found: Analysis, wanted: Amounts, pool: Sequence[Slot], last: str = "") -> str:
    """Return one sentence: what is in the way, and the nearest request that would match.

    `last` is what HTCondor noted when it last found no match.
    """
    conditions = [_condition(unmet) for unmet in found.unmet if not _RESOURCES.search(unmet)]
    fitting = [slot for slot in pool if not slot.whole.short_of(wanted)]
    if pool and not fitting:
        return "; ".join([_lacking(wanted, pool), *conditions[:1]])
    if conditions:
        return conditions[0]
    if found.counts.get("willing"):
        limit = f" (it says: {last})" if "limit" in last.lower() or "priority" in last.lower() else ""
        return f"{_machines(found.counts['willing'])} would fit; HTCondor hands them out in turns{limit}"
    takers = [slot for slot in fitting if slot.takes]
    busy = {slot.machine for slot in takers if slot.free.short_of(wanted)}
    if busy:
        nearest = _nearest(wanted, [slot.free for slot in pool if slot.takes], least=_NEAR)
        sooner = f"; with {_option(*nearest)} it could start now" if nearest else ""
        return f"{_machines(len(busy))} would fit but {'is' if len(busy) == 1 else 'are'} busy{sooner}"
    if fitting and (found.counts.get("unwilling") or not takers):
        machines = len({slot.machine for slot in fitting})
        return f"{_machines(machines)} would fit, but {'takes' if machines == 1 else 'take'} no job like this now"
    return "HTCondor has not looked at it yet"


def _lacking(wanted: Amounts, pool: Sequence[Slot]) -> str:
    """Say that no slot is large enough, what is, and what to ask for."""
    every = [slot.whole for slot in pool]
    most = {kind: max(getattr(whole, kind) for whole in every) for kind in KINDS}
    over = [kind for kind in KINDS if most[kind] < getattr(wanted, kind)]
    if len(over) > 1:
        each = " nor ".join(f"{_what(kind, wanted)} (the most is {_amount(kind, most[kind])})" for kind in over)
        return f"no machine here has {each}: ask for less"
    nearest = _nearest(wanted, every)
    advice = f", so ask for {_option(*nearest)} or less" if nearest else ", so ask for less"
    if over:
        return f"no machine here has {_what(over[0], wanted)}: the most is {_amount(over[0], most[over[0]])}{advice}"
    told = [kind for kind in KINDS if getattr(wanted, kind) and not (kind == "gpus" and wanted.gpu_memory)]
    asked = " and ".join(_what(kind, wanted) for kind in told)
    return f"no machine here has {asked} at once{advice}"


def _nearest(wanted: Amounts, have: Sequence[Amounts], least: float = 0.0) -> tuple[str, float] | None:
    """Return the one kind, and how much of it, that would have to be asked for instead: the smallest step down.

    None where no single kind is enough, or not more than the share `least` of what was wanted.
    """
    steps: list[tuple[float, str, float]] = []
    for one in have:
        short = one.short_of(wanted)
        if len(short) == 1 and getattr(one, short[0]) > 0:
            amount = getattr(one, short[0])
            steps.append((amount / getattr(wanted, short[0]), short[0], amount))
    share, kind, amount = max(steps, default=(0.0, "", 0.0))
    return (kind, amount) if kind and share >= least and _amount(kind, amount) != "0" else None


def _what(kind: str, wanted: Amounts) -> str:
    amount = _amount(kind, getattr(wanted, kind), wanted=True)
    several = wanted.gpus > 1
    return {
        "memory": f"{amount} of memory",
        "cpus": f"{amount} CPU{'s' * (wanted.cpus != 1)}",
        "gpus": f"{amount} GPU{'s' * (wanted.gpus != 1)}",
        "disk": f"{amount} of disk",
        "gpu_memory": f"{f'{wanted.gpus:.0f} GPUs' if several else 'a GPU'} with {amount} of memory",
    }[kind]


def _amount(kind: str, number: float, *, wanted: bool = False) -> str:
    """Write a number of something: rounded down, so that it can be asked for, unless it was `wanted`."""
    if kind in ("cpus", "gpus"):
        return f"{number:.0f}"
    if number < 1024:
        return f"{number:.0f}MB" if number >= 1 else "0"
    return f"{number / 1024:.1f}GB".replace(".0GB", "GB") if wanted else f"{number // 1024:.0f}GB"


def _option(kind: str, amount: float) -> str:
    return f"--{kind.replace('_', '-')} {_amount(kind, amount)}"


def _condition(unmet: str) -> str:
    if _CONTAINERS.search(unmet):
        return f"no machine here runs container images ({unmet})"
    return f"no machine meets the condition {unmet}"


def _machines(number: int) -> str:
    return "1 machine" if number == 1 else f"{number} machines"


def _number(word: object) -> float:
    try:
        return float(str(word))
    except ValueError:
        return 0.0
