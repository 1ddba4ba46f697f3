"""A question in a real terminal: answered, asked anew after a change, or withdrawn aloud; nothing is drawn over it."""

import asyncio
import contextlib
import io
import os
import re
import sys
import threading

import pytest

from chtc_jupyter import terminal as terminal_module
from chtc_jupyter.commands import questions
from chtc_jupyter.commands.questions import Answer, Question
from chtc_jupyter.condor.job_progress import JobProgress, Phase
from chtc_jupyter.errors import LoginError
from chtc_jupyter.session import ConnectionState
from chtc_jupyter.store import Record
from chtc_jupyter.terminal import Terminal

pty = pytest.importorskip("pty")
ASKED = Question("Job 7.0 is queued, not ready. [w]ait, [r]emove, [l]eave?", "wrl")
RECORD = Record("lab", "ap", "7.0", "/l", "/n")


class Person:
    """Somebody at a terminal that the launcher has for its standard streams."""

    def __init__(self, master):
        self._master = master
        self._seen = ""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while part := os.read(self._master, 1024):
                self._seen += part.decode()
        except OSError:
            return

    def type(self, text):
        os.write(self._master, text.encode())

    def shown(self):
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._seen).replace("\r", "")

    async def wait(self, text, times=1):
        for _ in range(200):
            if self.shown().count(text) >= times:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{text!r} is not in {self.shown()!r}")


class Asking:
    """A question about a state that can change, in a terminal."""

    def __init__(self, now=ASKED):
        self.now, self.terminal = now, Terminal()
        self.again, self.changed = asyncio.Event(), asyncio.Event()
        self.over = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(
            questions.ask(self.terminal, lambda: self.now, again=self.again, changed=self.changed, over=self.over)
        )

    def change(self, now):
        self.now = now
        self.changed.set()

    async def answer(self):
        return await asyncio.wait_for(self.task, 10)


def in_terminal(test):
    """Run a coroutine function as a test, with a terminal for its standard streams."""

    def run(monkeypatch):
        master, slave = pty.openpty()
        with contextlib.ExitStack() as opened:
            for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
                monkeypatch.setattr(sys, name, opened.enter_context(os.fdopen(os.dup(slave), mode)))
            monkeypatch.setenv("TERM", "xterm")
            asyncio.run(test(Person(master)))
            monkeypatch.undo()  # pytest's own streams
        os.close(slave)

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@in_terminal
async def test_each_choice_is_an_answer_and_anything_else_is_asked_again(person):
    for letter, answer in (("w", Answer.WAIT), ("R", Answer.REMOVE), ("leave", Answer.LEAVE)):
        asking = Asking()
        times = person.shown().count("[w]ait")
        for wrong in ("", "what", "rest"):
            await person.wait("[w]ait", times := times + 1)
            person.type(f"{wrong}\n")
        await person.wait("[w]ait", times + 1)
        person.type(f"{letter}\n")
        assert await asking.answer() is answer


@in_terminal
async def test_what_was_typed_before_the_question_is_no_answer(person):
    person.type("r\nr\n")
    await asyncio.sleep(0.1)
    asking = Asking()
    await person.wait("[w]ait")
    person.type("w\n")
    assert await asking.answer() is Answer.WAIT


@in_terminal
async def test_void_question_is_withdrawn_aloud_and_what_is_typed_later_answers_nothing(person):
    asking = Asking()
    await person.wait("[w]ait")
    person.type("r")
    asking.change(Question("", "", void="The session is ready"))
    assert await asking.answer() is Answer.WITHDRAWN
    await person.wait("The session is ready: the question is withdrawn.")
    person.type("r\n")
    later = Asking()
    await person.wait("[w]ait", 2)
    person.type("w\n")
    assert await later.answer() is Answer.WAIT


@in_terminal
async def test_answer_to_a_state_that_has_changed_does_not_count(person):
    asking = Asking()
    await person.wait("queued")
    asking.change(Question("Job 7.0 is starting. [w]ait, [r]emove, [l]eave?", "wrl"))
    await person.wait("starting")
    person.type("w\n")
    assert await asking.answer() is Answer.WAIT
    asking = Asking()
    await person.wait("queued", 2)
    asking.now = Question("", "", void="The job has ended")  # before anybody noticed
    person.type("r\n")
    assert await asking.answer() is Answer.WITHDRAWN


