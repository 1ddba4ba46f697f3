"""The early way in: a job that is suspended for a moment at its start is never left so, whatever dies meanwhile."""

import itertools
import json
import random
import time

import pytest

from chtc_condor.codes import JobEventType, JobStatus
from chtc_jupyter.early_entry import Plan, build_command
from support.disturbed_start import disturb
from support.hosts import configure
from support.job_log import JobLog
from support.laptop import laptops
from support.waiting import wait_for

SLEEP = """executable = /bin/sleep
arguments = {}
transfer_executable = false
log = jupyter-$(Cluster).log
request_memory = 64MB
{}
queue
"""
#: Seconds for which a job sleeps, by which its process is known on the execution point.
SECONDS = itertools.count(100_000)
#: Starts that weren't well a minute later on the way to this: both were suspended, by the queue.
FAILED = (33, 75)
#: What dies, by the pattern of its command line.
PYTHON, GUARD = "^python3 -I -c import sys; exec", "^/bin/sh -c .*The guard of a job"


class Sleeper:
    """A job that sleeps, with the early way in."""

    def __init__(self, pool, *lines: str) -> None:
        self.pool = pool
        self.folder = "/home/alice/early"
        self.ap("mkdir", "-p", self.folder)
        self.seconds = next(SECONDS)
        text = SLEEP.format(self.seconds, "\n".join(lines))
        done = pool.exec("ap", ["condor_submit", "-terse", "-"], user="alice", input=text, cwd=self.folder, check=True)
        self.job = done.stdout.split()[0]
        self.path = f"{self.folder}/jupyter-{self.job.partition('.')[0]}.log"
        self.log = JobLog(pool.path("ap", self.path))
        self.mark = pool.path("ap", self.path.replace(".log", ".suspended"))
        wait_for(lambda: self.log.has(JobEventType.EXECUTE), 60, "the job's start", 0.02)

    def ap(self, *argv: str) -> str:
        done = self.pool.exec("ap", argv, user="alice", timeout=60)
        return done.stdout + done.stderr

    def status(self) -> str:
        return self.ap("condor_q", self.job, "-af", "JobStatus").strip()

    def enter(self, *, suspends: bool = True, before: str = "", after: str = ""):
        """Begin the early way in, as the agent does; with shell commands to run before or after `condor_suspend`."""
        argv = [
            "/usr/bin/python3",
            *build_command(Plan("alice", self.job, self.path, suspends))[1:],
        ]  # {python} is first
        if not before and not after:
            return self.pool.popen("ap", argv, user="alice")
        place = f"/home/alice/before-{self.job}"
        script = f'#!/bin/sh\n{before}\n/usr/bin/condor_suspend "$@"\nstatus=$?\n{after}\nexit $status\n'
        self.ap("mkdir", "-p", place)
        self.pool.put("ap", f"{place}/condor_suspend", script.encode(), "alice", 0o755)
        return self.pool.popen("ap", argv, user="alice", env={"PATH": f"{place}:/usr/bin:/bin"})

    def count(self, event: JobEventType) -> int:
        return sum(found.type == event for found in self.log.events())

    def is_stopped(self) -> bool:
        """Return whether its process stands still."""
        script = f"for p in $(pgrep -f '^/bin/sleep {self.seconds}'); do grep '^State:.T' /proc/$p/status; done"
        return bool(self.pool.exec("ep1", ["sh", "-c", script]).stdout)

    def is_well(self) -> bool:
        """Return whether its log, the queue, and its process say that it runs, in its first start."""
        ours = (JobEventType.JOB_SUSPENDED, JobEventType.JOB_UNSUSPENDED)
        last = [event.type for event in self.log.events() if event.type in ours][-1:]
        seen = last != [JobEventType.JOB_SUSPENDED] and self.count(JobEventType.EXECUTE) == 1
        return (
            seen and not self.mark.exists() and self.status() == str(JobStatus.RUNNING.value) and not self.is_stopped()
        )

    def tell(self) -> str:
        """Return what there is to know if a test fails."""
        events = [event.type.name for event in self.log.events()]
        return f"status {self.status()}, stopped {self.is_stopped()}, {events}, left: {self.left()}"

    def lose_track(self) -> None:
        """Suspend it, and kill schedd and shadow; wait until HTCondor has found it again."""
        self.ap("condor_suspend", self.job)
        wait_for(lambda: self.log.has(JobEventType.JOB_SUSPENDED) and self.is_stopped(), 30, self.tell, 0.01)
        self.pool.exec("ap", ["pkill", "-KILL", "condor_s(chedd|hadow)"])
        wait_for(lambda: self.log.has(JobEventType.JOB_RECONNECTED) and self.status(), 120, self.tell)
        self.ap("sh", "-c", f"echo 1 >{self.folder}/{self.mark.name}")

    def say(self, status: JobStatus) -> None:
        """Have the queue say that it has another status."""
        self.ap("condor_qedit", self.job, "JobStatus", str(status.value))

    def left(self) -> str:
        """Return what of the early way in still runs on the access point."""
        return self.ap("pgrep", "-u", "alice", "-af", self.match(f"({PYTHON}|{GUARD})"))

    def match(self, program: str) -> str:
        """Return the pattern of a program that is about this job."""
        return f'{program}.*"job": "{self.job}"'

    def remove(self) -> None:
        self.ap("condor_rm", self.job)


