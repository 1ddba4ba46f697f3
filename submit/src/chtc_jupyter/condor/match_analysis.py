"""Explain why a job is not running, from `condor_q -better-analyze`, the job's ad, and the pool's slots."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

#: Prints a line for each slot: its machine, whether it accepts any job, its resources, and what of them is free.
SLOTS = (
    "condor_status",
    "-constraint",
    'SlotType =!= "Dynamic"',
    "-af",
    "Machine",
    'Start =!= false && State =!= "Owner"',
    'Arch ?: "?"',
    *(f"TotalSlot{name} ?: 0" for name in ("Memory", "Cpus", "GPUs", "Disk")),
    *(f'(PartitionableSlot ?: false || State == "Unclaimed") ? ({name} ?: 0) : 0'
      for name in ("Memory", "Cpus", "GPUs", "Disk")),
    "GPUs_GlobalMemoryMb ?: max(evalInEachContext(GlobalMemoryMb, AvailableGPUs)) ?: 0",
)  # fmt: skip
#: Print which HTCondor the central manager has, and which the machines have.
MANAGER_VERSION = ("condor_status", "-negotiator", "-af", "CondorVersion")
MACHINE_VERSIONS = ("condor_status", "-constraint", 'SlotType =!= "Dynamic"', "-af", "CondorVersion")
_VERSION = re.compile(r"\$CondorVersion: (\d+)\.(\d+)\.(\d+) ")
_COLUMNS = len(SLOTS) - SLOTS.index("-af") - 1
_STEP = re.compile(r"^\[\d+\]\s+(\d+)\s+(.+)$", re.MULTILINE)
_COUNT = {
    "unwilling": re.compile(r"(\d+) (?:(?:slots|machines) )?reject your job"),
    "willing": re.compile(r"(\d+) (?:(?:slots|machines) )?(?:match and are willing|are (?:able|available) to run)"),
}
#: Conditions that come from the resource requests, which are explained by numbers instead.
_RESOURCES = re.compile(r"RequestMemory|RequestCpus|RequestGPUs|RequestDisk|versionGE", re.IGNORECASE)
_CONTAINERS = re.compile(r"HasSIF|HasContainer|HasSingularity", re.IGNORECASE)
#: A smaller request is worth suggesting if it keeps at least this share of what was asked for.
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
        """Return the kinds of resources of which there is less than needed."""
        return [kind for kind in KINDS if getattr(self, kind) < getattr(need, kind)]


KINDS = tuple(field.name for field in fields(Amounts))


@dataclass(frozen=True)
class Slot:
    """A static or partitionable slot: all its resources, those free now, and whether it accepts any job at all.

    `arch` is HTCondor's name of its architecture, "" if that isn't known.
    """

    machine: str
    accepts: bool
    whole: Amounts
    free: Amounts
    arch: str = ""


@dataclass(frozen=True)
class Analysis:
    """What -better-analyze counts, and the job's conditions that no slot meets."""

    unmet: Sequence[str]
    counts: Mapping[str, int]


def parse_analysis(text: str) -> Analysis:
    """Return the analysis that `condor_q -better-analyze` printed."""
    steps = [(int(count), condition.strip()) for count, condition in _STEP.findall(text)]
    counts = {name: int(found[1]) for name, pattern in _COUNT.items() if (found := pattern.search(text))}
    return Analysis([condition for count, condition in steps if count == 0], counts)


def parse_slots(text: str) -> list[Slot]:
    """Return the slots that `SLOTS` printed."""
    found = []
    for line in text.splitlines():
        machine, accepts, arch, *numbers = line.split() if len(line.split()) == _COLUMNS else ("", "", "")
        if numbers:
            memory, cpus, gpus, disk, *free, gpu_memory = map(_number, numbers)
            whole = Amounts(memory, cpus, gpus, disk / 1024, gpu_memory)
            now = Amounts(free[0], free[1], free[2], free[3] / 1024, gpu_memory if free[2] else 0)
            found.append(Slot(machine, accepts != "false", whole, now, arch if arch.isalnum() or "_" in arch else ""))
    return found


