"""`decide`: keep, warn or stop, with a sentence that explains it; alone, and in the loop that the supervisor runs."""

import time
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_session.activity import ActivityMonitor, Sample
from jupyter_session.condor.attributes import End
from jupyter_session.core.clock import SessionClock
from jupyter_session.idle.culler import Action, Deadline, Policy, Verdict, decide

POLICY = Policy(idle_timeout=1800, idle_warning=300)
NEVER = Policy.of(None, 300)
KEEP, WARN, STOP = Action.KEEP, Action.WARN, Action.STOP


def sample(source="kernels", *, active=False, last=None, error=""):
    return Sample(source=source, active=active, last=last, detail="2 idle", error=error)


def limit(at, warning=300.0):
    return Deadline(at=at, warning=warning, why="--max-runtime is 2 h")


IDLE, WORKING = [sample()], [sample(active=True)]


@pytest.mark.parametrize(
    ("samples", "now", "action", "stop_at", "words"),
    [
        # idle since the start: before the warning, in it, at the timeout, after it
        ([], 0, KEEP, 1800, "Idle for 0 s; the session ends in 30 min unless something runs."),
        ([], 1499, KEEP, 1800, "ends in"),
        ([], 1500, WARN, 1800, "the session ends in 5 min unless something runs"),
        ([], 1799, WARN, 1800, "ends in 1 s"),
        ([], 1800, STOP, 1800, "Idle for 30 min; the idle timeout is 30 min"),
        ([], 99999, STOP, 1800, "Idle for 27 h 47 min"),
        # idle since something worked
        ([sample(last=1000)], 1800, KEEP, 2800, "13 min"),
        ([sample(last=1000)], 2499, KEEP, 2800, "kernels: 2 idle"),
        ([sample(last=1000)], 2500, WARN, 2800, "kernels: 2 idle"),
        ([sample(last=1000)], 2800, STOP, 2800, "kernels: 2 idle"),
        # the latest of several sources counts, in whatever order
        ([sample(last=1000), sample("requests", last=2000)], 2800, KEEP, 3800, "requests"),
        ([sample("requests", last=2000), sample(last=1000)], 3799, WARN, 3800, "kernels"),
        ([sample("requests", last=2000), sample(last=1000)], 3800, STOP, 3800, "kernels"),
        # working
        ([sample(active=True)], 99999, KEEP, None, "In use: kernels: 2 idle."),
        ([sample(active=True, last=0)], 99999, KEEP, None, "In use: kernels: 2 idle."),
        ([sample(last=1000), sample("terminals", active=True)], 9000, KEEP, None, "In use: terminals: 2 idle."),
        ([sample(active=True), sample("gpu", active=True)], 9000, KEEP, None, "kernels: 2 idle, gpu: 2 idle."),
        # a source that fails, with each of the others
        ([sample(active=True, error="no answer")], 9000, KEEP, None, "In use: kernels: 2 idle. (kernels: no answer)"),
        ([sample(active=True), sample("gpu", error="x")], 9000, KEEP, None, "In use: kernels: 2 idle. (gpu: x)"),
        ([sample(error="no answer")], 1499, KEEP, 1800, "(kernels: no answer)"),
        ([sample(error="no answer")], 1500, WARN, 1800, "(kernels: no answer)"),
        ([sample(error="no answer")], 1800, STOP, 1800, "(kernels: no answer)"),
        ([sample(last=1000, error="no answer")], 2799, WARN, 2800, "(kernels: no answer)"),
    ],
)
def test_use_and_idleness(samples, now, action, stop_at, words):
    verdict = decide(samples, POLICY, started=0, now=now)
    assert (verdict.action, verdict.stop_at) == (action, stop_at)
    assert words in verdict.sentence


