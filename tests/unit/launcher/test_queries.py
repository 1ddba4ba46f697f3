"""What is asked of a session by condor_ssh_to_job, whose own end can't be relied on."""

import asyncio

import pytest

from chtc_jupyter.commands import queries
from chtc_jupyter.errors import FailedError, NoSuchSessionError, PolicyError
from chtc_jupyter.ssh import tunnel


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
