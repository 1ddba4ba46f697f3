"""Simulate weeks of use, minute by minute: who works, what is left behind, and what is visible. Seeded.

A person works from the first to the last thing that they do, as long as no two of them are more than `LONGEST_PAUSE`
apart. A computation works while it runs, if someone waits for what it computes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from random import Random

DAY = 24 * 60
WEEK = 7 * DAY
#: Minutes in which a person reads or thinks, and touches nothing.
LONGEST_PAUSE = 28
#: The most minutes for which a cell shows no sign of life; longer ones are in `beyond`.
LONGEST_SLEEP = 225


@dataclass(frozen=True, kw_only=True)
class Activity:
    """Something in a session, from minute `start` up to minute `end`.

    `story` and `real` (someone waits for it, or sits there) are the truth; no rule may look at them. All else can be
    seen. What is said to be every so many minutes is never with 0. `cpu` and `gpu` are shares of one, `disk` is
    bytes a second.
    """

    story: str
    start: int
    end: int
    real: bool = False
    person: bool = False
    submits: bool = False  # the session starts with it, although nobody is there
    tab: str = ""  # a tab of Lab: "visible" or "hidden"; it holds a connection to every kernel and terminal
    requests: int = 0  # opens, saves, runs
    proxied: int = 0  # traffic to a program behind jupyter-server-proxy
    typed_there: bool = False  # a person causes it
    kernel: str = ""
    busy: bool = False
    reads: str = ""  # what Jupyter takes the kernel for, "busy" or "idle", where it is wrong
    messages: int = 0  # the kernel sends something
    terminal: str = ""  # a terminal of Lab
    pane: str = ""  # a pane of tmux
    prints: int = 0
    typed: int = 0
    program: str = ""  # runs in the kernel, terminal or pane
    cpu: float = 0.0
    disk: float = 0.0
    gpu: float = 0.0


def is_taken_for_busy(thing: Activity) -> bool:
    """Return True if Jupyter's `execution_state` of the kernel is busy because of this activity, rightly or not."""
    return thing.reads == "busy" or (thing.busy and thing.reads != "idle")


def beats(every: int, thing: Activity, minute: int) -> bool:
    """Return True if something that happens at intervals is due; it also happens in the last minute."""
    return every > 0 and ((minute - thing.start) % every == 0 or minute == thing.end - 1)


def touches(thing: Activity, minute: int, *, answers: bool) -> bool:
    """Return True if a person does something now; in Jupyter, only if it answers."""
    asks = beats(thing.requests, thing, minute) or (thing.typed_there and beats(thing.proxied, thing, minute))
    return thing.person and ((asks and answers) or beats(thing.typed, thing, minute))


@dataclass(frozen=True)
class Trace:
    """A week. In `suspended` minutes the job doesn't run; in `deaf` ones Jupyter doesn't answer."""

    things: list[Activity]
    suspended: frozenset[int] = frozenset()
    deaf: frozenset[int] = frozenset()

    @cached_property
    def attended(self) -> frozenset[int]:
        """Return the minutes in which a person works."""
        done = {
            minute
            for thing in self.things
            if thing.person
            for minute in range(thing.start, thing.end)
            if minute not in self.suspended and touches(thing, minute, answers=minute not in self.deaf)
        }
        pauses = [range(a, b) for a, b in pairwise(sorted(done)) if b - a <= LONGEST_PAUSE]
        return frozenset(done.union(*pauses))


def week(seed: int, number: int) -> Trace:
    """Simulate one person's week, in which Jupyter is wrong about some kernels."""
    rng = Random(f"{seed}/{number}")  # noqa: S311 - no secret in it
    trace = _Week(rng).trace()
    # Of another generator, so that these weeks are otherwise the same as those in which Jupyter is always right.
    return replace(trace, things=misread(trace.things, Random(f"{seed}/{number}/misread")))  # noqa: S311


def misread(things: list[Activity], rng: Random) -> list[Activity]:
    """Have Jupyter be wrong about kernels, as version 2.21 is.

    A kernel reads idle while a cell runs if a widget was shown before, such as a progress bar, or in that cell; and
    when a cell has ended that printed much, its kernel may read busy until the next cell.
    """
    found = []
    for thing in things:
        is_cell = thing.busy and bool(thing.kernel)
        found.append(replace(thing, reads="idle") if is_cell and rng.random() < 0.3 else thing)
        if is_cell and thing.real and rng.random() < 0.1:
            later = [other.start for other in things if other.kernel == thing.kernel and other.busy]
            until = min((start for start in later if start >= thing.end), default=WEEK)
            done = Activity(story="a done kernel that reads busy", start=thing.end, end=until, kernel=thing.kernel)
            found.append(replace(done, reads="busy"))
    return sorted((thing for thing in found if thing.start < thing.end), key=lambda thing: thing.start)


