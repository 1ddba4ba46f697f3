"""What is asked of a session by condor_ssh_to_job, whose own end can't be relied on."""

import asyncio
import json

import pytest

from chtc_jupyter import queue, store
from chtc_jupyter.commands import queries
from chtc_jupyter.commands.past import EndedError
from chtc_jupyter.errors import FailedError, NoSuchSessionError, PolicyError
from chtc_jupyter.ssh import tunnel
from chtc_jupyter.store import Record


class HangingLink:
    """A connection on which a command prints lines, and does not end by itself."""

    def __init__(self, *answers):
        self.answers = answers

    async def stream(self, _do, **_fields):
        for answer in self.answers:
            yield answer
            if "status" in answer:
                return
        await asyncio.Event().wait()


def inside(link, *argv):
    return asyncio.run(asyncio.wait_for(queries.run_inside(link, "1.0", *argv), 5))


def test_answer_is_whole_once_the_command_says_so_though_its_ssh_goes_on():
    link = HangingLink({"line": "ready"}, {"line": "a table"}, {"line": tunnel.DONE})
    assert inside(link, "status") == "ready\na table\n"


def test_verb_that_fails_is_told_by_its_own_last_sentence():
    link = HangingLink({"line": "jupyter-session: 30h is longer than 12 h."}, {"line": tunnel.FAILED})
    with pytest.raises(FailedError, match=r"In job 1\.0: 30h is longer than 12 h\."):
        inside(link, "extend", "30h")


def test_end_without_an_answer_is_the_pools_policy_or_a_failure():
    with pytest.raises(PolicyError, match="--interactive"):
        inside(HangingLink({"status": 1, "err": "alice is not authorized"}), "status")
    with pytest.raises(FailedError, match="shut down"):
        inside(HangingLink({"status": 255, "err": "shut down\n"}), "status")


def test_no_answer_at_all_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(queries, "_ANSWER", 0.1)
    with pytest.raises(FailedError, match="didn't answer within"):
        inside(HangingLink(), "status")


class Doors:
    """A connection on which each try to enter a job gets the next answers; `tries` counts them."""

    def __init__(self, *tries):
        self.left, self.tries = list(tries), 0

    async def stream(self, _do, **_fields):
        self.tries += 1
        for answer in self.left.pop(0):
            yield answer


NOTHING = [{"status": 0, "err": ""}]
ANSWERED = [{"line": tunnel.ENTERED}, {"line": "ready"}, {"line": tunnel.DONE}]


@pytest.fixture
def _no_pauses(monkeypatch):
    monkeypatch.setattr(queries, "_PAUSES", (0.0, 0.0))


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize("silent", [1, 2])
def test_a_job_into_which_htcondor_has_led_without_a_word_is_entered_again(silent):
    link = Doors(*[NOTHING] * silent, ANSWERED)
    assert (inside(link, "status"), link.tries) == ("ready\n", silent + 1)


@pytest.mark.usefixtures("_no_pauses")
def test_a_job_that_is_never_entered_is_told_with_how_often_it_was_tried():
    link = Doors(*[NOTHING] * 3)
    with pytest.raises(FailedError, match=r"didn't enter job 1\.0, and gave no reason, 3 times.*Try again in a minute"):
        inside(link, "status")
    assert link.tries == 3


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize(
    "answers",
    [
        [{"line": tunnel.ENTERED}, {"status": 0, "err": ""}],
        [{"status": 255, "err": "Connection closed"}],
        [{"line": "half"}, {"status": 255, "err": ""}],
    ],
)
def test_a_job_is_not_entered_again_once_it_was_or_with_a_reason(answers):
    link = Doors(answers)
    with pytest.raises(FailedError, match=r"The session in job 1\.0 didn't answer"):
        inside(link, "status")
    assert link.tries == 1


def test_a_log_that_nobody_gets_to_has_an_end_and_one_that_is_silent_has_none(monkeypatch):
    monkeypatch.setattr(queries, "_ENTRY", 0.1)

    async def read(link):
        return [line async for line in queries.stream_inside(link, "1.0", "logs", "-f")]

    with pytest.raises(FailedError, match=r"Job 1\.0 couldn't be entered within"):
        asyncio.run(read(HangingLink()))
    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(asyncio.wait_for(read(HangingLink({"line": tunnel.ENTERED})), 0.5))


class EmptyQueue:
    """A connection to an access point that has no jobs."""

    ap = "ap"
    hello = {"owner": "alice"}  # noqa: RUF012 - read only

    async def run(self, argv, **_fields):
        return {"status": 0, "out": "" if "-af" in argv else "[]", "err": ""}


@pytest.mark.parametrize(("name", "next_step"), [("12.0", "`condor_history 12.0 -af JupyterReason`"), ("lab", "list`")])
def test_job_that_has_left_the_queue_is_found_in_the_history(monkeypatch, tmp_path, name, next_step):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(NoSuchSessionError, match="in the queue of ap") as error:
        asyncio.run(queries.find(EmptyQueue(), name))
    assert next_step in str(error.value)


class Queue:
    """A connection to an access point with these jobs of the user's, and of other users."""

    ap = "ap"

    def __init__(self, *own, others=""):
        self.own, self.others, self.commands = own, others, []
        self.hello = {}

    async def run(self, argv, **_fields):
        self.commands.append(list(argv))
        out = {"condor_ping": "WRITE command using (FS) succeeded as al@pool to local schedd.", "condor_history": "[]"}
        if argv[0] == "condor_q":
            return {"status": 0, "out": self.others if "-af" in argv else json.dumps(self.own), "err": ""}
        return {"status": 0, "out": out.get(argv[0], ""), "err": ""}

    async def stream(self, _do, **_fields):
        yield {"error": "No such file or directory"}


OWN = {"ClusterId": 12, "ProcId": 0, "JobStatus": 2, "JupyterName": "lab", "Iwd": "/home/al", "UserLog": "l"}


def test_every_question_to_the_queue_says_whose_jobs_are_meant_by_the_name_that_the_schedd_knows():
    link = Queue(OWN)
    assert asyncio.run(queries.find(link, "lab")) == OWN
    asked = [argv for argv in link.commands if argv[0] == "condor_q"]
    assert asked
    assert all('Owner == "al" && (' in argv[argv.index("-constraint") + 1] for argv in asked)


def test_job_of_another_user_is_said_to_be_so(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(NoSuchSessionError, match=r"Job 12\.0 on ap isn't yours: it is a job of the user bob"):
        asyncio.run(queries.find(Queue(others="bob\n"), "12.0"))


def test_job_id_that_has_been_given_to_another_session_of_ones_own_is_not_taken_for_the_old_one(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    store.save(Record("old", "ap", "12.0", "/l", "/n"))
    with pytest.raises(EndedError, match=r"old \(job 12\.0\) is no longer in the queue"):
        asyncio.run(queries.find(Queue(OWN), "12.0"))
    assert store.load_records() == []


@pytest.mark.parametrize("said", ["", "WRITE failed!", "WRITE ... succeeded as unauthenticated@unmapped to x"])
def test_a_schedd_that_does_not_say_who_asks_leaves_the_name_of_the_account(said):
    class Mute(Queue):
        async def run(self, argv, **fields):
            if argv[0] == "condor_ping":
                return {"status": 1, "out": said, "err": ""}
            return {"status": 0, "out": "alice\n", "err": ""} if argv[0] == "id" else await super().run(argv, **fields)

    assert asyncio.run(queue.find_owner(Mute())) == "alice"