@pytest.mark.parametrize(
    ("samples", "now", "keep_alive_until", "action", "stop_at", "words"),
    [
        # kept alive x idle before the warning, in it, past the timeout
        (IDLE, 100, 9000, KEEP, 9000, "Kept alive by extend. Idle for 100 s"),
        (IDLE, 1600, 9000, KEEP, 9000, "Kept alive by extend. "),
        (IDLE, 1800, 9000, KEEP, 9000, "the session ends in 2 h unless something runs."),
        # the end of that: warned of, then stopped
        (IDLE, 8699, 9000, KEEP, 9000, "Kept alive by extend. "),
        (IDLE, 8700, 9000, WARN, 9000, "Kept alive by extend. "),
        (IDLE, 9000, 9000, STOP, 9000, "Idle for 2 h 30 min; the idle timeout is 30 min"),
        # kept alive for less than the idle timeout: no shorter than without
        (IDLE, 1000, 1200, KEEP, 1800, "Kept alive by extend. "),
        (IDLE, 1799, 1200, WARN, 1800, "Idle"),
        (IDLE, 1800, 1200, STOP, 1800, "Idle"),
        # kept alive, with activity since
        ([sample(last=8000)], 9500, 9000, WARN, 9800, "Idle for 25 min"),
        ([sample(last=8000)], 9800, 9000, STOP, 9800, "Idle for 30 min"),
        # kept alive x working, kept alive x failing
        (WORKING, 99999, 9000, KEEP, None, "In use"),
        ([sample(error="no answer")], 8999, 9000, WARN, 9000, "(kernels: no answer)"),
    ],
)
def test_what_its_user_keeps_alive(samples, now, keep_alive_until, action, stop_at, words):
    verdict = decide(samples, POLICY, started=0, now=now, keep_alive_until=keep_alive_until)
    assert (verdict.action, verdict.stop_at) == (action, stop_at)
    assert words in verdict.sentence


SOON = "The session ends in 5 min: --max-runtime is 2 h. "
UP = "Time limit reached: --max-runtime is 2 h."


@pytest.mark.parametrize(
    ("samples", "policy", "now", "keep_alive_until", "deadline", "action", "stop_at", "words"),
    [
        # working x deadline: far, within its warning, reached, passed
        (WORKING, POLICY, 6899, None, limit(7200), KEEP, 7200, "In use: kernels"),
        (WORKING, POLICY, 6900, None, limit(7200), WARN, 7200, SOON + "In use: kernels: 2 idle."),
        (WORKING, POLICY, 7200, None, limit(7200), STOP, 7200, UP),
        (WORKING, POLICY, 9999, None, limit(7200), STOP, 7200, UP),
        # idle x deadline: the earlier counts
        (IDLE, POLICY, 100, None, limit(7200), KEEP, 1800, "the session ends in 28 min unless something runs"),
        (IDLE, POLICY, 1500, None, limit(7200), WARN, 1800, "the session ends in 5 min unless something runs"),
        (IDLE, POLICY, 1800, None, limit(7200), STOP, 1800, "Idle for 30 min"),
        (IDLE, POLICY, 100, None, limit(1000), KEEP, 1000, "Idle"),
        (IDLE, POLICY, 700, None, limit(1000), WARN, 1000, SOON + "Idle"),
        (IDLE, POLICY, 1000, None, limit(1000), STOP, 1000, UP),
        (IDLE, POLICY, 1800, None, limit(1800), STOP, 1800, UP),
        # both passed between two looks: the earlier is why
        (IDLE, POLICY, 9999, None, limit(7200), STOP, 1800, "Idle for 2 h 47 min"),
        (IDLE, POLICY, 9999, None, limit(1700), STOP, 1700, UP),
        # warned x deadline
        (IDLE, POLICY, 1600, None, limit(1850), WARN, 1800, "The session ends in 4 min: --max-runtime is 2 h. Idle"),
        (IDLE, POLICY, 1600, None, limit(1750, warning=60), WARN, 1750, "Idle for 27 min"),
        (IDLE, POLICY, 1400, None, limit(1900, warning=600), WARN, 1800, "The session ends in 8 min"),
        # kept alive x deadline: nobody keeps a session alive beyond it
        (IDLE, POLICY, 5000, 99999, limit(7200), KEEP, 7200, "Kept alive by extend. "),
        (IDLE, POLICY, 6900, 99999, limit(7200), WARN, 7200, SOON + "Kept alive by extend. "),
        (IDLE, POLICY, 7200, 99999, limit(7200), STOP, 7200, UP),
        (IDLE, POLICY, 5900, 6000, limit(7200), WARN, 6000, "the session ends in 100 s unless something runs"),
        (IDLE, POLICY, 6000, 6000, limit(7200), STOP, 6000, "Idle"),
        # never x deadline
        (IDLE, NEVER, 5000, None, limit(7200), KEEP, 7200, "the idle timeout is never"),
        (IDLE, NEVER, 6900, None, limit(7200), WARN, 7200, SOON + "Idle"),
        (IDLE, NEVER, 7200, None, limit(7200), STOP, 7200, UP),
        # failing x deadline
        ([sample(error="no answer")], POLICY, 700, None, limit(1000), WARN, 1000, "(kernels: no answer)"),
        ([sample(active=True, error="no answer")], POLICY, 7200, None, limit(7200), STOP, 7200, UP),
    ],
)
def test_deadlines(samples, policy, now, keep_alive_until, deadline, action, stop_at, words):
    verdict = decide(samples, policy, started=0, now=now, keep_alive_until=keep_alive_until, deadline=deadline)
    assert (verdict.action, verdict.stop_at) == (action, stop_at)
    assert words in verdict.sentence
    assert verdict.end is ((End.DEADLINE if words == UP else End.IDLE) if action is STOP else None)