def beyond() -> Iterator[tuple[str, Trace]]:
    """Simulate real work that our rule isn't made to see, one at a time, twelve hours long."""
    comes = Activity(story="a person at work", start=0, end=10, real=True, person=True, tab="visible", requests=3)
    waits = Activity(story="", start=9, end=730, real=True, program="python", cpu=0.0005)
    for thing in (
        replace(waits, story="a cell that only sleeps", kernel="k", busy=True),
        replace(waits, story="a shell that only sleeps, in tmux", pane="shell", program="sleep"),
        replace(waits, story="a reader who touches nothing", tab="visible", program=""),
    ):
        yield thing.story, Trace([comes, thing])


@dataclass
class _Week:
    rng: Random
    things: list[Activity] = field(default_factory=list)

    def trace(self) -> Trace:
        rng = self.rng
        self.lab = rng.random() < 0.85  # the others work in VS Code behind the proxy
        for day in range(7):
            midnight = day * DAY
            if rng.random() < (0.95 if day < 5 else 0.25):
                self._workday(midnight)
            if rng.random() < 0.12:
                at = midnight + rng.randrange(DAY)
                self.things.append(Activity(story="nobody ever came", start=at, end=at + 1, submits=True))
        self.things += [
            Activity(story="an idle terminal", start=thing.start, end=WEEK, terminal=thing.terminal)
            for thing in self.things
            if thing.terminal
        ]
        things = [replace(thing, end=min(thing.end, WEEK)) for thing in self.things if thing.start < WEEK]
        deaf = self._now_and_then(0.10, 2, 20)
        things = [thing for thing in things if not (thing.busy and thing.start in deaf)]  # nobody can start one then
        things.sort(key=lambda thing: thing.start)
        return Trace(things, suspended=self._now_and_then(0.08, 20, 480), deaf=deaf)

    def _now_and_then(self, daily: float, shortest: int, longest: int) -> frozenset[int]:
        found: set[int] = set()
        for day in range(7):
            if self.rng.random() < daily:
                start = day * DAY + self.rng.randrange(DAY)
                found.update(range(start, start + self.rng.randint(shortest, longest)))
        return frozenset(found)

    def _workday(self, midnight: int) -> None:
        rng = self.rng
        arrives = midnight + rng.randint(8 * 60, 10 * 60)
        lunch = midnight + rng.randint(12 * 60, 13 * 60)
        back = lunch + rng.randint(35, 100)
        leaves = midnight + rng.randint(16 * 60, 19 * 60)
        kernel = f"notebook {midnight}"
        if self.lab:  # one notebook a day; nobody shuts down kernels or terminals
            self.things.append(Activity(story="an idle kernel", start=arrives, end=WEEK, kernel=kernel, cpu=0.003))
        self._at_work(arrives, lunch, kernel)
        self._leave(lunch, back, kernel, [1, 4, 5])
        self._at_work(back, leaves, kernel)
        home = midnight + DAY + 8 * 60
        if rng.random() < 0.15:  # and again in the evening
            evening = midnight + rng.randint(20 * 60, 22 * 60)
            self._leave(leaves, evening, kernel, [2, 3, 5])
            leaves = evening + rng.randint(20, 90)
            self._at_work(evening, leaves, kernel)
        self._leave(leaves, max(home, leaves + 60), kernel, [9, 8, 3])

    def _at_work(self, start: int, end: int, kernel: str) -> None:
        """Add a person, who types and runs cells, and pauses to read and think."""
        rng, now = self.rng, start
        while now < end:
            stretch = min(end, now + rng.randint(5, 40))
            pause = stretch + rng.randint(1, LONGEST_PAUSE - 3)
            here = Activity(story="a person at work", start=now, end=stretch, real=True, person=True)
            reads = replace(here, start=stretch, end=pause)
            if self.lab:
                self.things.extend(self._stretch(replace(here, tab="visible"), kernel))
                reads = replace(reads, tab="visible")
            else:
                self.things.append(replace(here, proxied=1, typed_there=True, program="code-server", cpu=0.08))
                reads = replace(reads, proxied=1, program="code-server", cpu=0.01)
            if pause < end:
                self.things.append(reads)
            now = pause

    def _stretch(self, here: Activity, kernel: str) -> Iterator[Activity]:
        """Have the person work in a notebook, sometimes in a terminal of Lab or in tmux over ssh."""
        rng = self.rng
        where = rng.choices(["notebook", "terminal", "tmux"], [8, 1, 1])[0]
        if where == "terminal":
            yield replace(here, requests=WEEK, terminal="1", typed=2, prints=2, program="vim", cpu=0.01)
        elif where == "tmux":
            yield replace(here, tab="hidden", pane="shell", typed=2, prints=2, program="vim", cpu=0.01)
        else:
            yield replace(here, requests=3, kernel=kernel, messages=2)
            if rng.random() < 0.7:
                start = here.start + 2
                cell = Activity(story="a cell, someone there", start=start, end=start + rng.randint(1, 13), real=True)
                yield replace(cell, kernel=kernel, busy=True, program="python", cpu=rng.uniform(0.2, 4))

    def _has(self, thing: Activity) -> bool:
        """Return True if the person can have it: behind VS Code there is no Lab."""
        return self.lab or not (thing.kernel or thing.terminal or thing.pane)

    def _leave(self, start: int, end: int, kernel: str, weights: list[int]) -> None:
        """Leave something behind when the person goes: a computation, something forgotten, or nothing, by `weights`."""
        rng = self.rng
        what = rng.choices(["computes", "forgotten", "nothing"], weights)[0]
        tab = rng.choices(["visible", "hidden", ""], [3, 3, 4])[0]
        if what == "computes":
            self.things.append(rng.choice(list(filter(self._has, computations(rng, start, kernel)))))
        elif what == "forgotten":
            choices = [things for things in forgotten(start, end, kernel) if all(map(self._has, things))]
            self.things.extend(rng.choice(choices))
        if tab and what != "nothing" and self.lab:
            self.things.append(Activity(story=f"an open tab, {tab}", start=start, end=end, tab=tab))


