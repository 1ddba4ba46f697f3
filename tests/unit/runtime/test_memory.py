"""How much memory the job has and uses: by its own cgroup, or else by its processes, shared pages counted once."""

import mmap
import os
import subprocess
import sys

import pytest

from jupyter_session.condor.job_ad import Job
from jupyter_session.memory.meter import CgroupMeter, ProcessMeter, find_meter, read_memory

MB = 1 << 20
STAT = "anon 1000\nactive_file {cache}\ninactive_file 0\nslab_reclaimable 0\n"


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


class Machine:
    """A /proc and a /sys/fs/cgroup that show what a job in a container sees."""

    def __init__(self, folder):
        self.proc = folder / "proc"
        self.cgroups = folder / "cgroup"
        (self.proc / "self").mkdir(parents=True)
        (self.proc / "1").mkdir()
        (self.proc / "1/comm").write_text("appinit\n")
        (self.proc / "1/statm").write_text("10 0 0\n")
        self.cgroup = self.cgroups / "htcondor/job"
        self.cgroup.mkdir(parents=True)
        (self.proc / "self/cgroup").write_text("0::/htcondor/job\n")

    def limit(self, folder, limit, used=0, cache=0):
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{used}\n")
        (folder / "memory.stat").write_text(STAT.format(cache=cache))

    def process(self, pid, resident, alone):
        (self.proc / str(pid)).mkdir(exist_ok=True)
        (self.proc / f"{pid}/statm").write_text(f"1 {resident // os.sysconf('SC_PAGE_SIZE')} 0\n")
        (self.proc / f"{pid}/smaps_rollup").write_text(f"Rss: {resident // 1024} kB\nPss:    {alone // 1024} kB\n")

    def meter(self, **machine):
        return find_meter(Job("1.0", {"requestmemory": 500}, machine or {"memory": 1000}), self.proc, self.cgroups)


def test_a_cgroup_with_the_slots_limit_counts_without_its_file_cache(machine):
    machine.limit(machine.cgroup, 1000 * MB, used=600 * MB, cache=200 * MB)
    meter = machine.meter()
    assert isinstance(meter, CgroupMeter)
    assert (meter.limit, meter.look(exact_from=0), meter.peak) == (1000 * MB, 400 * MB, 400 * MB)


def test_a_limit_above_the_jobs_own_cgroup_is_found(machine):
    machine.limit(machine.cgroup.parent, 900 * MB, used=100 * MB)
    assert machine.meter().limit == 900 * MB


def test_a_cgroup_that_has_more_than_the_slot_is_that_of_others_too(machine):
    machine.limit(machine.cgroup, 8000 * MB, used=7999 * MB)
    meter = machine.meter()
    assert isinstance(meter, ProcessMeter)
    assert (meter.limit, meter.look(exact_from=900 * MB)) == (1000 * MB, 0)


def test_a_cgroup_without_limit_leaves_the_processes(machine):
    machine.limit(machine.cgroup, "max")
    assert isinstance(machine.meter(), ProcessMeter)


def test_outside_a_job_or_among_the_processes_of_others_memory_is_not_known(machine):
    assert find_meter(None, machine.proc, machine.cgroups) is None
    (machine.proc / "1/comm").write_text("systemd\n")
    assert machine.meter() is None


def test_the_request_stands_in_for_a_machine_that_does_not_say_what_it_has(machine):
    assert machine.meter(name="slot1").limit == 500 * MB


def test_shared_pages_are_counted_once_when_it_matters(machine):
    meter = machine.meter()
    for pid in range(10, 20):  # data loaders: 400 MB that all ten share
        machine.process(pid, 400 * MB, 40 * MB)
    assert meter.look(exact_from=900 * MB) == 400 * MB
    assert meter.peak == 400 * MB


def test_growth_of_any_process_is_seen_at_the_next_look(machine):
    meter = machine.meter()
    machine.process(10, 400 * MB, 400 * MB)
    assert meter.look(exact_from=900 * MB) == 400 * MB
    machine.process(10, 950 * MB, 950 * MB)
    assert meter.look(exact_from=900 * MB) == 950 * MB
    assert meter.peak == 950 * MB


def test_forks_that_share_what_there_was_are_no_growth(machine):
    meter = machine.meter()
    machine.process(10, 800 * MB, 800 * MB)
    assert meter.look(exact_from=900 * MB) == 800 * MB
    machine.process(10, 800 * MB, 400 * MB)
    machine.process(11, 800 * MB, 400 * MB)
    assert meter.look(exact_from=900 * MB) == 800 * MB


def test_what_grows_after_the_sharers_have_gone_is_seen(machine):
    meter = machine.meter()
    machine.process(10, 400 * MB, 200 * MB)
    machine.process(11, 400 * MB, 200 * MB)
    assert meter.look(exact_from=900 * MB) == 400 * MB
    for file in (machine.proc / "11").iterdir():
        file.unlink()
    machine.process(10, 400 * MB, 400 * MB)
    assert meter.look(exact_from=900 * MB) == 400 * MB
    machine.process(10, 920 * MB, 920 * MB)
    assert meter.look(exact_from=900 * MB) == 920 * MB


def test_what_a_real_process_uses_grows_with_what_it_writes():
    before = read_memory(os.getpid())
    with mmap.mmap(-1, 64 * MB) as pages:
        pages.write(b"x" * (64 * MB))
        assert read_memory(os.getpid()) - before > 50 * MB
    assert read_memory(int(subprocess.check_output([sys.executable, "-c", "import os; print(os.getpid())"]))) == 0