@pytest.mark.parametrize(
    ("samples", "keep_alive_until", "words"),
    [
        (IDLE, None, "Idle for 11574 d 1 h; the idle timeout is never."),
        (WORKING, None, "In use"),
        (IDLE, 9000, "the idle timeout is never"),
        ([sample(error="no answer")], None, "(kernels: no answer)"),
    ],
)
def test_never_is_never(samples, keep_alive_until, words):
    verdict = decide(samples, NEVER, started=0, now=1e9, keep_alive_until=keep_alive_until)
    assert (verdict.action, verdict.stop_at) == (KEEP, None)
    assert words in verdict.sentence


def test_a_session_that_started_late_is_idle_since_then():
    assert decide([sample(last=10)], POLICY, started=500, now=2299).action is WARN
    assert decide([sample(last=10)], POLICY, started=500, now=2300).action is STOP


def test_the_warning_comes_no_sooner_than_after_half_of_a_short_timeout():
    assert Policy.of(20, 300).idle_warning == 10
    assert Policy.of(1800, 300).idle_warning == 300
    assert Policy.of(None, 300).idle_warning == 300


# In the loop: what sources see, step by step, on the session's clock.

TIMEOUT, WARNING, STEP, PATIENCE = 200.0, 50.0, 30.0, 70.0
SHORT = Policy(idle_timeout=TIMEOUT, idle_warning=WARNING)


@dataclass
class Scripted:
    """A source that sees what it is told: works, has just worked, sees nothing, or fails."""

    name: str
    sees: str = "nothing"
    last: float | None = None

    def sample(self, now):
        if self.sees == "fails":
            raise OSError("no answer")
        if self.sees != "nothing":
            self.last = now
        return Sample(source=self.name, active=self.sees == "works", last=self.last, detail=self.sees)


@dataclass
class Loop:
    """The supervisor's loop on a clock that the test turns."""

    keep_alive_until: float | None = None
    deadline: Deadline | None = None
    reading: float = 5e5
    sources: list[Scripted] = field(default_factory=lambda: [Scripted("kernels"), Scripted("terminals")])
    now: float = 0.0

    def __post_init__(self):
        self.clock = SessionClock(STEP, read=lambda: self.reading)
        self.monitor = ActivityMonitor(self.sources, PATIENCE)

    def step(self, gap: float, *sees: str) -> Verdict:
        self.reading += gap
        self.now = self.clock.now()
        for source, what in zip(self.sources, sees, strict=False):
            source.sees = what
        return decide(
            self.monitor.look(self.now),
            SHORT,
            started=0.0,
            now=self.now,
            keep_alive_until=self.keep_alive_until,
            deadline=self.deadline,
        )


GAPS = st.floats(0.1, STEP) | st.floats(-1e5, 1e5)  # regular looks; clock jumps, and hours in which the job stood still
SEES = st.sampled_from(["nothing", "nothing", "nothing", "nothing", "works", "worked"])
STEPS = st.lists(st.tuples(GAPS, SEES, SEES), max_size=60)
QUIET = st.lists(st.tuples(GAPS, st.just("nothing"), st.just("nothing")), min_size=5, max_size=60)
HISTORIES = st.tuples(STEPS, QUIET, STEPS).map(lambda parts: [*parts[0], *parts[1], *parts[2]])
KEPT_ALIVE = st.none() | st.floats(0, 900)
DEADLINES = st.none() | st.builds(limit, at=st.floats(0, 900), warning=st.floats(0, 1500))


@given(HISTORIES)
def test_work_within_the_idle_timeout_is_never_stopped_and_so_long_without_always_is(history):
    loop, worked_at = Loop(), 0.0
    for gap, *sees in history:
        verdict = loop.step(gap, *sees)
        if set(sees) != {"nothing"}:
            worked_at = loop.now
        assert (verdict.action is STOP) == (loop.now - worked_at >= TIMEOUT)
        if verdict.action is STOP:
            return


