"""Why a job is not running, in plain words: from `condor_q -better-analyze`, its ad and the pool's slots."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: What the pool's machines have in all, and free now: a line of numbers for each.
SLOTS = (
    "condor_status",
    "-constraint",
    'SlotType =!= "Dynamic"',
    "-af",
    "TotalSlotMemory ?: 0",
    "TotalSlotCpus ?: 0",
    "TotalSlotGPUs ?: 0",
    "max({GPUs_GlobalMemoryMb ?: 0, 0})",
)
_STEP = re.compile(r"^\[\d+\]\s+(\d+)\s+(.+)$", re.MULTILINE)
_NUMBERS = re.compile(r"\s+".join([r"(\d+(?:\.\d+)?)"] * 4))
_COUNT = {
    "rejected": re.compile(r"(\d+) (?:slots|machines) are rejected by your job's requirements"),
    "unwilling": re.compile(r"(\d+) (?:slots|machines) reject your job"),
    "busy": re.compile(r"(\d+) (?:slots|machines) match and are already running"),
    "serving": re.compile(r"(\d+) (?:slots|machines) match but are serving"),
    "willing": re.compile(r"(\d+) (?:slots|machines) (?:match and are willing|are able to run)"),
}
#: The conditions that people's requests make, by what is in them.
_RESOURCES = {
    "countmatches": "gpu_memory",
    "gpus": "gpus",
    "memory": "memory",
    "cpus": "cpus",
    "disk": "disk",
}


@dataclass(frozen=True)
class Slots:
    """The most that any one machine has: memory and GPU memory in MB."""

    memory: float = 0
    cpus: float = 0
    gpus: float = 0
    gpu_memory: float = 0


@dataclass(frozen=True)
class Analysis:
    """What -better-analyze counts, and the conditions of the job that no slot meets."""

    unmet: Sequence[str]
    counts: Mapping[str, int]


def analysis(text: str) -> Analysis:
    """Read what `condor_q -better-analyze` prints."""
    steps = [(int(count), condition.strip()) for count, condition in _STEP.findall(text)]
    counts = {name: int(found[1]) for name, pattern in _COUNT.items() if (found := pattern.search(text))}
    return Analysis([condition for count, condition in steps if count == 0], counts)


def slots(text: str) -> Slots:
    """Read what `SLOTS` prints."""
    rows = [_NUMBERS.fullmatch(line.strip()) for line in text.splitlines()]
    numbers = [[float(word) for word in row.groups()] for row in rows if row]
    return Slots(*(max(column) for column in zip(*numbers, strict=True))) if numbers else Slots()


def explain(found: Analysis, ad: Mapping[str, Any], most: Slots) -> str:
    """Return one sentence: what is in the way, and the nearest request that would match."""
    kinds = [next((kind for part, kind in _RESOURCES.items() if part in unmet.lower()), "") for unmet in found.unmet]
    for unmet, kind in zip(found.unmet, kinds, strict=True):
        if kind:
            return _lacking(kind, ad, most)
        return f"no machine meets the condition {unmet}"
    counts = found.counts
    if counts.get("willing"):
        machines = counts["willing"]
        return f"{_slots(machines)} would fit; HTCondor hands them out in turns"
    if counts.get("busy") or counts.get("serving"):
        machines = counts.get("busy", 0) + counts.get("serving", 0)
        return f"{_slots(machines)} would fit but {'is' if machines == 1 else 'are'} busy"
    if counts.get("unwilling"):
        return f"{_slots(counts['unwilling'])} would fit, but take no job like this now"
    if counts.get("rejected"):
        return "no machine has all that it asks for at once: ask for less of something"
    return "HTCondor has not looked at it yet"


def _lacking(kind: str, ad: Mapping[str, Any], most: Slots) -> str:
    """Say that no machine has so much of something now: never, or only because it is in use."""
    names = {"memory": "RequestMemory", "cpus": "RequestCpus", "gpus": "RequestGPUs", "gpu_memory": "GPUsMinMemory"}
    have = getattr(most, kind, 0)
    try:
        want = float(ad.get(names.get(kind, ""), 0) or 0)
    except (TypeError, ValueError):
        want = 0
    in_memory = kind in ("memory", "gpu_memory")

    def amount(number: float) -> str:
        return f"{number / 1024:.0f}GB" if in_memory else f"{number:.0f}"

    what = {
        "memory": f"{amount(want)} of memory",
        "cpus": f"{amount(want)} CPUs",
        "gpus": f"{amount(want)} GPUs",
        "gpu_memory": f"a GPU with {amount(want)} of memory",
        "disk": "so much disk",
    }[kind]
    if not have or not want:
        return f"no machine has {what} free now"
    if want <= have:
        return f"the machines with {what} are busy"
    if in_memory:
        have = have // 1024 * 1024
    flag = kind.replace("_", "-")
    return f"no machine here has {what}: the most is {amount(have)}, so ask for --{flag} {amount(have)} or less"


def _slots(number: int) -> str:
    return "1 machine" if number == 1 else f"{number} machines"