def read_request(ad: Mapping[str, Any]) -> Amounts:
    """Return what a job requests; 0 for what its ad has as an expression."""
    names = ("RequestMemory", "RequestCpus", "RequestGPUs", "RequestDisk", "GPUsMinMemory")
    memory, cpus, gpus, disk, gpu_memory = (_number(ad.get(name)) for name in names)
    return Amounts(memory, cpus, gpus, disk / 1024, gpu_memory)


def list_fitting_machines(wanted: Amounts, pool: Sequence[Slot], archs: Sequence[str] = ()) -> list[str]:
    """Return the machines that are large enough for a request, whether or not they accept jobs."""
    pool = _select(pool, archs)
    return list(dict.fromkeys(slot.machine for slot in pool if not slot.whole.short_of(wanted)))


def explain(
    found: Analysis,
    wanted: Amounts,
    pool: Sequence[Slot] | None,
    last: str = "",
    opt_ins: Sequence[str] = (),
    *,
    archs: Sequence[str] = (),
) -> str:
    """Return one sentence: what prevents a match, and the nearest request that would match.

    The `pool` is None if the machines aren't known. `last` is LastRejMatchReason, which HTCondor sets when it finds no
    match. `opt_ins` are settings that machines of the right size demand of a job, and that this one lacks. `archs` are
    the architectures that the job takes, if it says so.
    """
    if pool is not None and not pool:
        return "the pool shows no machine at all: its operators know why, and `condor_status` shows when there are some"
    if pool and not _select(pool, archs):
        return _describe_architectures(pool, archs)
    pool = _select(pool or (), archs)
    conditions = [_condition(unmet) for unmet in found.unmet if not _RESOURCES.search(unmet)]
    fitting = [slot for slot in pool if not slot.whole.short_of(wanted)]
    if pool and not fitting:
        return "; ".join([_lacking(wanted, pool), *conditions[:1]])
    if conditions:
        return conditions[0]
    if found.counts.get("willing"):
        limit = f" (HTCondor reports: {last})" if "limit" in last.lower() or "priority" in last.lower() else ""
        return f"{_machines(found.counts['willing'])} can run it: waiting for its turn{limit}"
    accepting = [slot for slot in fitting if slot.accepts]
    busy = {slot.machine for slot in accepting if slot.free.short_of(wanted)}
    if busy:
        nearest = _nearest(wanted, [slot.free for slot in pool if slot.accepts], least=_NEAR)
        sooner = f"; with {_option(*nearest)}, it could start now" if nearest else ""
        others = f"; others take only jobs with {describe_settings(opt_ins)}" if opt_ins else ""
        return f"{_machines(len(busy))} could run it but {'is' if len(busy) == 1 else 'are'} busy{sooner}{others}"
    if opt_ins and fitting:
        machines = len({slot.machine for slot in fitting})
        return (
            f"{_machines(machines)} could run it but {'takes' if machines == 1 else 'take'} only jobs with "
            f"{describe_settings(opt_ins)}"
        )
    if fitting and (found.counts.get("unwilling") or not accepting):
        machines = len({slot.machine for slot in fitting})
        return f"{_machines(machines)} could run it but {'does' if machines == 1 else 'do'} not accept such jobs now"
    return f"HTCondor reports: {last.rstrip('.')}" if last else "HTCondor has not considered it yet"


def describe_no_analysis(error: str, last: str) -> str:
    """Return what is known where `condor_q -better-analyze` fails; "" if that is nothing."""
    reasons = [f"HTCondor reports: {last.rstrip('.')}" if last else ""]
    reasons.append(f"`condor_q -better-analyze` on the access point fails ({error.rstrip('.')})" if error else "")
    return "; ".join(filter(None, reasons))


