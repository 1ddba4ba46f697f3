"""Nothing is silent for more than 30 s: what waits says why, and what is no session is told (reports R2, R15, R37)."""

import time

import pytest

from chtc_condor.codes import JobStatus
from support.hosts import configure
from support.laptop import laptops
from support.waiting import wait_for

pytestmark = pytest.mark.slow

MUTE = """container_image = /srv/jupyter.sif
initialdir = {folder}
transfer_input_files = notebooks
transfer_output_files = notebooks
when_to_transfer_output = ON_EXIT_OR_EVICT
should_transfer_files = yes
log = mute.log
output = mute.out
error = mute.err
request_memory = 1500MB
request_disk = 2GB
My.JupyterName = "{name}"
queue
"""
FOREIGN = """executable = /bin/sleep
arguments = 600
transfer_executable = false
should_transfer_files = yes
initialdir = {folder}
log = foreign.log
request_memory = 100MB
request_disk = 100MB
My.JupyterName = "{name}"
queue
"""


def submit(laptop, text):
    """Submit a file by hand; return the job."""
    laptop.on_ap("mkdir", "-p", f"{laptop.folder}/notebooks")
    where = f"{laptop.folder}/own.sub"
    laptop.pool.put("ap", where, text.format(folder=laptop.folder, name=laptop.name).encode(), "alice")
    return laptop.on_ap("condor_submit", "-terse", where).split()[0]


def wait_running(laptop):
    """Wait until the job runs; return when it was seen to."""
    wait_for(lambda: laptop.queued() == [JobStatus.RUNNING], 60, "the job to run")
    return time.monotonic()


def test_session_that_can_not_announce_itself_is_told_within_30_seconds_and_opened(new_laptop):
    """R2: "starting on ep1" until it ended by itself."""
    laptop = new_laptop()
    submit(laptop, MUTE)
    running = laptop.run_on("connect", laptop.name, "--ap", "ap", "--no-browser")
    began = wait_running(laptop)
    running.wait_for("want_io_proxy = true")
    assert time.monotonic() - began < 30
    assert laptop.answers(running.url())
    assert "opened all the same" in running.output
    laptop.on_ap("condor_rm", laptop.job())
    assert running.wait_end(90) == 0, running.output


def test_job_that_is_no_session_is_told_within_30_seconds_and_not_touched(new_laptop):
    """R15: "starting on ep1" for as long as one waits."""
    laptop = new_laptop()
    submit(laptop, FOREIGN)
    running = laptop.run_on("connect", laptop.name, "--ap", "ap", "--no-browser")
    began = wait_running(laptop)
    assert running.wait_end(90) == 31, running.output
    assert time.monotonic() - began < 60
    assert "is no session" in running.output
    assert "jupyter-session" in running.output
    assert laptop.queued() == [JobStatus.RUNNING]


def test_session_is_opened_and_its_end_is_seen_though_its_log_can_not_be_read(new_laptop):
    laptop = new_laptop()
    laptop.on_ap("mkdir", "-p", f"{laptop.folder}/notebooks")
    running = laptop.start()
    running.url()
    running.interrupt()
    assert running.wait_end() == 0
    laptop.on_ap("sh", "-c", f"chmod 000 {laptop.folder}/jupyter-*.log")
    again = laptop.run_on("connect", "--no-browser")
    again.wait_for("doesn't say so, but the queue does", 60)
    assert "Permission denied" in again.output
    assert laptop.answers(again.url(60))
    laptop.on_ap("condor_rm", laptop.job())
    assert again.wait_end(150) == 0, again.output


def test_job_that_ends_before_it_was_a_session_is_told_with_its_error_file(new_laptop):
    """R2: just "Job 16.0 ended."."""
    laptop = new_laptop()
    arguments = "arguments = \"-c 'sleep 8; jupyter-lub'\"\nerror = own.err"
    submit(laptop, FOREIGN.replace("/bin/sleep", "/bin/sh").replace("arguments = 600", arguments))
    running = laptop.run_on("connect", laptop.name, "--ap", "ap", "--no-browser")
    assert running.wait_end(120) == 31, running.output
    assert "Its error file says: " in running.output
    assert "jupyter-lub: not found" in running.output


def test_machine_that_takes_only_jobs_that_opt_in_says_so_and_the_setting_can_be_kept(own_pool):
    """R7: "1 machine would fit, but takes no job like this now", for ever."""
    demand = '(TARGET.WantGPULab =?= True) && (GPUJobLength == "short" || GPUJobLength == "medium")'
    configure(own_pool, "ep1", f"START = $(START) && {demand}")
    with laptops(own_pool) as new:
        laptop = new()
        running = laptop.start()
        running.wait_for("--set '+WantGPULab = true' --set '+GPUJobLength = \"short\"'", 90)
        assert "WantGPULab" in laptop.call("status").stdout
        checked = laptop.call("doctor", "--ap", "ap")
        assert checked.returncode == 1
        assert "WantGPULab" in checked.stdout
        running.interrupt()
        assert running.wait_end() == 130
        assert laptop.call("stop").returncode == 0
        profile = ("config", "--profile", "gpu", "set")
        assert laptop.call(*profile, '+WantGPULab = true; +GPUJobLength = "long"').returncode == 0
        running = laptop.start("--profile", "gpu")
        running.wait_for("only jobs with --set '+GPUJobLength = \"short\"'", 90)
        running.interrupt()
        assert running.wait_end() == 130
        assert laptop.call("stop").returncode == 0
        kept = '+WantGPULab = true; +GPUJobLength = "Medium"'
        assert laptop.call(*profile, kept).returncode == 0
        assert laptop.answers(laptop.start("--profile", "gpu").url())
        assert "GPUJobLength" in laptop.call("doctor", "--ap", "ap").stdout
        assert laptop.call("config", "set", kept).returncode == 0
        assert "WantGPULab" not in laptop.call("doctor", "--ap", "ap").stdout


def test_attach_without_a_terminal_is_refused_in_one_sentence(new_laptop):
    """It exited with 0, having done nothing."""
    laptop = new_laptop()
    running = laptop.start()
    running.url()
    done = laptop.call("attach")
    assert (done.returncode, "needs a terminal" in done.stderr) == (2, True), done
