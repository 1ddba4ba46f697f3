"""Replay a week under a rule, and count what the rule ended too early or kept alive too long."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from testbed.bench.culling.baselines import TIMEOUT, Rule
from testbed.bench.culling.traces import WEEK, Activity, Trace


@dataclass
class Outcome:
    """What a rule did. All but `false_stops` are in minutes, by story where there is one."""

    false_stops: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    idle: Counter[str] = field(default_factory=Counter)
    held: int = 0

    def add(self, other: Outcome) -> None:
        """Add another outcome."""
        self.false_stops += other.false_stops
        self.lost += other.lost
        self.idle += other.idle
        self.held += other.held


def replay(trace: Trace, rule: Callable[[int], Rule]) -> Outcome:
    """Run a week's sessions, each under a rule of its own, made with the minute at which it starts.

    Where no session is, the next one starts when someone comes, or one is submitted. What was in a session that ended
    is gone; a person who is there starts again.
    """
    outcome = Outcome()
    minute = _next_start(trace, 0)
    while minute < WEEK:
        minute = _next_start(trace, _Session(trace, outcome, minute).run(rule(minute)) + 1)
    return outcome


def _next_start(trace: Trace, after: int) -> int:
    starts = [
        max(after, thing.start)
        for thing in trace.things
        if (thing.person and thing.end > after) or (thing.submits and thing.start >= after)
    ]
    return min((start for start in starts if start not in trace.suspended), default=WEEK)


class _Session:
    def __init__(self, trace: Trace, outcome: Outcome, start: int) -> None:
        self._trace, self._outcome, self._start = trace, outcome, start
        self._alive = [t for t in trace.things if t.start < start < t.end and t.person]
        self._coming = defaultdict(list)
        for thing in trace.things:
            self._coming[thing.start].append(thing)
        self._age = 0  # minutes in which it could run
        self._worked: dict[Activity, int] = {}  # real work, and the age at which it was last seen

    def run(self, rule: Rule) -> int:
        """Run until the rule or the week ends; return that minute."""
        trace = self._trace
        for minute in range(self._start, WEEK):
            self._alive = [thing for thing in self._alive if thing.end > minute] + self._coming[minute]
            suspended = minute in trace.suspended
            if not suspended:
                self._count(minute)
            if suspended and not rule.outside:
                continue
            ends = rule.step(
                minute, () if suspended else self._alive, answers=not suspended and minute not in trace.deaf
            )
            if ends.session or ends.kernels or ends.terminals:
                self._end([thing for thing in self._worked if ends.takes(thing)], minute)
                self._alive = [thing for thing in self._alive if thing.person or not ends.takes(thing)]
            if ends.session:
                return minute
        return WEEK

    def _count(self, minute: int) -> None:
        self._age += 1
        self._outcome.held += 1
        for thing in self._alive:
            if thing.real and (not thing.person or minute in self._trace.attended):
                self._worked[thing] = self._age
        self._worked = {thing: age for thing, age in self._worked.items() if self._age - age < TIMEOUT}
        if not self._worked and self._age > TIMEOUT:
            left = max(self._alive, key=_shows, default=None)
            self._outcome.idle[left.story if left else "nothing in it"] += 1

    def _end(self, taken: Sequence[Activity], minute: int) -> None:
        """Count it if the stop hit work that was real within the last idle timeout."""
        if not taken:
            return
        newest = max(taken, key=lambda thing: (not thing.person, self._worked[thing], thing.start))
        self._outcome.false_stops[newest.story] += 1
        for thing in taken:
            if not thing.person and thing.end > minute:
                self._outcome.lost += sum(m not in self._trace.suspended for m in range(thing.start, minute))


def _shows(thing: Activity) -> tuple[bool, int]:
    """Return how strong a sign of life an activity is; the strongest one accounts for idle time."""
    return bool(thing.busy or thing.reads or thing.messages or thing.program or thing.proxied), thing.start