def describe_older_manager(manager: str, machines: str) -> str:
    """Return that the central manager is older than all machines, from what tells their versions; "" if it isn't.

    HTCondor 23.9 can't evaluate the Requirements of a slot of 25.14, and so finds no match for any job.
    """
    old, new = ([tuple(map(int, found)) for found in _VERSION.findall(text)] for text in (manager, machines))
    if not old or not new or max(old)[:2] >= min(new)[:2]:
        return ""
    ours, theirs = (".".join(map(str, version)) for version in (max(old), min(new)))
    return (
        f"the pool's central manager has HTCondor {ours}, which is older than that of the machines ({theirs}), and may "
        "not understand their conditions: ask its operators"
    )


def _select(pool: Sequence[Slot], archs: Sequence[str]) -> list[Slot]:
    """Return the slots of these architectures; all of them, if there are none."""
    wanted = {arch.lower() for arch in archs}
    return [slot for slot in pool if not wanted or not slot.arch or slot.arch.lower() in wanted]


def _describe_architectures(pool: Sequence[Slot], archs: Sequence[str]) -> str:
    """Return that no machine has the architecture that a job asks for."""
    machines: dict[str, set[str]] = {}
    for slot in pool:
        machines.setdefault(slot.arch, set()).add(slot.machine)
    most = sorted(machines, key=lambda arch: -len(machines[arch]))
    return (
        f"no machine in this pool is of the kind {' or '.join(archs)}, for which the image is: they are "
        f"{', '.join(most)}. Use an image for these, or another pool"
    )


def _lacking(wanted: Amounts, pool: Sequence[Slot]) -> str:
    """Explain that no slot is large enough: what is missing, the most there is, and what to ask for."""
    every = [slot.whole for slot in pool]
    most = {kind: max(getattr(whole, kind) for whole in every) for kind in KINDS}
    over = [kind for kind in KINDS if most[kind] < getattr(wanted, kind)]
    if len(over) > 1:
        each = " or ".join(f"{_what(kind, wanted)} (the most is {_amount(kind, most[kind])})" for kind in over)
        return f"no machine in this pool has {each}: ask for less"
    nearest = _nearest(wanted, every)
    advice = f", so ask for {_option(*nearest)} or less" if nearest else ", so ask for less"
    if over:
        there_is = f"the most is {_amount(over[0], most[over[0]])}"
        return f"no machine in this pool has {_what(over[0], wanted)}: {there_is}{advice}"
    kinds = [kind for kind in KINDS if getattr(wanted, kind) and not (kind == "gpus" and wanted.gpu_memory)]
    requested = " and ".join(_what(kind, wanted) for kind in kinds)
    return f"no machine in this pool has {requested} at once{advice}"


def _nearest(wanted: Amounts, have: Sequence[Amounts], least: float = 0.0) -> tuple[str, float] | None:
    """Return the one kind of resource to ask less of, and how much to ask for: the smallest step down.

    None if a change of one kind is not enough, or leaves less than the share `least` of what was wanted.
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
    """Return an amount as text: rounded down, so that it can be asked for, unless it was `wanted`."""
    if kind in ("cpus", "gpus"):
        return f"{number:.0f}"
    if number < 1024:
        return f"{number:.0f}MB" if number >= 1 else "0"
    return f"{number / 1024:.1f}GB".replace(".0GB", "GB") if wanted else f"{number // 1024:.0f}GB"


def _option(kind: str, amount: float) -> str:
    return f"--{kind.replace('_', '-')} {_amount(kind, amount)}"


def _condition(unmet: str) -> str:
    if _CONTAINERS.search(unmet):
        return f"no machine in this pool runs container images ({unmet})"
    return f"no machine in this pool meets the condition {unmet}"


def describe_settings(opt_ins: Sequence[str]) -> str:
    """Return how to ask for what a machine demands, once and for all starts."""
    shown = [setting.replace("'", "") for setting in opt_ins[:3]]
    options = " ".join(f"--set '{setting}'" for setting in shown)
    return f"{options} (`chtc-jupyter config set '{'; '.join(shown)}'` keeps it for every start)"


def _machines(number: int) -> str:
    return "1 machine" if number == 1 else f"{number} machines"


def _number(word: object) -> float:
    try:
        return float(str(word))
    except ValueError:
        return 0.0
