"""The job's processes: sorted into groups, and what each of them uses, with real children and real terminals."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jupyter_session.activity.grouping import Role
from jupyter_session.activity.process_groups import Processes
from jupyter_session.activity.procfs import Process, find_last_input, read_processes
from jupyter_session.state_dir import StateDir
from support.waiting import wait_for

KERNEL = "ed43f15c-68c8-48a3-8d27-23cf571ccc6b"
SUPERVISOR, TMUX, LAB = 14, 20, 21


class Table:
    """A table of processes as a container has it, to be looked at again after changes."""

    def __init__(self, tmp_path):
        self.state = StateDir(tmp_path, in_job=True)
        self.all = {}
        self.now = 0.0
        self.inputs = {}
        self.processes = Processes(
            self.state,
            60,
            read=lambda: list(self.all.values()),
            last_input=lambda process: self.inputs.get(process.pid),
            supervisor=SUPERVISOR,
        )
        self.put(1, 0, "appinit", name="appinit")
        self.put(SUPERVISOR, 1, "python3 /usr/local/bin/jupyter-session run")
        self.put(TMUX, 1, "/usr/bin/tmux new-session", name="tmux: server")
        self.put(LAB, TMUX, f"python3 jupyter-lab --config={self.state.config}", tty=100)
        self.put(23, LAB, f"tee -a {self.state.log}", name="tee", tty=100, session=LAB)

    def put(self, pid, parent, line, *, name="", tty=0, front=-1, session=None, own=0.0, reaped=0.0, disk=0, uid=None):
        self.all[pid] = Process(
            pid=pid,
            started=pid,
            parent=parent,
            uid=os.getuid() if uid is None else uid,
            group=pid,
            session=pid if session is None else session,
            tty=tty,
            foreground=front,
            name=name or line.split()[0][:15],
            argv=tuple(line.split()),
            own=own,
            total=own + reaped,
            disk=disk,
        )

    def kernel(self, pid=32, parent=LAB, **use):
        self.put(pid, parent, f"python3 -m ipykernel_launcher -f {self.state.runtime}/kernel-{KERNEL}.json", **use)

    def look(self, seconds=10.0):
        self.now += seconds
        self.processes.refresh(self.now)
        return {group.root_pid: group for group in self.processes.groups}


@pytest.fixture
def table(tmp_path):
    return Table(tmp_path)


def test_a_session_that_nobody_uses_has_no_group(table):
    assert table.look() == {}


def test_each_process_is_in_the_group_that_a_person_would_name(table):
    table.kernel(32)
    table.kernel(33, parent=32)  # forked, and called the same
    table.put(34, 33, "sh -c x")
    table.put(35, LAB, "/bin/bash", tty=102)
    table.put(36, 35, "python train.py", tty=102, session=35)
    table.put(27, TMUX, "/bin/bash", tty=101)
    table.put(40, LAB, "tensorboard --logdir x", session=LAB, tty=100)
    table.put(50, 1, "python train.py")
    table.put(56, 0, "sh -l -i", tty=103)
    table.put(57, 56, "vim", tty=103, session=56)
    seen = table.look()
    assert {pid: (group.role, group.pids) for pid, group in seen.items()} == {
        32: (Role.KERNEL, (32, 33, 34)),
        35: (Role.TERMINAL, (35, 36)),
        27: (Role.PANE, (27,)),
        40: (Role.OTHER, (40,)),
        50: (Role.OTHER, (50,)),
        56: (Role.SSH, (56, 57)),
    }
    assert seen[32].key == KERNEL


def test_the_sessions_own_parts_are_in_no_group(table):
    table.put(15, SUPERVISOR, "anything")
    table.put(60, 0, "python3 /usr/local/bin/jupyter-session wait --port 1")
    table.put(61, 0, "sh -l -i", tty=103)
    table.put(62, 61, "python -m jupyter_session.tmux.terminal /usr/bin/tmux attach", tty=103, session=61)
    table.put(63, 62, "/usr/bin/tmux attach", name="tmux: client", tty=104)
    assert {pid: group.pids for pid, group in table.look().items()} == {61: (61,)}


def test_a_session_started_by_hand_in_an_interactive_job_is_still_none_of_its_groups(table):
    table.put(12, 0, "sh -l -i", tty=90)
    table.put(SUPERVISOR, 12, "python3 /usr/local/bin/jupyter-session run", tty=90, session=12)
    assert {pid: group.pids for pid, group in table.look().items()} == {12: (12,)}


def test_another_tmux_of_the_user_has_panes_too(table):
    table.put(70, 1, "tmux -L mine new", name="tmux: server")
    table.put(71, 70, "-bash", tty=110)
    assert table.look()[71].role is Role.PANE


def test_outside_a_container_only_what_descends_from_the_session_is_its_own(table):
    table.put(1, 0, "init", name="systemd")
    table.put(35, LAB, "/bin/bash", tty=102)
    table.put(36, 35, "python train.py", tty=102, session=35)
    table.put(80, 1, "python someone_elses.py")
    table.kernel(81, parent=1, uid=os.getuid() + 1)  # a neighbor who calls his process like one of ours
    assert table.look().keys() == {35}
    del table.all[35]
    table.put(36, 1, "python train.py")
    assert table.look()[36].role is Role.OTHER


def test_a_group_is_active_by_its_cpu_over_the_window(table):
    table.kernel(own=100)
    assert table.look()[32].cpu == 0
    table.kernel(own=109)
    seen = table.look()[32]
    assert (seen.cpu, seen.works) == (pytest.approx(0.9), True)
    for _ in range(4):
        assert table.look()[32].works
    for _ in range(3):
        table.look()
    assert not table.look()[32].works


def test_an_idle_kernel_does_not_work(table):
    for turn in range(8):
        table.kernel(own=1 + 0.05 * turn)
        assert not table.look()[32].works


def test_children_that_came_and_went_between_two_looks_count(table):
    table.put(35, LAB, "/bin/bash", tty=102)
    table.look()
    table.put(35, LAB, "/bin/bash", tty=102, reaped=8)
    assert table.look()[35].cpu == pytest.approx(0.8)


def test_a_child_that_ends_counts_once(table):
    table.put(35, LAB, "/bin/bash", tty=102)
    table.put(36, 35, "make", own=1000)
    table.look()
    del table.all[36]
    table.put(35, LAB, "/bin/bash", tty=102, reaped=1001)
    assert table.look()[35].cpu == pytest.approx(0.1)
    assert table.processes.cpu_seconds == pytest.approx(1)


def test_a_child_that_nobody_waited_for_takes_nothing_from_the_others(table):
    table.put(35, LAB, "/bin/bash", tty=102)
    table.put(36, 35, "a", own=1000)
    table.put(37, 35, "b", own=1)
    table.look()
    del table.all[36]
    table.put(37, 35, "b", own=6)
    assert table.look()[35].cpu == pytest.approx(0.5)


def test_an_orphan_keeps_its_past_out_of_its_new_group(table):
    table.put(35, LAB, "/bin/bash", tty=102)
    table.put(36, 35, "python train.py", own=1000)
    table.look()
    table.put(36, 1, "python train.py", own=1002)
    seen = table.look()
    assert (seen[36].role, seen[36].cpu) == (Role.OTHER, pytest.approx(0.2))
    assert seen[35].cpu == 0


def test_a_monitor_and_what_it_starts_do_not_count_not_even_when_it_ends(table):
    table.put(35, LAB, "/bin/bash", tty=102)
    table.put(36, 35, "watch -n1 nvidia-smi", own=1)
    table.put(37, 36, "nvidia-smi", own=1)
    table.look()
    table.put(36, 35, "watch -n1 nvidia-smi", own=2, reaped=500)
    table.put(37, 36, "nvidia-smi", own=9)
    assert table.look()[35].cpu == 0
    del table.all[36], table.all[37]
    table.put(35, LAB, "/bin/bash", tty=102, reaped=502)
    assert table.look()[35].cpu == 0


def test_work_beside_a_monitor_counts_and_is_named(table):
    table.put(35, LAB, "/bin/bash", tty=102)
    table.put(36, 35, "tail -f log")
    table.put(37, 35, "python train.py --secret x", own=1)
    table.look()
    table.put(37, 35, "python train.py --secret x", own=11)
    seen = table.look()[35]
    assert (seen.works, seen.label) == (True, "python train.py")


def test_a_group_is_active_by_its_disk_traffic(table):
    table.kernel(disk=10**9)
    assert not table.look()[32].works
    table.kernel(disk=10**9 + 10 * 65536)
    seen = table.look()[32]
    assert (seen.disk, seen.works) == (65536, True)


def test_a_process_number_that_is_used_again_is_another_process(table):
    table.put(35, LAB, "/bin/bash", tty=102, own=50)
    key = table.look()[35].key
    table.all[35] = Process(**{**vars(table.all[35]), "started": 99, "own": 1, "total": 1})
    seen = table.look()[35]
    assert seen.cpu == pytest.approx(0.1)
    assert seen.key != key


def test_typing_is_a_change_of_what_was_last_read(table):
    table.put(35, LAB, "/bin/bash", tty=102, front=35)
    table.inputs[35] = 1000.0
    assert table.look()[35].typed_at is None
    assert table.look()[35].typed_at is None
    table.inputs[35] = 900.0  # the wall clock was set back
    assert table.look()[35].typed_at == 30
    assert table.look()[35].typed_at == 30


def test_what_a_terminal_answers_to_tmux_is_not_typed_by_a_person(table):
    table.put(61, 0, "sh -l -i", tty=103, front=62)
    table.put(62, 61, "python -m jupyter_session.tmux.terminal /usr/bin/tmux attach", tty=103, session=61)
    table.inputs[61] = 1000.0
    table.look()
    table.inputs[61] = 1008.0
    assert table.look()[61].typed_at is None


def test_the_program_in_front_of_the_shell_is_named(table):
    table.put(35, LAB, "/bin/bash", tty=102, front=36)
    table.put(36, 35, "vim secret.txt", tty=102, session=35)
    seen = table.look()[35]
    assert (seen.foreground, seen.label) == ("vim", "vim")
    table.put(35, LAB, "/bin/bash", tty=102, front=35)
    assert table.look()[35].foreground == ""


# With real children

SERVER = """
import json, os, pty, subprocess, sys
children = []
for line in sys.stdin:
    verb, *words = json.loads(line)
    if verb == "type":
        os.write(terminal, words[0].encode())
    elif verb == "terminal":
        pid, terminal = pty.fork()
        if not pid:
            os.execvp(words[0], words)
        print(pid, flush=True)
    else:
        children.append(subprocess.Popen(words, stdin=subprocess.DEVNULL))
        print(children[-1].pid, flush=True)