@pytest.fixture
def new_sleeper(pool):
    given = []

    def new(*lines):
        given.append(Sleeper(pool, *lines))
        return given[-1]

    yield new
    for sleeper in given:
        sleeper.remove()


def read_steps(running) -> list[dict]:
    return [json.loads(line) for line in running.communicate(timeout=60)[0].splitlines()]


def test_a_job_is_suspended_for_a_moment_with_three_commands_of_htcondors(new_sleeper):
    sleeper = new_sleeper()
    suspended, continued, over = read_steps(sleeper.enter())
    assert (suspended, continued) == ({"step": "suspended"}, {"step": "continued"})
    assert (over["how"], over["commands"]) == ("continued", 3)
    wait_for(sleeper.is_well, 10, sleeper.tell)
    assert not sleeper.left()
    (again,) = read_steps(sleeper.enter())
    assert (again["how"], again["commands"]) == ("not suspended", 0)
    assert sleeper.count(JobEventType.JOB_SUSPENDED) == 1


def test_operators_can_forbid_it_by_an_attribute_of_the_job(new_sleeper):
    sleeper = new_sleeper("My.JupyterEarlyEntry = false")
    (over,) = read_steps(sleeper.enter())
    assert over["how"] == "refused"
    assert sleeper.count(JobEventType.JOB_SUSPENDED) == 0
    wait_for(sleeper.is_well, 10, sleeper.tell)


@pytest.mark.slow
def test_killed_before_it_asks_for_the_suspension_it_leaves_nothing_to_wait_for(new_sleeper):
    sleeper = new_sleeper()
    running = sleeper.enter(before="kill -KILL $PPID; exit 1")
    wait_for(lambda: not sleeper.left() and sleeper.is_well(), 40, lambda: f"the guard's end: {sleeper.left()}")
    running.communicate(timeout=30)


def test_killed_while_its_command_is_on_its_way_the_guard_waits_for_the_suspension(new_sleeper):
    sleeper = new_sleeper()
    running = sleeper.enter(before="kill -KILL $PPID; sleep 25")
    wait_for(lambda: sleeper.count(JobEventType.JOB_UNSUSPENDED), 60, lambda: f"the job to go on: {sleeper.left()}")
    wait_for(lambda: not sleeper.left() and sleeper.is_well(), 30, lambda: f"the guard's end: {sleeper.left()}")
    running.communicate(timeout=30)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_killed_in_the_middle_the_job_goes_on(new_sleeper, seed):
    chance = random.Random(seed)  # noqa: S311
    sleeper = new_sleeper()
    running = sleeper.enter()
    pattern = (PYTHON, GUARD)[seed % 2]
    delay = chance.uniform(0.05, 0.4)
    sleeper.ap("sh", "-c", f"sleep {delay}; pkill -KILL -u alice -f '{sleeper.match(pattern)}'")
    wait_for(lambda: not sleeper.left() and sleeper.is_well(), 60, lambda: f"the job to go on: {sleeper.log.text()}")
    running.communicate(timeout=30)


