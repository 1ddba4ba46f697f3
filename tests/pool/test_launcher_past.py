"""Sessions that ended, were removed or were started elsewhere while no launcher looked."""

import pytest

from chtc_condor.codes import JobStatus
from support.hosts import login_shell
from support.waiting import wait_for


def remembered(laptop):
    return laptop.call_json("list", "--ap", "ap")


def test_session_that_ended_unseen_is_told_once_and_its_name_is_free_again(new_laptop):
    laptop = new_laptop("bob")
    job = laptop.start_and_leave()
    laptop.on_ap("condor_ssh_to_job", job, "jupyter-session", "stop")
    wait_for(lambda: not laptop.queued(), 60, "the job to end")
    told = laptop.call("list")
    for part in (
        f"(job {job})",
        "stopped by its user",
        f"{laptop.folder}/notebooks",
        f"chtc-jupyter start {laptop.name}",
    ):
        assert part in told.stderr
    assert laptop.call("forget", laptop.name).returncode == 22
    again = laptop.start()
    assert laptop.answers(again.url())
    assert laptop.job() != job


@pytest.mark.slow
def test_every_verb_says_how_a_session_ended_that_somebody_removed(new_laptop):
    for verb, status in (("status", 0), ("connect", 32), ("stop", 22), ("logs", 0)):
        laptop = new_laptop("bob")
        running = laptop.start("--memory", "100GB")
        running.wait_for("queued")
        running.close()
        job = laptop.job()
        laptop.on_ap("condor_rm", job)
        wait_for(lambda laptop=laptop: not laptop.queued(), 60, "the job to go")
        told = laptop.call(verb, laptop.name)
        assert told.returncode == status, (verb, told)
        said = told.stdout + told.stderr
        assert "via condor_rm (by user bob)" in said, verb
        assert laptop.call("forget", laptop.name).returncode == 22, verb


def test_name_is_taken_wherever_the_session_was_started(new_laptop):
    first, other = new_laptop("bob"), new_laptop("bob")
    first.start_and_leave()
    other.name = first.name
    refused = other.start()
    assert refused.wait_end() == 22
    assert f"connect {first.name}" in refused.output
    assert first.queued() == [JobStatus.RUNNING]


#: A condor_submit that waits until three of it have come, and then is the real one.
TOGETHER = """#!/bin/sh
touch "$0.$$"
for moment in $(seq 600); do [ "$(ls "$0".* | wc -l)" -ge 3 ] && break; sleep 0.1; done
exec /usr/bin/condor_submit "$@"
"""


def test_of_several_starts_of_one_name_in_the_same_second_one_stays(new_laptop, pool):
    laptop = new_laptop("alice", ap="together")
    folder = f"/home/alice/{laptop.name}"
    config = f"Host together\n HostName ap\n HostKeyAlias ap\n SetEnv LC_TOGETHER={laptop.name}\n"
    pool.put("laptop", "/etc/ssh/ssh_config.d/together.conf", config.encode())
    pool.put("ap", f"{folder}/condor_submit", TOGETHER.encode(), "alice", mode=0o755)
    with login_shell(pool, "alice", f'[ "$LC_TOGETHER" = {laptop.name} ] && PATH={folder}:$PATH'):
        started = [laptop.start() for _ in range(3)]
        wait_for(lambda: [one for one in started if one.process.poll() is not None][1:], 120, "two to end")
    pool.exec("ap", ["rm", "-rf", folder])
    stays = next(one for one in started if one.process.poll() is None)
    assert stays.url()
    for one in started:
        if one is not stays:
            assert one.wait_end() == 22, one.output
            assert f"There is already a session {laptop.name!r}" in one.output
    wait_for(lambda: laptop.queued() == [JobStatus.RUNNING], 60, "one job to be left")
