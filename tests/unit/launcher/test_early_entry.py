"""What is shown of a job that we suspend for a moment, and which start of a job is suspended, once."""

import asyncio
from dataclasses import replace

import pytest

from chtc_jupyter.condor.job_progress import JobProgress, Phase
from chtc_jupyter.early_entry import EarlyEntry
from chtc_jupyter.ssh.suspend_briefly import Log, locate_mark, read_mark, write_mark
from chtc_jupyter.store import Record

RUNNING = JobProgress(Phase.RUNNING, "now", starts=1)
SUSPENDED = JobProgress(Phase.SUSPENDED, "now", starts=1, suspensions=1)


class Link:
    """An access point that answers with these steps, and keeps what it was asked."""

    def __init__(self, *answers):
        self.hello = {"owner": "alice"}
        self.answers, self.asked = list(answers), []

    async def stream(self, do, *, argv):
        self.asked.append(argv)
        for line in self.answers.pop(0):
            yield {"line": line}
        yield {"status": 0, "err": ""}


def follow(link, *progress, early=True, interactive=False):
    """Show an EarlyEntry what a log says, and let it work; return it."""
    record = Record("lab", "ap", "7.0", "/x/jupyter-7.log", "/x/notebooks", early_entry=early, interactive=interactive)

    async def work():
        entry = EarlyEntry(record, lambda: None)
        task = asyncio.create_task(entry.run(link))
        for now in progress:
            entry.see(now)
            for _ in range(20):
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return entry

    return asyncio.run(work())


CONTINUED = [
    '{"step": "suspended"}',
    '{"step": "continued"}',
    '{"step": "over", "how": "continued", "commands": 3}',
]
FAILED = ['{"step": "suspended"}', '{"step": "over", "how": "over", "commands": 1}']
REFUSED = ['{"step": "over", "how": "refused", "commands": 1}']


def test_each_start_is_suspended_once():
    link = Link(CONTINUED, CONTINUED)
    follow(link, JobProgress(at="now"), RUNNING, RUNNING, SUSPENDED, JobProgress(Phase.RUNNING, "now", starts=2))
    assert len(link.asked) == 2
    assert all('"suspends": true' in argv[-1] for argv in link.asked)


@pytest.mark.parametrize(("early", "interactive"), [(False, False), (True, True)])
def test_job_without_the_early_way_in_is_left_alone(early, interactive):
    link = Link()
    follow(link, RUNNING, early=early, interactive=interactive)
    assert not link.asked


def test_suspension_that_is_found_is_only_ended_if_it_is_ours():
    link = Link(REFUSED)
    entry = follow(link, SUSPENDED, early=False)
    assert '"suspends": false' in link.asked[0][-1]
    assert entry.hide(SUSPENDED) == SUSPENDED


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.READY])
def test_job_that_htcondor_has_found_again_is_looked_at_once(phase):
    found = JobProgress(phase, "now", starts=1, reconnections=1)
    link = Link(REFUSED, REFUSED)
    follow(link, found, found, replace(found, reconnections=2), early=False)
    assert ['"suspends": false' in argv[-1] for argv in link.asked] == [True, True]


def test_start_that_was_suspended_once_is_not_suspended_again_after_a_reconnection():
    link = Link(CONTINUED, REFUSED)
    follow(link, RUNNING, replace(RUNNING, reconnections=1))
    assert ['"suspends": true' in argv[-1] for argv in link.asked] == [True, False]


def test_helper_that_is_killed_after_a_reconnection_is_started_again(monkeypatch):
    monkeypatch.setattr("chtc_jupyter.early_entry._AGAIN", 0)
    link = Link([], REFUSED)
    found = replace(RUNNING, reconnections=1)
    follow(link, found, found, early=False)
    assert len(link.asked) == 2