def test_a_suspension_that_was_left_with_its_mark_is_ended_and_one_of_the_machines_is_not(new_sleeper):
    left, other = new_sleeper(), new_sleeper()
    for sleeper in (left, other):
        sleeper.ap("condor_suspend", sleeper.job)
        wait_for(lambda sleeper=sleeper: sleeper.log.has(JobEventType.JOB_SUSPENDED), 30, "the suspension", 0.1)
    left.ap("sh", "-c", f"echo 1 >{left.mark.name}; mv {left.mark.name} {left.folder}/")
    assert read_steps(left.enter(suspends=False))[-1]["how"] == "continued"
    wait_for(left.is_well, 30, left.tell, 0.1)
    assert read_steps(other.enter(suspends=False))[-1]["how"] == "not suspended"
    assert other.status() == str(JobStatus.SUSPENDED.value)


def test_the_page_is_there_before_the_startd_would_hear_from_the_starter(own_pool):
    with laptops(own_pool) as new:
        laptop = new()
        running = laptop.start()
        running.url()
        log = JobLog(next(own_pool.path("ap", laptop.folder).glob("jupyter-*.log")))
        events = [event for event in log.events() if event.type != JobEventType.IMAGE_SIZE]
        types = [event.type for event in events]
        assert types.count(JobEventType.JOB_SUSPENDED) == types.count(JobEventType.JOB_UNSUSPENDED) == 1
        assert "suspended" not in running.output
        assert not list(own_pool.path("ap", laptop.folder).glob("*.suspended"))
        states = [JobEventType.EXECUTE, JobEventType.JOB_SUSPENDED, JobEventType.JOB_UNSUSPENDED]
        assert [found for found in types if found in states] == states
        assert laptop.queued() == [JobStatus.RUNNING]


@pytest.mark.slow
@pytest.mark.parametrize("said", [JobStatus.RUNNING, JobStatus.SUSPENDED], ids=lambda said: said.name)
@pytest.mark.parametrize("stopped", [True, False], ids=["stopped", "running"])
def test_job_of_which_htcondor_lost_track_runs_in_the_end_and_the_queue_says_so(own_pool, said, stopped):
    sleeper = Sleeper(own_pool)
    sleeper.lose_track()
    if not stopped:
        sleeper.say(JobStatus.SUSPENDED)
        sleeper.ap("condor_continue", sleeper.job)
        wait_for(lambda: not sleeper.is_stopped(), 30, sleeper.tell)
    sleeper.say(said)
    assert (sleeper.status(), sleeper.is_stopped()) == (str(said.value), stopped), sleeper.tell()
    running = sleeper.enter(suspends=False)
    wait_for(lambda: not sleeper.left() and sleeper.is_well(), 60, sleeper.tell)
    assert json.loads(running.communicate(timeout=30)[0].splitlines()[-1])["how"] == "continued"


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["condor_schedd", "condor_s(chedd|hadow)"])
@pytest.mark.parametrize("seed", [1, 33, 57])
def test_schedd_that_is_killed_in_the_middle_of_it_leaves_no_job_suspended(own_pool, killed, seed):
    sleeper = Sleeper(own_pool)
    running = sleeper.enter()
    delay = random.Random(seed).uniform(0, 0.5)  # noqa: S311
    own_pool.exec("ap", ["sh", "-c", f"sleep {delay}; pkill -KILL '{killed}'"])
    wait_for(lambda: not sleeper.left() and sleeper.is_well(), 150, sleeper.tell)
    running.communicate(timeout=30)


def test_suspension_that_two_see_to_is_ended_by_one_of_them(new_sleeper):
    sleeper = new_sleeper()
    suspended = f"/home/alice/suspended-{sleeper.job}"
    running = sleeper.enter(after=f"touch {suspended}; sleep 3")
    wait_for(sleeper.pool.path("ap", suspended).exists, 30, "the suspension", 0.05)
    wait_for(lambda: sleeper.log.has(JobEventType.JOB_SUSPENDED), 30, "the suspension in the log", 0.05)
    second = sleeper.enter(suspends=False)
    assert read_steps(second)[-1]["how"] == "not suspended"
    assert read_steps(running)[-1]["how"] == "continued"
    wait_for(sleeper.is_well, 10, sleeper.tell)
    assert sleeper.count(JobEventType.JOB_SUSPENDED) == 1


