"""What operators are told of a day agrees with what a person counts by hand."""

import json
import subprocess
from collections import Counter
from datetime import datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chtc_condor.codes import JobEventType, JobStatus
from support.session import sessions
from support.waiting import wait_for
from testbed.artifacts import launcher, promtool

#: The events that end a start: its slot is free again.
ENDED = (JobEventType.JOB_EVICTED, JobEventType.JOB_TERMINATED, JobEventType.JOB_ABORTED, JobEventType.JOB_HELD)
#: With many starts at once HTCondor lets few send at a time: the slot is taken from the wait on.
WAITED_OR_SENT = ("Entered queue to transfer input", "Started transferring input")
#: Seconds that a start may be off: it and its end are written down by different daemons, on a busy machine.
SLACK = 6


def clock(text):
    return datetime.fromisoformat(text).timestamp()


def hand_count(session):
    """Count the seconds of a session's starts in its event log, and those from ready to stopping; and the starts."""
    seconds, began, starts = 0.0, None, 0
    for event in session.log.events():
        if event.text.startswith(WAITED_OR_SENT) and began is None:
            began, starts = clock(event.at), starts + 1
        elif event.type in ENDED and began is not None:
            seconds, began = seconds + clock(event.at) - began, None
    if began is not None:
        seconds += float(session.ap("date", "+%s").stdout) - began
    idle, ready = 0.0, None
    for event in session.events():
        if event.state == "ready":
            ready = ready or event.at
        elif event.state == "stopping" and ready:
            idle, ready = idle + (event.at - ready).total_seconds(), None
    return seconds, idle, starts


def admin(pool, *words, user="carol"):
    done = pool.exec("ap", ["chtc-jupyter", "admin", *words], user=user)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_numbers_of_a_day_agree_with_a_hand_count(own_pool):
    launcher.place(own_pool, "ap")
    assert "no sessions" in own_pool.exec("ap", ["chtc-jupyter", "admin"], user="carol").stderr
    with sessions(own_pool) as new:
        idle = new().submit("--idle-timeout 20s --max-runtime 1h", "request_gpus = 2")
        stopped, removed, runs = new().submit(), new().submit(), new().submit("", "request_gpus = 1")
        evicted = new("bob").submit("--max-runtime 90s")
        failed, held = new("bob").submit("--idle-timeout soon"), new("bob").submit()

        evicted.ready(120)
        evicted.ap("condor_vacate_job", evicted.job, check=True)
        stopped.ready(120)
        stopped.execute(stopped.start_kernel(), "import time; time.sleep(3600)")
        for session, command in ((held, "condor_hold"), (removed, "condor_rm")):
            session.ready(120)
            session.ap(command, session.job, check=True)
        held.wait_status(JobStatus.HELD)
        idle.wait_gone(120)
        evicted.wait_gone(120)
        stopped.inside("jupyter-session", "stop")
        for session in (stopped, removed, failed):
            session.wait_gone(120)
        runs.ready(120)
        mine, his = [idle, stopped, removed, runs], [evicted, failed, held]
        wait_for(lambda: not evicted.ap("condor_q", evicted.job, "-af", "JobStatus").stdout.strip(), 60, "its end")

        told = json.loads(admin(own_pool, "--json", "--since", "1d"))
        alice, bob = told["users"]
        for user, name, own in ((alice, "alice", mine), (bob, "bob", his)):
            counted = [hand_count(session) for session in own]
            starts = sum(count for _, _, count in counted)
            assert user["user"] == name
            assert user["sessions"] == len(own)
            assert user["hours"] * 3600 == pytest.approx(sum(seconds for seconds, _, _ in counted), abs=SLACK * starts)
        (gpu_seconds, waited, _), (run_seconds, _, _) = hand_count(idle), hand_count(runs)
        assert alice["gpu_hours"] * 3600 == pytest.approx(2 * gpu_seconds + run_seconds, abs=3 * SLACK)
        assert bob["gpu_hours"] == 0
        assert alice["gpus_now"] == 1
        assert (alice["now"], bob["now"]) == ({"ready": 1}, {"held": 1})
        assert alice["ended"] == {"idle stop": 1, "stopped": 1, "removed": 1}
        assert bob["ended"] == {"deadline": 1, "failed": 1, "held": 1, "evicted": 1}
        # One has waited for all of its life; of those that were ended by hand, seconds at most; one has worked.
        assert waited - SLACK <= alice["idle_hours"] * 3600 <= waited + hand_count(removed)[1] + 3 * SLACK
        assert alice["saved_hours"] * 3600 == pytest.approx(3600 - waited, abs=2 * SLACK)
        assert (bob["saved_hours"], bob["unlimited_idle_stops"]) == (0, 0)
        assert told["total"]["ended"] == dict(Counter(alice["ended"]) + Counter(bob["ended"]))

        only = json.loads(admin(own_pool, "--json", "--user", "bob"))
        assert [user["user"] for user in only["users"]] == ["bob"]
        text = " ".join(admin(own_pool).split())
        for words in ("alice 1 ready", "1 idle stop, 1 stopped, 1 removed", "bob 1 held"):
            assert words in text

        check_prometheus(own_pool, alice, bob)


def check_prometheus(pool, alice, bob):
    """Check that the file says the same as the JSON did."""
    pool.exec("ap", ["install", "-d", "-o", "carol", "/srv/textfile"], check=True)
    admin(pool, "--prometheus", "/srv/textfile/chtc_jupyter.prom")
    assert pool.exec("ap", ["ls", "-A", "/srv/textfile"]).stdout.split() == ["chtc_jupyter.prom"]
    prom = pool.exec("ap", ["cat", "/srv/textfile/chtc_jupyter.prom"], user="nobody", check=True).stdout
    checked = subprocess.run(
        [promtool.get(), "check", "metrics"], input=prom, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(prom)
        for sample in family.samples
    }
    assert found["chtc_jupyter_sessions", "alice", "ready"] == found["chtc_jupyter_gpus", "alice"] == 1
    assert found["chtc_jupyter_ends", "bob", "deadline"] == found["chtc_jupyter_ends", "alice", "idle stop"] == 1
    assert found["chtc_jupyter_slot_seconds", "bob"] == pytest.approx(bob["hours"] * 3600, abs=1)
    assert found["chtc_jupyter_saved_seconds", "alice"] == pytest.approx(alice["saved_hours"] * 3600, abs=1)

    refused = pool.exec("ap", ["chtc-jupyter", "admin", "--prometheus", "/srv/no/a.prom"], user="carol")
    assert refused.returncode == 2
    assert "can't be written: No such file or directory" in refused.stderr
