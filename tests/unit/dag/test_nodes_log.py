"""DAGMan's log of its nodes' jobs, and what it says of them."""

import nodes_log
from chtc_condor.event_log import measure_complete, parse_events
from nodes_log import Job

SUBMITTED = (
    "000 (003.000.000) 2026-11-23 06:02:47 Job submitted from host: <10.77.0.10:9618?addrs=x>\n"
    '    [ DAGNodeName = "session"; JobBatchName = "x.dag+1" ]\n...\n'
)
OLD_SUBMITTED = "000 (003.000.000) 11/23 06:02:47 Job submitted from host: <x>\n    DAG Node: session\n...\n"
RUNNING = "001 (003.000.000) 2026-11-23 06:02:55 Job executing on host: <10.77.0.20:9618>\n\tSlotName: s@ep1\n...\n"
READY = '008 (003.000.000) 2026-11-23 06:03:00 jupyter-session {"state": "ready", "reason": "In use."}\n...\n'
EVICTED = (
    "004 (003.000.000) 2026-11-23 06:03:28 Job was evicted.\n\t(0) CPU times\n\tReason: Vacated by user alice\n...\n"
)
REMOVED = "009 (003.000.000) 2026-11-23 06:03:28 Job was aborted.\n\tvia condor_rm (by user alice)\n...\n"
HELD = "012 (003.000.000) 2026-11-23 06:03:28 Job was held.\n\tIt is too big\n\tCode 26 Subcode 0\n...\n"
DONE = "005 (003.000.000) 2026-11-23 06:04:00 Job terminated.\n\t(1) Normal termination (return value 0)\n...\n"
POSTED = (
    "016 (003.000.000) 2026-11-23 06:04:01 POST Script terminated.\n\t(1) Normal termination (return value 0)\n"
    "    DAG Node: session\n...\n"
)


def job(*texts):
    return nodes_log.collect_jobs(parse_events("".join(texts).encode()))["3.0"]


def test_a_job_is_known_by_its_node_however_the_log_names_it():
    assert job(SUBMITTED) == Job("3.0", "session", "2026-11-23 06:02:47")
    assert job(OLD_SUBMITTED) == Job("3.0", "session", "11/23 06:02:47")


def test_what_the_session_said_and_what_htcondor_said_are_kept_apart():
    found = job(SUBMITTED, RUNNING, READY, EVICTED)
    assert (found.state, found.reason, found.why) == ("ready", "In use.", "Vacated by user alice")
    assert not found.ended


def test_a_new_start_forgets_the_run_before():
    again = job(SUBMITTED, RUNNING, READY, EVICTED, RUNNING)
    assert again == Job("3.0", "session", "2026-11-23 06:02:55", started="2026-11-23 06:02:55", ran=True)


def test_an_end_and_its_post_script():
    assert job(SUBMITTED, RUNNING, DONE).ended
    assert not job(SUBMITTED, RUNNING, DONE).posted
    assert job(SUBMITTED, RUNNING, DONE, POSTED).posted
    assert job(SUBMITTED, REMOVED).why == "via condor_rm (by user alice)"
    assert job(SUBMITTED, HELD).why == "It is too big"
    assert not job(SUBMITTED, HELD).ended


def test_an_event_that_is_not_whole_yet_is_left():
    data = (SUBMITTED + READY[:-6]).encode()
    assert measure_complete(data) == len(SUBMITTED)
    assert [event.type for event in parse_events(data)] == [0]
    assert measure_complete(READY[:-6].encode()) == 0


def test_events_of_others_and_odd_lines_are_harmless():
    odd = '008 (003.000.000) 2026-11-23 06:03:00 jupyter-session {"state": \n...\nnonsense\n...\n'
    other = "008 (003.000.000) 2026-11-23 06:03:00 jupyter-session [1]\n...\n" + READY.replace("003", "004")
    assert job(SUBMITTED, odd, other).state == ""
