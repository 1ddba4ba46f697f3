"""A job's event log, as HTCondor writes it, and what it says of a job."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chtc_condor.event_log import EventReader
from chtc_jupyter.condor.job_progress import JobProgress, Phase, apply_event

SUBMITTED = "000 (012.000.000) 2026-11-23 02:24:47 Job submitted from host: <10.77.0.10:9618?addrs=x>\n...\n"
TRANSFER = "040 (012.000.000) 2026-11-23 02:24:50 Started transferring input files\n\tTransferring to host: <x>\n...\n"
RUNNING = "001 (012.000.000) 2026-11-23 02:24:50 Job executing on host: <x>\n\tSlotName: slot1_1@ep1\n\tCpus = 1\n...\n"
OLD = "001 (012.000.000) 11/23 02:24:50 Job executing on host: <10.77.0.20:9618?x>\n...\n"
STARTING = '008 (012.000.000) 2026-11-23 02:24:53 jupyter-session {"state": "starting", "reason": "It starts."}\n...\n'
READY = (
    '008 (012.000.000) 2026-11-23 02:24:55 jupyter-session {"state": "ready", "reason": "It is ready.", '
    '"url": "http://127.0.0.1:18880/lab"}\n...\n'
)
STOPPED = (
    '008 (012.000.000) 2026-11-23 02:25:06 jupyter-session {"state": "stopped", "reason": "Idle.", '
    '"url": "http://127.0.0.1:18880/lab"}\n...\n'
)
EVICTED = (
    "004 (012.000.000) 2026-11-23 02:25:06 Job was evicted. Code 1003 Subcode 0\n\t(0) CPU times\n"
    "\tReason: Vacated by user alice\n...\n"
)
DONE = "005 (012.000.000) 2026-11-23 02:25:06 Job terminated.\n\t(1) Normal termination (return value 0)\n...\n"
REMOVED = "009 (012.000.000) 2026-11-23 02:25:06 Job was aborted.\n\tvia condor_rm (by user alice)\n...\n"
HELD = "012 (012.000.000) 2026-11-23 02:25:06 Job was held.\n\tIt is too big\n\tCode 26 Subcode 0\n...\n"
RELEASED = "013 (012.000.000) 2026-11-23 02:25:16 Job was released.\n\tvia condor_release (by user alice)\n...\n"
LOST = "022 (012.000.000) 2026-11-23 02:25:06 Job disconnected, attempting to reconnect\n\tSocket closed\n...\n"
FOUND = "023 (012.000.000) 2026-11-23 02:25:09 Job reconnected to slot1_1@ep1\n...\n"
GONE = "024 (012.000.000) 2026-11-23 02:25:09 Job reconnection failed\n\tIts lease has expired\n...\n"
OTHER = READY.replace("012.000", "013.000").replace("18880", "11111")


def course(*texts):
    reader, progress = EventReader(), JobProgress()
    for event in filter(None, map(reader.feed, "".join(texts).splitlines())):
        progress = apply_event(progress, event) if event.job == "12.0" else progress
    return progress


@pytest.mark.parametrize(
    ("texts", "phase"),
    [
        ((), Phase.QUEUED),
        ((SUBMITTED,), Phase.QUEUED),
        ((SUBMITTED, TRANSFER), Phase.TRANSFER),
        ((SUBMITTED, TRANSFER, RUNNING), Phase.RUNNING),
        ((SUBMITTED, OLD), Phase.RUNNING),
        ((SUBMITTED, RUNNING, STARTING), Phase.RUNNING),
        ((SUBMITTED, RUNNING, STARTING, READY), Phase.READY),
        ((SUBMITTED, RUNNING, OTHER), Phase.RUNNING),
        ((SUBMITTED, RUNNING, READY, LOST), Phase.LOST),
        ((SUBMITTED, RUNNING, READY, LOST, FOUND), Phase.READY),
        ((SUBMITTED, RUNNING, READY, LOST, GONE), Phase.QUEUED),
        ((SUBMITTED, RUNNING, READY, STOPPED), Phase.STOPPING),
        ((SUBMITTED, RUNNING, READY, STOPPED, EVICTED), Phase.QUEUED),
        ((SUBMITTED, RUNNING, READY, STOPPED, EVICTED, RUNNING, READY), Phase.READY),
        ((SUBMITTED, RUNNING, READY, HELD), Phase.HELD),
        ((SUBMITTED, RUNNING, READY, HELD, RELEASED), Phase.QUEUED),
        ((SUBMITTED, RUNNING, READY, STOPPED, DONE), Phase.ENDED),
        ((SUBMITTED, REMOVED), Phase.ENDED),
    ],
)
def test_phase_of_a_job_follows_its_log(texts, phase):
    assert course(*texts).phase is phase


def test_the_way_to_the_server_is_known_only_while_it_is_ready():
    assert course(SUBMITTED, RUNNING, READY).port == 18880
    assert course(SUBMITTED, RUNNING, READY).host == "ep1"
    for after in (STOPPED, EVICTED, HELD, DONE, REMOVED, GONE, RUNNING):
        assert course(SUBMITTED, RUNNING, READY, after).port is None


def test_reasons_are_those_of_the_session_and_of_htcondor():
    assert course(SUBMITTED, RUNNING, READY, STOPPED, DONE).reason == "Idle."
    assert course(SUBMITTED, RUNNING, READY, STOPPED, DONE).exit_status == 0
    assert course(SUBMITTED, RUNNING, HELD).why == "It is too big"
    assert course(SUBMITTED, RUNNING, READY, EVICTED).why == "Vacated by user alice"
    assert course(SUBMITTED, REMOVED).removed
    assert course(SUBMITTED, RUNNING, READY, EVICTED, RUNNING).starts == 2


def test_what_a_machine_said_went_wrong_is_kept_until_the_session_is_ready():
    trouble = "021 (012.000.000) 2026-11-23 02:59:12 Error from starter on slot1_3@ep1:\n\tNo such image\n...\n"
    assert course(SUBMITTED, RUNNING, trouble, EVICTED, RUNNING, EVICTED, HELD).trouble == "No such image"
    assert course(SUBMITTED, RUNNING, trouble, EVICTED, RUNNING, READY).trouble == ""
    assert course(SUBMITTED, RUNNING, READY, EVICTED, RUNNING, HELD).was_ready
    assert not course(SUBMITTED, RUNNING, EVICTED, HELD).was_ready


def test_files_that_could_not_be_brought_back_are_known_until_the_next_start():
    failed = (
        "021 (012.000.000) 2026-11-23 06:14:22 Error from starter on slot1_1@ep1:\n"
        "\tSTARTER at 10.77.0.20 failed to send file(s) to <10.77.0.10:9618>; SHADOW at 10.77.0.10 - "
        "|Error: writing to file /home/a/b.bin: (errno 28) No space left on device\n\tCode 12 Subcode 28\n...\n"
    )
    ended = course(SUBMITTED, RUNNING, READY, STOPPED, failed, EVICTED, REMOVED)
    assert ended.lost == "writing to file /home/a/b.bin: (errno 28) No space left on device"
    assert not ended.trouble
    assert not course(SUBMITTED, RUNNING, READY, failed, EVICTED, RUNNING).lost


def test_an_event_counts_once_it_is_whole():
    text = SUBMITTED + RUNNING
    for cut in range(len(SUBMITTED), len(text) - 4):
        assert course(text[:cut]).phase is Phase.QUEUED


@given(
    st.lists(st.sampled_from([SUBMITTED, RUNNING, READY, EVICTED, HELD, LOST, FOUND, "junk\n...\n", "...\n", "008"]))
)
def test_no_log_breaks_the_reader(texts):
    assert isinstance(course(*texts).phase, Phase)


@given(st.text())
def test_no_text_of_a_user_breaks_the_reader(text):
    event = f"008 (012.000.000) 2026-11-23 02:24:53 jupyter-session {text}\n...\n"
    assert isinstance(course(SUBMITTED, RUNNING, event).phase, Phase)


def test_a_session_that_tells_its_state_without_its_address_keeps_the_one_it_had():
    expiring = READY.replace('"ready"', '"expiring"')
    for told in (expiring, expiring.replace(', "url": "http://127.0.0.1:18880/lab"', "")):
        assert course(SUBMITTED, RUNNING, READY, told).port == 18880
    assert course(SUBMITTED, RUNNING, READY, STARTING).port is None