def test_access_point_without_the_command_that_suspends_is_left_alone(new_sleeper):
    sleeper = new_sleeper()
    argv = [
        "env",
        "PATH=/nowhere",
        "/usr/bin/python3",
        *build_command(Plan("alice", sleeper.job, sleeper.path, True))[1:],
    ]
    (over,) = read_steps(sleeper.pool.popen("ap", argv, user="alice"))
    assert over["how"] == "refused"
    wait_for(sleeper.is_well, 10, sleeper.tell)


#: As an operator forbids it.
FORBIDDEN = (
    "JOB_TRANSFORM_NAMES = $(JOB_TRANSFORM_NAMES) NotEarly",
    "JOB_TRANSFORM_NotEarly @=end",
    "SET JupyterEarlyEntry false",
    "@end",
)


@pytest.mark.slow
def test_session_starts_where_the_suspension_is_refused(own_pool):
    configure(own_pool, "ap", *FORBIDDEN)
    with laptops(own_pool) as new:
        laptop = new()
        running = laptop.start()
        assert laptop.answers(running.url())
        log = JobLog(next(own_pool.path("ap", laptop.folder).glob("jupyter-*.log")))
        assert not log.has(JobEventType.JOB_SUSPENDED)
        assert not list(own_pool.path("ap", laptop.folder).glob("*.suspended"))
        assert "suspen" not in running.output


@pytest.mark.slow
@pytest.mark.parametrize("seed", FAILED)
def test_session_whose_start_is_disturbed_is_ready_a_minute_later(own_pool, seed):
    with laptops(own_pool) as new:
        found = disturb(new(), seed)
        assert not found.is_suspended, found
        assert not found.is_lost, found


def set_owner(pool, *, busy: bool) -> None:
    """Have the machine's owner need it, or not: it suspends jobs meanwhile."""
    lines = (
        "WANT_SUSPEND = True",
        f"SUSPEND = {busy}",
        f"CONTINUE = {not busy}",
        "PREEMPT = False",
        "POLLING_INTERVAL = 1",
    )
    pool.put("ep1", "/etc/condor/config.d/95-owner", ("\n".join(lines) + "\n").encode())
    pool.exec("ep1", ["condor_reconfig"], check=True)


def test_machine_whose_owner_suspends_the_job_at_the_same_time_keeps_it_suspended(own_pool):
    sleeper = Sleeper(own_pool)
    set_owner(own_pool, busy=True)
    try:
        step = read_steps(sleeper.enter())[-1]
        assert step["how"] == "refused" or step["how"].startswith("continued"), step
        wait_for(lambda: sleeper.status() == str(JobStatus.SUSPENDED.value), 60, sleeper.log.text)
        assert not sleeper.left()
        assert not sleeper.mark.exists()
        (again,) = read_steps(sleeper.enter(suspends=False))
        assert again["how"] == "not suspended"
        assert sleeper.status() == str(JobStatus.SUSPENDED.value)
    finally:
        set_owner(own_pool, busy=False)
    wait_for(sleeper.is_well, 60, lambda: f"the job to go on: {sleeper.log.text()}")


@pytest.mark.slow
def test_schedd_that_does_not_answer_in_the_middle_of_it_is_waited_for_and_told(own_pool):
    sleeper = Sleeper(own_pool)
    suspended, go = f"/home/alice/suspended-{sleeper.job}", f"/home/alice/go-{sleeper.job}"
    running = sleeper.enter(after=f"touch {suspended}; until [ -e {go} ]; do sleep 0.1; done")
    wait_for(own_pool.path("ap", suspended).exists, 30, "the suspension", 0.1)
    own_pool.exec("ap", ["pkill", "-STOP", "-x", "condor_schedd"])
    stopped = time.monotonic()
    try:
        sleeper.ap("touch", go)
        assert json.loads(running.stdout.readline()) == {"step": "suspended"}
        trouble = json.loads(running.stdout.readline())
        assert trouble["step"] == "trouble"
        assert trouble["why"], trouble
        wait_for(lambda: time.monotonic() > stopped + 20, 60, "20 seconds without a schedd")
    finally:
        own_pool.exec("ap", ["pkill", "-CONT", "-x", "condor_schedd"])
    wait_for(lambda: not sleeper.left() and sleeper.is_well(), 90, lambda: f"the job to go on: {sleeper.log.text()}")
    assert json.loads(running.communicate(timeout=30)[0].splitlines()[-1])["how"].startswith("continued")