@in_terminal
async def test_second_ctrl_c_and_the_end_of_the_input_leave(person):
    asking = Asking()
    await person.wait("[w]ait")
    asking.again.set()
    assert await asking.answer() is Answer.NONE
    asking = Asking()
    await person.wait("[w]ait", 2)
    person.type("\x04")
    assert await asking.answer() is Answer.NONE


@in_terminal
async def test_end_of_the_job_withdraws_the_question_too(person):
    asking = Asking()
    await person.wait("[w]ait")
    asking.over.set_result(None)
    assert await asking.answer() is Answer.WITHDRAWN
    await person.wait("The job has left: the question is withdrawn.")


@in_terminal
async def test_nothing_is_printed_over_an_open_question(person):
    asking = Asking()
    await person.wait("[w]ait")
    before = person.shown()
    asking.terminal.wait("job 7.0: queued (30 s)")
    asking.terminal.say("job 7.0: starting")
    asking.terminal.print_result("http://127.0.0.1:1/")
    await asyncio.sleep(0.5)
    assert person.shown() == before
    person.type("l\n")
    assert await asking.answer() is Answer.LEAVE
    await person.wait("job 7.0: starting\nhttp://127.0.0.1:1/\n")
    asking.terminal.quiet()


@in_terminal
async def test_ctrl_c_while_the_user_is_asked_to_log_in_comes_first_and_the_other_question_again(person):
    asking = Asking(Question("", "", void="Nothing"))
    await asking.answer()
    terminal = asking.terminal
    login = asyncio.create_task(terminal.wait_for_person("ap needs you to log in again."))
    await person.wait("Press Enter")
    asked = asyncio.create_task(terminal.ask("Keep it?"))
    await person.wait("Keep it?")
    person.type("k\n")
    assert await asyncio.wait_for(asked, 10) == "k"
    await person.wait("Press Enter", 2)
    assert not login.done()
    person.type("\n")
    await asyncio.wait_for(login, 10)


@in_terminal
async def test_end_of_the_input_is_no_enter(person):
    login = asyncio.create_task(Terminal().wait_for_person("ap needs you to log in again."))
    await person.wait("Press Enter")
    person.type("\x04")
    await asyncio.sleep(0.5)
    assert not login.done()
    login.cancel()
    await asyncio.gather(login, return_exceptions=True)


def test_without_a_terminal_a_session_goes_on_trying_and_a_command_that_is_to_end_ends(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    monkeypatch.setattr(terminal_module, "_WITHOUT_PERSON", 0)

    async def ask():
        terminal = Terminal()
        found = [await terminal.wait_for_person("ap needs you to log in again.") for _ in range(2)]
        with pytest.raises(LoginError, match=r"ap needs you to log in again. Run this command again in a terminal."):
            await terminal.need_person("ap needs you to log in again.")
        return found

    assert asyncio.run(ask()) == [False, False]
    assert capsys.readouterr().err.count("trying again every minute") == 1


def test_nobody_is_asked_without_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("r\n"))

    async def ask():
        return await Asking().answer()

    assert asyncio.run(ask()) is Answer.NONE


@pytest.mark.parametrize(
    ("phase", "void"),
    [
        (Phase.QUEUED, ""),
        (Phase.TRANSFER, ""),
        (Phase.RUNNING, ""),
        (Phase.SUSPENDED, ""),
        (Phase.READY, "The session is ready"),
        (Phase.STOPPING, "The session is stopping"),
        (Phase.HELD, "The job is on hold"),
        (Phase.ENDED, "The job has ended"),
    ],
)
def test_only_a_job_that_is_not_ready_is_asked_about(phase, void):
    asked = questions.build_question(RECORD, JobProgress(phase), ConnectionState(), is_open=False)
    assert asked.void == void
    assert void or "Job 7.0 is" in asked.text


def test_nothing_is_removed_over_no_connection():
    cut = ConnectionState(up=False, why="Lost.")
    assert questions.build_question(RECORD, JobProgress(), cut, is_open=False).choices == "wl"