def computations(rng: Random, start: int, kernel: str) -> list[Activity]:
    """Return what someone may wait for; half of it takes a long time."""
    takes = rng.choice([rng.randint(20, 180), rng.randint(120, 840)])
    run = Activity(story="", start=start - 2, end=start + takes, real=True)
    trains = replace(run, program="python", cpu=rng.uniform(0.6, 8), disk=1e4)
    on_gpu = replace(run, program="python", cpu=rng.uniform(0.01, 0.2), gpu=rng.uniform(0.3, 1))
    loads = replace(run, program="curl", cpu=rng.uniform(0.005, 0.03), disk=rng.uniform(2e6, 5e7))
    sleeps = replace(run, program="python", cpu=0.0005, end=min(run.end, start + LONGEST_SLEEP))

    def cell(thing: Activity, story: str, messages: int = 0) -> Activity:
        return replace(thing, story=f"a cell {story}", kernel=kernel, busy=True, messages=messages)

    def terminal(thing: Activity, story: str, prints: int = 0) -> Activity:
        return replace(thing, story=f"a terminal {story}", terminal="1", prints=prints)

    def tmux(thing: Activity, story: str, prints: int = 0) -> Activity:
        return replace(thing, story=f"tmux {story}", pane="shell", prints=prints)

    return [
        cell(trains, "trains, silent"),
        cell(trains, "trains, silent"),
        cell(trains, "trains, prints", messages=1),
        cell(on_gpu, "trains on the GPU, low CPU"),
        cell(loads, "downloads, low CPU"),
        cell(sleeps, "sleeps, then looks"),
        cell(sleeps, "sleeps, then looks and prints", messages=rng.choice([1, 5, 15])),
        terminal(trains, "trains, prints", prints=1),
        terminal(trains, "trains, silent"),
        terminal(loads, "downloads", prints=1),
        tmux(trains, "trains", prints=1),
        tmux(on_gpu, "trains on the GPU, low CPU"),
        tmux(loads, "downloads, silent"),
        replace(trains, story="a thread of an idle kernel trains", kernel=kernel),
        replace(on_gpu, story="a thread of an idle kernel, on the GPU", kernel=kernel),
        replace(trains, story="VS Code's terminal trains"),
        replace(on_gpu, story="VS Code's terminal, on the GPU"),
    ]


def forgotten(start: int, end: int, kernel: str) -> list[list[Activity]]:
    """Return what may be left running: it looks alive, but isn't."""
    left = Activity(story="", start=start - 2, end=end)
    board = replace(left, story="TensorBoard left on", program="tensorboard", cpu=0.01)
    return [
        [],
        [],
        [],
        [replace(left, story="input() left waiting", kernel=kernel, busy=True, program="python", cpu=0.01)],
        [replace(left, story="a dead lock in a cell", kernel=kernel, busy=True)],
        [replace(left, story="watch nvidia-smi left on", terminal="2", prints=1, program="watch", cpu=0.02)],
        [replace(left, story="watch nvidia-smi left on", pane="monitor", prints=1, program="watch", cpu=0.02)],
        [replace(left, story="htop left on", terminal="2", prints=1, program="htop", cpu=0.015)],
        [replace(board, terminal="3"), replace(board, proxied=1, program="", cpu=0.0)],
        [replace(left, story="VS Code left open", proxied=1, program="code-server", cpu=0.01)],
        [replace(left, story="a plot that updates by itself", kernel=kernel, messages=1, tab="visible", cpu=0.02)],
    ]
