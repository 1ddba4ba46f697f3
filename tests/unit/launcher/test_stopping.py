"""How a job is stopped, step by step."""

import dataclasses

import pytest

from chtc_condor.codes import JobStatus
from chtc_jupyter.commands import stop_messages
from chtc_jupyter.commands.stop import loses_files
from chtc_jupyter.condor.job_progress import Phase
from chtc_jupyter.condor.stopping import Inside, Seen, Step, choose_step

RUNS = Seen(status=JobStatus.RUNNING, state="ready", phase=Phase.READY)


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({}, Step.ASK),
        ({"state": ""}, Step.ASK),  # without chirp nothing is published
        ({"state": "stopping"}, Step.WAIT),  # it ends already
        ({"state": "stopped", "waited": 61}, Step.ASK),  # that was an earlier run
        ({"phase": Phase.LOST}, Step.REMOVE),
        ({"status": JobStatus.IDLE}, Step.REMOVE),
        ({"status": JobStatus.HELD}, Step.REMOVE),
        ({"status": JobStatus.SUSPENDED}, Step.REMOVE),
        ({"status": JobStatus.TRANSFERRING_OUTPUT}, Step.WAIT),
        ({"status": JobStatus.REMOVED}, Step.WAIT),
        ({"status": None}, Step.DONE),
        ({"phase": Phase.ENDED}, Step.DONE),
        ({"inside": Inside.ASKED, "waited": 29}, Step.WAIT),
        ({"inside": Inside.ASKED, "waited": 31}, Step.REMOVE),
        ({"inside": Inside.ASKED, "waited": 59, "state": "stopping"}, Step.WAIT),  # it was slow to answer, and ends
        ({"inside": Inside.ASKED, "waited": 61, "state": "stopping"}, Step.REMOVE),
        ({"inside": Inside.REFUSED}, Step.WAIT),  # what the queue said before may be old
        ({"inside": Inside.REFUSED, "waited": 31}, Step.REMOVE),  # the queue doesn't answer
        ({"inside": Inside.REFUSED, "asked_since": True}, Step.REMOVE),
        ({"inside": Inside.FORBIDDEN, "asked_since": True}, Step.REMOVE),
        ({"inside": Inside.REFUSED, "asked_since": True, "state": "stopping", "waited": 59}, Step.WAIT),
        ({"inside": Inside.FORBIDDEN, "asked_since": True, "state": "stopped", "waited": 59}, Step.WAIT),
        ({"inside": Inside.REFUSED, "asked_since": True, "state": "stopping", "waited": 61}, Step.REMOVE),
        ({"inside": Inside.STOPPING, "waited": 59}, Step.WAIT),
        ({"inside": Inside.STOPPING, "waited": 61}, Step.REMOVE),
        ({"inside": Inside.STOPPING, "waited": 601, "vacate_time": 600}, Step.WAIT),
        ({"inside": Inside.STOPPED, "waited": 59}, Step.WAIT),
        ({"inside": Inside.STOPPED, "waited": 61}, Step.REMOVE),  # something keeps it on its machine
        ({"inside": Inside.STOPPED, "waited": 999, "returning": True}, Step.WAIT),
        ({"inside": Inside.STOPPED, "interactive": True}, Step.REMOVE),
        ({"inside": Inside.STOPPED, "status": JobStatus.IDLE}, Step.REMOVE),  # it would start again
        ({"inside": Inside.STOPPED, "restarted": True}, Step.REMOVE),
        ({"removed": True, "status": JobStatus.RUNNING}, Step.WAIT),
    ],
)
def test_next_step_of_a_stop(change, step):
    assert choose_step(dataclasses.replace(RUNS, **change)) is step


@pytest.mark.parametrize("inside", list(Inside))
def test_files_on_their_way_back_are_never_cut_off(inside):
    assert choose_step(dataclasses.replace(RUNS, inside=inside, returning=True, waited=9999)) is Step.WAIT


@pytest.mark.parametrize(
    ("status", "when", "spool", "expected"),
    [
        (JobStatus.RUNNING, "ON_EXIT_OR_EVICT", False, False),
        (JobStatus.RUNNING, "ON_EXIT_OR_EVICT", None, True),
        (JobStatus.SUSPENDED, "ON_EXIT", False, True),
        (JobStatus.HELD, "ON_EXIT_OR_EVICT", False, False),
        (JobStatus.HELD, "ON_EXIT_OR_EVICT", None, True),
        (JobStatus.IDLE, "ON_EXIT_OR_EVICT", True, True),
        (JobStatus.IDLE, "ON_EXIT", None, False),  # nothing has come to the spool
    ],
)
def test_a_removal_that_loses_files_is_known_by_the_submit_file(status, when, spool, expected):
    ad = {"JobStatus": status, "WhenToTransferOutput": when, **({} if spool is None else {"SpoolOnEvict": spool})}
    assert loses_files(ad) == expected


def test_what_a_removal_would_lose_is_told_with_a_way_out():
    held = stop_messages.describe_unsaved_removal("3.0", {"JobStatus": JobStatus.HELD}, Inside.UNASKED)
    assert "`My.SpoolOnEvict = false`" in held
    assert "condor_release 3.0" in held
    suspended = stop_messages.describe_unsaved_removal("3.0", {"JobStatus": JobStatus.SUSPENDED}, Inside.UNASKED)
    assert "is suspended" in suspended
    silent = stop_messages.describe_unsaved_removal("3.0", {"JobStatus": JobStatus.RUNNING}, Inside.ASKED)
    assert "didn't end by itself" in silent
    kept = stop_messages.describe_unsaved_removal("3.0", {"JobStatus": JobStatus.RUNNING}, Inside.STOPPED)
    assert "end that login" in kept
    assert all("--force" in said for said in (held, suspended, silent, kept))
