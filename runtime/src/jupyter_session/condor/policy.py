"""When a policy will end the job: evaluates the machine's and the job's own expressions at times to come.

A startd writes its whole policy into the machine ad beside the job: PREEMPT, and what it refers to. The job ad has the
job's own: PeriodicHold, PeriodicRemove, PeriodicVacate. Both may depend on the time, and each on the other ad.
https://htcondor.readthedocs.io/en/latest/admin-manual/ep-policy-configuration.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

#: Attributes of the machine ad that are times, or seconds, and that may be expressions (which may refer to the job).
TIMES = (
    *("JobRuntimeGuarantee", "MaxJobRetirementTime", "GLIDEIN_ToRetire", "GLIDEIN_ToDie", "TimeToLive"),
    "MachineMaxVacateTime",
)
#: The job's own time limits, in seconds.
DURATIONS = ("AllowedJobDuration", "AllowedExecuteDuration")
MACHINE_POLICY = ("PREEMPT",)
JOB_POLICY = ("PeriodicHold", "PeriodicRemove", "PeriodicVacate")
#: Seconds to look ahead, and how much each step is longer than the one before.
_HORIZON = 31 * 86400.0
_FIRST_STEP, _GROWTH = 15.0, 1.05
#: Names that HTCondor gives the present time, apart from the function `time()`.
_NOW = "JupyterSessionNow"
_STRING_OR_TIME = re.compile(r'"(?:\\.|[^"\\])*"|\b(?:time\s*\(\s*\)|CurrentTime\b)', re.IGNORECASE)


def evaluate_times(machine: Any, job: Any) -> dict[str, float]:
    """Return the value that each of TIMES has now, by its name in lower case; one without a number is left out."""
    return _evaluate_numbers(TIMES, machine, job)


def evaluate_durations(job: Any, machine: Any) -> dict[str, float]:
    """Return the value of each of the job's DURATIONS, by its name in lower case; one without a number is left out."""
    return _evaluate_numbers(DURATIONS, job, machine)


def _evaluate_numbers(names: Iterable[str], own: Any, other: Any) -> dict[str, float]:
    values = {name.lower(): _evaluate(own, name, other) for name in names}
    return {name: value for name, value in values.items() if _is_number(value)}


def foresee(texts: Sequence[str], *, started: float, now: float, parse: Callable[[str], Any]) -> dict[str, float]:
    """Return when each expression of a policy becomes true, in epoch seconds, by its name in lower case.

    `texts` are the job ad and the machine ad, and `started` is when the job started. What is true already, or doesn't
    become true within a month, isn't among them.
    """
    job, machine = (parse(_replace_time(text)) for text in texts)
    # The starter writes the ads before the job runs.
    for name, value in {"State": "Claimed", "Activity": "Busy", "JobStart": int(started)}.items():
        machine[name] = value
    machine["EnteredCurrentActivity"] = job["EnteredCurrentStatus"] = int(started)
    job["JobCurrentStartExecutingDate"] = int(started)
    job["JobStatus"] = 2
    found = {}
    for own, other, names in ((machine, job, MACHINE_POLICY), (job, machine, JOB_POLICY)):
        for name in names:

            def comes_true(at: float, name: str = name, own: Any = own, other: Any = other) -> bool:
                own[_NOW] = other[_NOW] = int(at)
                return _evaluate(own, name, other) is True

            at = _find_first(comes_true, now) if name in own else None
            if at is not None:
                found[name.lower()] = at
    return found


def _find_first(comes_true: Callable[[float], bool], now: float) -> float | None:
    """Return the first second in which it `comes_true`; None if it is true `now`, or not within the horizon."""
    before = now
    if comes_true(now):
        return None
    for at in _steps(now):
        if comes_true(at):
            return _bisect(comes_true, before, at)
        before = at
    return None


def _bisect(comes_true: Callable[[float], bool], before: float, after: float) -> float:
    while after - before > 1:
        middle = (before + after) / 2
        before, after = (before, middle) if comes_true(middle) else (middle, after)
    return after


def _steps(now: float) -> Iterator[float]:
    step, at = _FIRST_STEP, now
    while at < now + _HORIZON:
        at += step
        yield at
        step = max(_FIRST_STEP, (at - now) * (_GROWTH - 1))


def _replace_time(text: str) -> str:
    return _STRING_OR_TIME.sub(lambda found: found[0] if found[0].startswith('"') else _NOW, text)


def _evaluate(own: Any, name: str, other: Any) -> Any:
    """Return what an attribute of an ad is, with `other` for its target; None if it has no value."""
    value = own.get(name)
    try:
        return value.eval(own, other) if hasattr(value, "eval") else value
    except Exception:  # noqa: BLE001 - classad2 raises its own, and what can't be evaluated has no value
        return None


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and abs(float(str(value))) < float("inf")


def plausible_start(job: Mapping[str, object], now: float) -> float:
    """Return when the job started, in epoch seconds; the clocks are on two machines, so ignore what can't be true."""
    began = job.get("jobcurrentstartdate")
    return float(str(began)) if _is_number(began) and 0 <= now - float(str(began)) < _HORIZON else now
