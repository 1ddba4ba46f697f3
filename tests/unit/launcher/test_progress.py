"""What the terminal shows while a session is opened: each change once, each step with how long it took."""

import asyncio
import dataclasses
import json

import pytest

from chtc_jupyter.commands import progress
from chtc_jupyter.commands.progress import ProgressRenderer
from chtc_jupyter.condor.job_progress import JobProgress, Phase
from chtc_jupyter.session import ConnectionState
from chtc_jupyter.store import Record
from chtc_jupyter.terminal import Terminal

RECORD = Record("lab", "ap", "7.0", "/l", "/n")
CUT = ConnectionState(up=False, why="Lost the connection to ap.")


def describe(phase, connection=None, *, is_open=False, why="", **job):
    return progress.describe(
        RECORD, JobProgress(phase, **job), connection or ConnectionState(), is_open=is_open, why=why
    )


def test_line_says_more_than_the_step_where_there_is_more():
    queued = describe(Phase.QUEUED, why="no machine here has 500GB")
    assert queued.step == "job 7.0: queued"
    assert queued.line == "job 7.0: queued: no machine here has 500GB"
    assert describe(Phase.READY).line == "job 7.0: ready; opening the tunnel..."
    assert describe(Phase.READY, CUT).line == CUT.why


@pytest.mark.parametrize(
    ("phase", "is_open", "timed", "waits"),
    [
        (Phase.QUEUED, False, True, True),
        (Phase.READY, False, True, True),
        (Phase.STOPPING, False, True, True),
        (Phase.READY, True, False, False),
        (Phase.HELD, False, False, False),
        (Phase.ENDED, False, False, False),
    ],
)
def test_what_moves_and_what_is_timed_depends_on_the_phase(phase, is_open, timed, waits):
    shown = describe(phase, is_open=is_open)
    assert (shown.timed, shown.waits, shown.open) == (timed, waits, is_open)


def test_while_there_is_no_connection_its_time_is_shown_instead_of_the_steps():
    now, terminal = [0.0], FakeTerminal()
    renderer = ProgressRenderer(terminal, "7.0", lambda: now[0])
    renderer.render(describe(Phase.QUEUED))
    now[0] = 100.0
    renderer.render(describe(Phase.QUEUED, CUT))
    now[0] = 131.0
    renderer.tick()
    assert terminal.shown[-1] == ("wait", "Lost the connection to ap. (31 s)")


def test_reason_of_a_long_wait_is_part_of_the_line():
    assert describe(Phase.READY, why="nobody answers").line == "job 7.0: ready; opening the tunnel...; nobody answers"
    assert describe(Phase.RUNNING, why="it is slow").line == "job 7.0: starting; it is slow"
    assert describe(Phase.READY, CUT, why="nobody answers").line == CUT.why


class FakeTerminal(Terminal):
    """A terminal that notes down what is shown, and how."""

    def __init__(self):
        super().__init__(as_json=True)
        self.err = dataclasses.make_dataclass("Err", ["is_terminal"])(is_terminal=True)
        self.shown, self.facts = [], []

    def say(self, line):
        self.shown.append(("say", line))

    def wait(self, line):
        self.shown.append(("wait", line))

    def report(self, facts):
        self.facts.append(facts)


def test_each_change_is_shown_once_and_a_step_with_its_time_when_it_is_over():
    now, terminal = [0.0], FakeTerminal()
    renderer = ProgressRenderer(terminal, "7.0", lambda: now[0])
    renderer.tick()
    assert terminal.shown == []
    for _ in range(2):
        renderer.render(describe(Phase.QUEUED))
    now[0] = 65.0
    renderer.render(describe(Phase.QUEUED, why="busy"))
    renderer.tick()
    renderer.render(describe(Phase.RUNNING, host="ep1"))
    now[0] = 70.0
    renderer.render(describe(Phase.READY, is_open=True, host="ep1"))
    renderer.tick()
    assert terminal.shown == [
        ("wait", "job 7.0: queued"),
        ("wait", "job 7.0: queued: busy"),
        ("wait", "job 7.0: queued: busy (65 s)"),
        ("say", "job 7.0: queued (65 s)"),
        ("wait", "job 7.0: starting on ep1"),
        ("say", "job 7.0: starting on ep1 (5 s)"),
        ("say", "job 7.0: ready on ep1"),
    ]
    assert [facts["event"] for facts in terminal.facts] == ["queued", "queued", "starting", "ready"]
    assert json.dumps(terminal.facts)


def test_line_that_moves_stays_when_a_question_takes_its_place():
    now, terminal = [0.0], FakeTerminal()
    renderer = ProgressRenderer(terminal, "7.0", lambda: now[0])
    renderer.leave_line()
    renderer.render(describe(Phase.QUEUED, why="no machine here has 500GB"))
    now[0] = 9.0
    renderer.leave_line()
    renderer.render(describe(Phase.READY, is_open=True))
    renderer.leave_line()
    said = [line for how, line in terminal.shown if how == "say"]
    assert said == [
        "job 7.0: queued: no machine here has 500GB (9 s)",
        "job 7.0: queued (9 s)",
        "job 7.0: ready",
    ]


def test_text_of_others_is_printed_as_it_is(capsys):
    Terminal().print_result("a :warning: in [bold]a log[/bold]")
    assert capsys.readouterr().out == "a :warning: in [bold]a log[/bold]\n"


def test_nothing_is_printed_while_the_terminal_is_lent(monkeypatch, capsys):
    terminal, shown = Terminal(), []
    monkeypatch.setattr(type(terminal.err), "is_terminal", property(lambda _console: True))
    monkeypatch.setattr(terminal._moving, "status", lambda text: shown.append(str(text)) or _Still())
    terminal.lend()
    terminal.say("first")
    terminal.wait("one")
    terminal.wait("two")
    terminal.print_result("second")
    terminal.wait("three")
    terminal.wait("four")
    assert (shown, capsys.readouterr()) == ([], ("", ""))
    terminal.take_back()
    assert shown == ["four"]
    assert "".join(capsys.readouterr()).split() == ["second", "first"]


class _Still:
    def start(self):
        """Start nothing."""

    def stop(self):
        """Stop nothing."""


def test_wait_that_is_long_is_explained_once_where_lines_stay_and_a_short_one_is_not(capsys):
    async def wait(seconds, until):
        async with Terminal().explaining(seconds, "ap: asking the queue"):
            await until()

    async def is_said():
        for _ in range(200):
            await asyncio.sleep(0.02)
            if said := capsys.readouterr().err:
                await asyncio.sleep(1.2)
                return assert_once(said + capsys.readouterr().err)
        raise AssertionError("nothing was said")

    def assert_once(said):
        assert said == "ap: asking the queue\n"

    asyncio.run(wait(0.01, is_said))
    asyncio.run(wait(60, lambda: asyncio.sleep(0)))
    assert capsys.readouterr().err == ""