def test_job_that_we_suspend_is_shown_as_starting_and_one_that_the_machine_suspends_as_suspended():
    ours = follow(Link(CONTINUED), RUNNING)
    assert ours.hide(SUSPENDED).phase is Phase.RUNNING
    later = JobProgress(Phase.SUSPENDED, "now", starts=1, suspensions=2)
    assert ours.hide(later) == later
    assert follow(Link(REFUSED), RUNNING).hide(SUSPENDED) == SUSPENDED


def test_job_that_leaves_its_machine_while_we_suspend_it_was_never_suspended_for_the_person():
    assert follow(Link(FAILED), RUNNING).hide(SUSPENDED).phase is Phase.RUNNING


def test_trouble_is_told_while_it_lasts_and_cannot_steer_the_terminal():
    heard = []
    link = Link(['{"step": "trouble", "why": "no \\u001b[2Jschedd"}', *CONTINUED])
    entry = follow(link, RUNNING)
    heard.append(entry.trouble)
    assert heard == [""]
    entry = follow(Link(['{"step": "trouble", "why": "no \\u001b[2Jschedd"}']), RUNNING)
    assert entry.trouble == "no schedd"


@pytest.mark.parametrize(
    "lines",
    [
        ["001 (007.000.000) 2026-11-29 04:40:57 Job executing", "...", "010 (007.000.000) 2026-11-29 04:40 Suspended"],
        ["<c>", '    <a n="EventTypeNumber"><i>1</i></a>', "</c>", '    <a n="EventTypeNumber"><i>10</i></a>'],
        ["{", '    "EventTypeNumber": 1,', "}", "{", '    "EventTypeNumber": 10'],
    ],
)
def test_log_is_read_in_any_format_and_as_it_grows(tmp_path, lines):
    path = tmp_path / "jupyter-7.log"
    log = Log(str(path), "7.0")
    log.read()
    assert not log.is_on_machine
    path.write_text("\n".join(lines))
    log.read()
    assert (log.starts, log.is_suspended) == (1, False)  # the last line isn't complete
    with path.open("a") as file:
        file.write("\n")
    log.read()
    assert (log.starts, log.suspensions, log.is_suspended) == (1, 1, True)


def test_mark_says_which_start_and_what_to_do(tmp_path):
    log = str(tmp_path / "jupyter-7.log")
    assert read_mark(log) == 0
    assert write_mark(log, "7.0", 2)
    assert read_mark(log) == 2
    assert locate_mark(log) == str(tmp_path / "jupyter-7.suspended")
    assert "chtc-jupyter connect 7.0" in (tmp_path / "jupyter-7.suspended").read_text()
    assert not write_mark(str(tmp_path / "missing/jupyter-7.log"), "7.0", 1)


def test_first_suspension_of_a_start_is_over_once_the_job_was_continued_whoever_suspends_it_next(tmp_path):
    path = tmp_path / "jupyter-7.log"
    path.write_text(
        "".join(f"0{number} (007.000.000) 2026-11-29 04:40:57 x\n...\n" for number in ("01", "10", "11", "10"))
    )
    log = Log(str(path), "7.0")
    log.read()
    assert (log.is_suspended, log.suspensions, log.continuations) == (True, 2, 1)
    with path.open("a") as file:
        file.write("004 (007.000.000) x\n...\n001 (007.000.000) x\n...\n")
    log.read()
    assert (log.starts, log.suspensions, log.continuations) == (2, 0, 0)


def test_after_a_reconnection_the_log_does_not_know_whether_the_job_is_suspended(tmp_path):
    path = tmp_path / "jupyter-7.log"
    path.write_text("".join(f"{number} (007.000.000) x\n...\n" for number in ("001", "010", "022")))
    log = Log(str(path), "7.0")
    log.read()
    assert (log.is_suspended, log.is_disconnected, log.reconnections) == (True, True, 0)
    with path.open("a") as file:
        file.write("023 (007.000.000) x\n...\n")
    log.read()
    assert (log.is_suspended, log.is_disconnected, log.reconnections) == (False, False, 1)
