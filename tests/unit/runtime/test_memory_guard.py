"""The memory guard warns in time, and stops the kernel or the program that uses the most memory."""

import signal
import subprocess
import sys
import time

import pytest

from jupyter_session.activity.grouping import Role
from jupyter_session.activity.process_groups import Group
from jupyter_session.activity.procfs import Process
from jupyter_session.memory import guard
from jupyter_session.memory.guard import MemoryGuard, compute_pause
from jupyter_session.memory.largest import choose_largest, describe

GB = 1 << 30


def process(pid, parent, *argv):
    return Process(
        pid=pid,
        started=pid,
        parent=parent,
        uid=1,
        group=pid,
        session=pid,
        tty=0,
        foreground=0,
        name=argv[0],
        argv=argv,
        own=0,
        total=0,
        disk=0,
    )


def group(role, root, *pids, key="", label="python"):
    return Group(
        role=role,
        key=key,
        root_pid=root,
        pids=(root, *pids),
        workers=(root, *pids),
        label=label,
        foreground="",
        cpu=0,
        disk=0,
        typed_at=None,
    )


TABLE = {
    p.pid: p
    for p in (
        process(10, 2, "python", "-m", "ipykernel_launcher"),
        process(11, 10, "python", "train.py"),
        process(12, 11, "python", "train.py"),
        process(20, 3, "/bin/bash"),
        process(21, 20, "bash", "-c", "python fit.py"),
        process(22, 21, "python", "fit.py"),
        process(23, 20, "vim"),
        process(30, 2, "python", "-m", "ipykernel_launcher"),
    )
}
KERNEL = group(Role.KERNEL, 10, 11, 12, key="k1")
SHELL = group(Role.PANE, 20, 21, 22, 23)
OTHER_KERNEL = group(Role.KERNEL, 30, key="k2")
SESSIONS = [{"path": "a/analysis.ipynb", "kernel": {"id": "k1", "name": "python3"}}]


@pytest.mark.parametrize(
    ("sizes", "pids", "named"),
    [
        ({10: 3, 11: 1, 12: 1, 22: 4}, (10, 11, 12), "kernel 'a/analysis.ipynb' (python3, 5.0 GB"),
        ({10: 1, 11: 2, 12: 3}, (11, 12), "'python train.py' of kernel 'a/analysis.ipynb' (5.0 GB"),
        ({10: 1, 22: 4, 23: 1}, (22,), "'python fit.py' in tmux (4.0 GB"),
        ({23: 9, 22: 2}, (23,), "'vim' in tmux (9.0 GB"),
        ({10: 1, 30: 2}, (30,), "a kernel (2.0 GB"),
    ],
)
def test_the_tree_that_uses_the_most_is_chosen_and_named(sizes, pids, named):
    sizes = {pid: size * GB for pid, size in sizes.items()}
    tree = choose_largest([KERNEL, SHELL, OTHER_KERNEL], TABLE, sizes)
    assert tree.pids == pids
    assert describe(tree, SESSIONS) == f"{named})"
    assert describe(tree, SESSIONS, 16 * GB) == f"{named} of the slot's 16 GB)"


def test_a_shell_that_uses_it_all_by_itself_is_stopped():
    alone = group(Role.TERMINAL, 20)
    assert choose_largest([alone], TABLE, {20: GB}).pids == (20,)


def test_nothing_runs_nothing_is_chosen():
    assert choose_largest([], TABLE, {}) is None
    assert choose_largest([group(Role.KERNEL, 99)], TABLE, {99: GB}) is None  # has just ended


@pytest.mark.parametrize("limit", [GB, 4 * GB, 64 * GB, 1024 * GB])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.74, 0.76, 0.95])
def test_a_look_comes_before_a_gigabyte_a_second_could_have_filled_the_slot(limit, share):
    used = round(limit * share)
    assert 0.25 <= compute_pause(used, limit) <= 5
    assert used + (compute_pause(used, limit) - 0.25) * GB <= limit
    assert compute_pause(used, limit) == 0.25 or share < 0.9


class Meter:
    peak = 0

    def __init__(self, limit):
        self.limit = limit
        self.used = 0.0

    def look(self, *, exact_from):
        return round(self.used * self.limit)


class Guarded:
    """A guard over one real process, and a memory whose use the test sets."""

    def __init__(self, share, code):
        self.said = []
        self.meter = Meter(100)  # bytes: whatever the process uses is more than a tenth
        self.victim = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        self.victim.stdout.readline()
        self.guard = MemoryGuard(self.meter, share, look=self.look, sessions=list, warn=self.said.append)

    def look(self):
        return [group(Role.OTHER, self.victim.pid)]

    def use(self, *shares):
        for share in shares:
            self.meter.used = share
            self.guard.due = 0.0
            self.guard.turn()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.victim.kill()
        self.victim.wait()
        self.victim.stdout.close()


WAITING = "import time; print(flush=True); time.sleep(600)"
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(600)"


def test_one_warning_and_another_only_after_it_has_fallen():
    with Guarded(0.97, WAITING) as guarded:
        guarded.use(0.5, 0.89)
        assert guarded.said == []
        guarded.use(0.9, 0.95, 0.88, 0.91)
        assert len(guarded.said) == 1
        assert "at 97 %" in guarded.said[0]
        guarded.use(0.84, 0.91)
        assert len(guarded.said) == 2
        assert guarded.victim.poll() is None


def test_the_largest_is_stopped_once_and_named_and_the_figures_are_given():
    with Guarded(0.97, WAITING) as guarded:
        guarded.use(0.5, 0.98)
        assert guarded.victim.wait(30) == -signal.SIGTERM
        guarded.use(0.98, 0.98)
        [said] = guarded.said
        assert "'python' (" in said
        assert "was stopped at 98 %" in said
        assert "request_memory" in said


def test_one_that_takes_still_more_is_killed_at_once():
    with Guarded(0.97, DEAF) as guarded:
        guarded.use(0.98, 0.99)
        assert guarded.victim.wait(30) == -signal.SIGKILL


def test_one_that_does_not_go_is_killed_after_a_while(monkeypatch):
    monkeypatch.setattr(guard, "_PATIENCE", 0.0)
    with Guarded(0.97, DEAF) as guarded:
        guarded.use(0.98)
        time.sleep(0.01)
        guarded.use(0.98)
        assert guarded.victim.wait(30) == -signal.SIGKILL


def test_a_guard_that_is_off_only_warns():
    with Guarded(None, WAITING) as guarded:
        guarded.use(0.95, 1.0, 1.1)
        assert len(guarded.said) == 1
        assert guarded.victim.poll() is None


def test_nothing_is_stopped_that_uses_too_little_to_matter():
    with Guarded(0.97, WAITING) as guarded:
        guarded.meter.limit = 1 << 40
        guarded.use(0.99)
        assert guarded.victim.poll() is None


def test_a_meter_that_fails_does_no_harm():
    with Guarded(0.97, WAITING) as guarded:
        guarded.meter.look = lambda **_: (_ for _ in ()).throw(OSError())
        guarded.use(0.99)
        assert guarded.said == []


def test_a_guard_that_fails_says_so_and_ends_no_session():
    with Guarded(0.97, WAITING) as guarded:
        guarded.guard._look = lambda: 1 / 0
        guarded.use(0.98)
        assert guarded.said == ["The memory guard failed (ZeroDivisionError('division by zero')) and is off."]
        assert guarded.guard.due == float("inf")