@given(HISTORIES, KEPT_ALIVE, DEADLINES)
def test_without_new_activity_the_verdict_never_goes_back_and_its_end_never_moves(history, keep_alive_until, deadline):
    loop, order = Loop(keep_alive_until=keep_alive_until, deadline=deadline), [KEEP, WARN, STOP]
    before = None
    for gap, *sees in history:
        verdict = loop.step(gap, *sees)
        if set(sees) != {"nothing"}:
            before = None
            continue
        if before is not None:
            assert order.index(verdict.action) >= order.index(before.action)
            assert verdict.stop_at == before.stop_at
        before = verdict


@given(HISTORIES)
def test_every_stop_for_idleness_was_warned_of(history):
    loop, warned = Loop(), False
    for gap, *sees in history:
        verdict = loop.step(gap, *sees)
        if verdict.action is STOP:
            assert warned
            return
        warned = verdict.action is WARN


@given(STEPS, st.floats(-1e9, 1e9))
def test_no_gap_and_no_jump_of_a_clock_stops_a_session_by_itself(history, gap):
    loop = Loop()
    before = loop.step(0)
    for step in history:
        before = loop.step(*step)
    left = TIMEOUT if before.stop_at is None else before.stop_at - loop.now
    after = loop.step(gap)
    assert after.action is not STOP or left <= STEP


@given(HISTORIES, KEPT_ALIVE)
def test_what_is_kept_alive_ends_by_itself(history, keep_alive_until):
    loop, worked_at = Loop(keep_alive_until=keep_alive_until), 0.0
    for gap, *sees in history:
        verdict = loop.step(gap, *sees)
        if set(sees) != {"nothing"}:
            worked_at = loop.now
        assert (verdict.action is STOP) == (loop.now >= max(worked_at + TIMEOUT, keep_alive_until or 0.0))


@given(HISTORIES, KEPT_ALIVE, st.builds(limit, at=st.floats(0, 900), warning=st.floats(0, 1500)))
def test_nothing_outlasts_a_deadline(history, keep_alive_until, deadline):
    loop = Loop(keep_alive_until=keep_alive_until, deadline=deadline)
    for gap, *sees in history:
        verdict = loop.step(gap, *sees)
        assert verdict.stop_at is not None
        assert verdict.stop_at <= deadline.at
        if loop.now >= deadline.at:
            assert verdict.action is STOP
        elif loop.now >= deadline.at - deadline.warning:
            assert verdict.action is not KEEP


@given(st.sampled_from(["nothing", "works", "worked"]), st.floats(1, STEP))
def test_a_source_that_is_broken_keeps_the_session_for_its_patience_at_most(saw, gap):
    loop = Loop()
    loop.step(gap, saw)
    broke, kept = loop.now + gap, saw == "works"
    while (verdict := loop.step(gap, "fails")).action is not STOP:
        assert kept or loop.now - broke < TIMEOUT
        assert loop.now - broke <= PATIENCE + TIMEOUT + gap
    assert "(kernels: no answer)" in verdict.sentence
    assert loop.now - broke >= (PATIENCE if kept else 0) + TIMEOUT - 3 * gap


@given(st.lists(st.tuples(st.floats(1, STEP), st.sampled_from(["works", "works", "fails"])), max_size=100))
def test_a_source_that_fails_now_and_then_loses_no_work(history):
    loop = Loop()
    loop.step(1, "works")
    failing = 0.0
    for gap, sees in history:
        failing = failing + gap if sees == "fails" else 0.0
        verdict = loop.step(gap, sees)
        assert failing > PATIENCE or verdict.action is KEEP


def test_the_wall_clock_is_never_read(monkeypatch):
    loop = Loop()

    def read():
        raise AssertionError("the wall clock was read")

    monkeypatch.setattr(time, "time", read)
    monkeypatch.setattr(time, "time_ns", read)
    for sees in ["works", "fails", "nothing", "worked"] + ["nothing"] * 30:
        loop.step(STEP, sees)


TIMES = st.floats(0, 1e6)
SAMPLES = st.lists(st.builds(sample, active=st.booleans(), last=st.none() | TIMES, error=st.sampled_from(["", "x"])))


@given(SAMPLES, TIMES, st.floats(0, 1e6), KEPT_ALIVE, DEADLINES)
def test_a_sentence_is_one_line_and_names_every_source_that_fails(samples, started, wait, keep_alive_until, deadline):
    verdict = decide(
        samples, POLICY, started=started, now=started + wait, keep_alive_until=keep_alive_until, deadline=deadline
    )
    assert verdict.sentence.endswith((".", ")"))
    assert "\n" not in verdict.sentence
    if not verdict.sentence.startswith("Time limit reached"):
        assert verdict.sentence.count("(kernels: x)") == sum(bool(s.error) for s in samples)