for child in children:
    child.kill()
"""


class Server:
    """Stands for JupyterLab: by its arguments it is taken for it, and it starts what it is told."""

    def __init__(self, tmp_path):
        self.state = StateDir(tmp_path, in_job=False)
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, f"--config={self.state.config}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.processes = Processes(self.state, window=5)

    def tell(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def start(self, verb, *argv):
        self.tell(verb, *argv)
        return int(self.process.stdout.readline())

    def group(self, pid):
        self.processes.refresh(time.monotonic())
        return next((group for group in self.processes.groups if group.root_pid == pid), None)


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    yield server
    server.process.communicate(timeout=10)


def test_a_real_busy_loop_works(server):
    pid = server.start("child", "sh", "-c", "while :; do :; done")
    wait_for(lambda: (group := server.group(pid)) and group.works, 30, "the loop to be seen")
    assert server.group(pid).role is Role.OTHER


def test_real_children_that_come_and_go_work(server):
    pid = server.start("child", "bash", "-c", "while :; do (for i in {1..3000}; do :; done); done")
    wait_for(lambda: (group := server.group(pid)) and group.works, 30, "the children to be seen")


def test_a_real_shell_that_waits_does_not_work_and_one_that_is_typed_into_is_heard(server):
    pid = server.start("terminal", "sh")
    wait_for(lambda: (group := server.group(pid)) and group.cpu < 0.01, 30, "the shell to be seen, idle")
    assert server.group(pid).role is Role.TERMINAL
    assert server.group(pid).typed_at is None

    def typed():
        server.tell("type", "\n")
        return server.group(pid).typed_at

    assert wait_for(typed, 30, "what was typed")  # the kernel notes it in steps of eight seconds


def test_what_a_program_prints_is_not_taken_for_typing(server):
    pid = server.start("terminal", "sh", "-c", "while :; do date; sleep 0.2; done")
    wait_for(lambda: server.group(pid), 30, "the shell to be seen")
    [process] = [process for process in read_processes() if process.pid == pid]
    terminal = Path(f"/proc/{pid}/fd/0")
    printed = terminal.stat().st_mtime
    before = find_last_input(process)
    wait_for(lambda: terminal.stat().st_mtime != printed, 30, "the kernel to note what was printed")
    assert find_last_input(process) == before


def test_what_is_read_from_a_real_disk_or_written_to_it_is_seen(server, tmp_path):
    write = f"while :; do dd if=/dev/zero of={tmp_path}/file bs=1M count=8 conv=fsync; sleep 0.5; done"
    pid = server.start("child", "sh", "-c", f"exec 2>/dev/null; {write}")
    wait_for(lambda: (group := server.group(pid)) and group.disk >= 65536, 30, "the writing to be seen")


def test_container_without_process_ids_of_its_own_has_the_processes_with_its_mounts(tmp_path):
    table = Table(tmp_path)
    del table.all[1]
    table.put(1, 0, "/usr/sbin/init", name="init", uid=0)
    table.put(10, 1, "condor_starter")
    table.put(SUPERVISOR, 10, "python3 /usr/local/bin/jupyter-session run")
    table.put(40, 10, "bash")  # of `ssh jupyter-N`, started by the starter
    table.put(41, 40, "python train.py")
    table.put(60, 10, "python other.py")  # of the same account, in another container
    table.processes = Processes(
        table.state,
        60,
        read=lambda: list(table.all.values()),
        last_input=lambda _: None,
        supervisor=SUPERVISOR,
        container="mnt:[1]",
        find_mounts=lambda pid: "mnt:[1]" if pid in (SUPERVISOR, TMUX, LAB, 23, 40, 41) else "mnt:[2]",
    )
    table.processes.refresh(0.0)
    assert [group.pids for group in table.processes.groups] == [(40, 41)]
