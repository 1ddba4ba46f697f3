"""When the machine, or a policy in the submit file, ends the job: what can be known of it when the job starts.

`GLIDEIN_ToDie`, `TimeToLive`, and a PREEMPT that depends on the time are ends. `JobRuntimeGuarantee` is a promise, but
pools that make it put what runs longer on hold, or preempt it. `GLIDEIN_ToRetire` ends no job by itself, so it counts
only where the pilot doesn't say when it dies, and `MaxJobRetirementTime`, a promise too, only where nothing else is
known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jupyter_session.condor.job_ad import Job
from jupyter_session.condor.policy import plausible_start
from jupyter_session.units.durations import format_duration, format_time

#: A limit that leaves less than this, in seconds, is none: a machine whose guarantee is 30 s lets sessions run for
#: hours, and a time in the past is wrong. What is farther away than the longest isn't worth an announcement.
SHORTEST, LONGEST = 60.0, 30 * 86400.0
_MOST = 2.0**32  # seconds; more breaks what renders a time
#: HTCondor's value for a machine that goes on.
_NO_TIME_TO_LIVE = 2**31 - 1
_POLICIES = {"periodichold": "periodic_hold", "periodicremove": "periodic_remove", "periodicvacate": "periodic_vacate"}


@dataclass(frozen=True, kw_only=True)
class Limit:
    """An end that HTCondor would make: `at` is in epoch seconds, `why` completes "The session ends: ..."."""

    at: float
    why: str


def find_limits(job: Job, *, obey_machine: bool, now: float) -> list[Limit]:
    """Return the limits that count; `now` is in epoch seconds. Without `obey_machine`, only the submit file's."""
    started = plausible_start(job.attributes, now)
    limits = [
        Limit(at=job.foreseen[name], why=f"{command} in the submit file would end the job then")
        for name, command in _POLICIES.items()
        if name in job.foreseen
    ]
    if obey_machine:
        limits += _find_machine_limits(job, started, now)
    return [limit for limit in limits if SHORTEST <= limit.at - now <= LONGEST]


def _find_machine_limits(job: Job, started: float, now: float) -> list[Limit]:
    lengths = dict(_positive(job.machine, "jobruntimeguarantee", "maxjobretirementtime", "timetolive"))
    times = dict(_positive(job.machine, "glidein_todie", "glidein_toretire"))
    retirement = lengths.get("maxjobretirementtime", 0.0)
    found = []
    if "preempt" in job.foreseen:
        at = max(job.foreseen["preempt"], started + retirement)  # HTCondor counts the retirement from the job's start
        found.append(Limit(at=at, why=f"this machine ends jobs after {format_duration(at - started)} (PREEMPT)"))
    if "jobruntimeguarantee" in lengths:
        found.append(_limit_by_length("JobRuntimeGuarantee", lengths["jobruntimeguarantee"], started))
    if lengths.get("timetolive", _MOST) < _NO_TIME_TO_LIVE:
        found.append(_limit_by_time("TimeToLive", now + lengths["timetolive"], now))
    if "glidein_todie" in times:
        found.append(_limit_by_time("GLIDEIN_ToDie", times["glidein_todie"], now))
    elif "glidein_toretire" in times:
        found.append(_limit_by_time("GLIDEIN_ToRetire", times["glidein_toretire"], now))
    if not found and retirement:
        found.append(_limit_by_length("MaxJobRetirementTime", retirement, started))
    return found


def _limit_by_length(name: str, seconds: float, started: float) -> Limit:
    return Limit(at=started + seconds, why=f"this machine lets a job run for {format_duration(seconds)} ({name})")


def _limit_by_time(name: str, at: float, now: float) -> Limit:
    return Limit(at=at, why=f"this machine leaves the pool at {format_time(at, now)} ({name})")


def _positive(machine: Mapping[str, object], *names: str) -> Iterator[tuple[str, float]]:
    for name in names:
        value = machine.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
            yield name, float(min(value, _MOST))
