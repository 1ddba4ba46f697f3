"""A submit file of the user's own is read as HTCondor reads it, then completed or refused, before it is submitted."""

import contextlib
import random

import pytest

from support.hosts import SHARED_IMAGE
from support.waiting import wait_for

pytestmark = pytest.mark.slow

STOCK = (
    f"container_image = {SHARED_IMAGE}",
    "transfer_input_files = notebooks",
    "transfer_output_files = notebooks",
    "when_to_transfer_output = ON_EXIT_OR_EVICT",
    "should_transfer_files = yes",
    "want_io_proxy = true",
    "My.SpoolOnEvict = false",
    "queue",
)
SIZE = 5_000_000


class OwnFile:
    """A folder of alice's with a submit file and notebooks, of which she starts a session."""

    def __init__(self, laptop, pool, lines, **files):
        self.laptop, self.pool = laptop, pool
        self.folder = f"/home/alice/own-{laptop.name}"
        for name, text in {"mine.sub": "".join(f"{line}\n" for line in lines), **files}.items():
            pool.put("ap", f"{self.folder}/{name}", text.encode(), "alice")
        self.before = laptop.on_ap("find", self.folder)

    @property
    def argv(self):
        words = ("--ap", "ap", "--no-browser", "--memory", "1500MB", "--disk", "2GB")
        return ("start", self.laptop.name, "--submit-file", f"{self.folder}/mine.sub", *words)

    def start(self, *more):
        """Start the session and wait until it is open; return what runs."""
        running = self.laptop.run_on(*self.argv, *more)
        running.url()
        return running

    def refuse(self, status, *parts):
        """Assert that the start is refused in one sentence with the parts, and leaves nothing behind."""
        done = self.laptop.call(*self.argv)
        said = [line for line in done.stderr.splitlines() if line.startswith("chtc-jupyter: ")]
        assert (done.returncode, len(said)) == (status, 1), done
        assert "Traceback" not in done.stderr
        for part in parts:
            assert part in said[0]
        self.assert_nothing_left()

    def assert_nothing_left(self):
        assert self.laptop.queued() == []
        assert (
            self.laptop.on_ap("condor_history", "-constraint", f'JupyterName == "{self.laptop.name}"', "-af", "Cmd")
            == ""
        )
        assert "No such file" in self.laptop.on_ap("ls", "-d", self.laptop.folder)
        assert self.laptop.on_ap("find", self.folder) == self.before

    def save(self, size=SIZE, more="true"):
        """Write a small and a large file in the session's notebooks."""
        self.laptop.inside(
            "sh", "-c", f"echo now >notebooks/now.txt; head -c {size} /dev/zero >notebooks/large.bin; {more}"
        )

    def stop(self):
        """Stop the session, and assert that both files are on the access point when that has ended."""
        done = self.laptop.call("stop", self.laptop.name, timeout=240)
        assert done.returncode == 0, done
        return done.stdout + done.stderr

    def assert_saved(self, size=SIZE):
        found = self.laptop.on_ap(
            "stat", "-c", "%s", f"{self.folder}/notebooks/now.txt", f"{self.folder}/notebooks/large.bin"
        )
        assert found.split() == ["4", str(size)]

    def remove(self):
        self.laptop.on_ap("chmod", "-R", "u+rwX", self.folder)
        self.laptop.on_ap("rm", "-rf", self.folder)


@pytest.fixture
def new_file(new_laptop, pool):
    """Return a function that writes a submit file, with notebooks beside it."""
    with contextlib.ExitStack() as stack:

        def new(*lines, **files):
            own = OwnFile(new_laptop(), pool, lines, **{"notebooks/a.txt": "a", **files})
            stack.callback(own.remove)
            return own

        yield new


def without(*keys):
    """Return the stock lines but those with a key."""
    return [line for line in STOCK if not line.startswith(keys)]


@pytest.mark.parametrize(
    "outputs", ["", *(f"transfer_output_files = {name}" for name in ("notebooks/", "./notebooks/."))]
)
def test_a_dry_run_shows_what_would_be_added_and_leaves_nothing(new_file, outputs):
    own = new_file(*without("transfer_output_files", "want_io_proxy", "queue"), outputs, "queue")
    done = own.laptop.call(*own.argv, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"cd {own.folder} && condor_submit ")
    for line in ("transfer_output_files = notebooks", "want_io_proxy = true"):
        assert line in done.stdout
        assert f"Added `{line}` to what is submitted" in done.stderr
    own.assert_nothing_left()
    missing = own.laptop.call(*own.argv[:3], f"{own.folder}/other.sub", "--ap", "ap", "--dry-run")
    assert missing.returncode != 0
    assert f"There is no submit file {own.folder}/other.sub on ap." in missing.stderr


@pytest.mark.parametrize(
    ("lines", "status", "part"),
    [
        # R13: a session is one job
        ([*without("queue"), "queue 5"], 2, "describes 5 jobs"),
        ([*without("queue"), "initialdir = $(where)", "queue where from folders.txt"], 2, "describes 2 jobs"),
        ([*without("queue"), "queue where from empty.txt"], 2, "describes 0 jobs"),
        ([*without("queue"), "max_idle = 1", "queue 3"], 2, "describes 3 jobs"),
        ([*without("queue"), "queue", "request_memory = 2GB", "queue"], 2, "as the last line"),
        ([*without("queue"), "if defined x", "queue 2", "else", "queue", "endif"], 2, "as the last line"),
        # R15: what runs no session
        (["executable = lab.sh", "queue"], 2, "lab.sh, which is not a session: remove `executable`"),
        ([*without("queue"), "executable = lab.sh", "queue"], 2, "lab.sh, which is not a session"),
        (
            ["universe = docker", "docker_image = a/b", "executable = /bin/sleep", "arguments = 168h", "queue"],
            2,
            "/bin/sleep, which is not a session",
        ),
        (["universe = local", "executable = /bin/sleep", "queue"], 2, "the local universe"),
        # where the notebooks would not be found
        ([*without("queue"), 'transfer_output_remaps = "notebooks = x"', "queue"], 2, "`transfer_output_remaps`"),
        ([*without("queue"), 'transfer_output_remaps = "a=b; notebooks/c=c"', "queue"], 2, "brings notebooks/c back"),
        ([*without("queue"), 'transfer_output_remaps = "notebooks = notebooks/"', "queue"], 2, "brings notebooks back"),
        ([*without("queue"), 'transfer_output_remaps = "a = a"', "queue"], 2, "leads a back to itself"),
        ([*without("queue"), 'transfer_output_remaps = "a=b/c;b=a/"', "queue"], 2, "leads a back to itself"),
        ([*without("queue"), "output_destination = file:///tmp/", "queue"], 2, "remove `output_destination`"),
        ([*without("queue"), 'arguments = "--notebooks /tmp/x"', "queue"], 2, "`--notebooks NAME`"),
        (
            [*without("queue", "transfer_input"), "transfer_input_files = cells/notebooks", "queue"],
            2,
            "/cells` and `transfer_input_files = notebooks`",
        ),
        # what does not run, or not for long
        ([*without("queue"), "hold = true", "queue"], 2, "on hold: remove `hold`"),
        ([*without("queue"), "noop_job = true", "queue"], 2, "remove `noop_job`"),
        ([*without("queue"), "deferral_time = 1999999999", "queue"], 2, "remove `deferral_time`"),
        ([*without("queue"), "allowed_execute_duration = 60", "queue"], 2, "`allowed_execute_duration = 120` or more"),
        ([*without("queue"), "periodic_remove = true", "queue"], 2, "remove `periodic_remove = true`"),
        # what no added line can change
        (
            [*without("queue", "transfer_input"), '+TransferInput = "mine.sub"', "queue"],
            2,
            "doesn't let `transfer_input_files = notebooks, mine.sub` be added",
        ),
        # what HTCondor itself refuses, in its own words
        ([*without("queue"), "initialdir = nowhere", "queue"], 21, "No such directory"),
        ([*without("queue"), "if = 1", "request_cpus = two", "queue"], 21, "HTCondor rejected the job"),
    ],
)
def test_a_file_that_is_no_session_is_refused_and_nothing_is_left(new_file, lines, status, part):
    folders = {"folders.txt": "cells\nworms\n", "cells/notebooks/b.txt": "b", "worms/notebooks/b.txt": "b"}
    new_file(*lines, **{"empty.txt": "", "lab.sh": "#!/bin/sh\nexec jupyter lab\n"}, **folders).refuse(status, part)


@pytest.mark.parametrize(
    ("inputs", "spoil", "parts"),
    [
        (
            "notebooks",
            "mkdir -p big notebooks/env; ln -s $PWD/big notebooks/env/lib64",
            ("env/lib64 (a link to a folder)",),
        ),
        ("notebooks", "mv notebooks real; ln -s real notebooks", ("/notebooks is a link to a folder", "use /home/")),
        ("notebooks, data", "mkdir -p data big; ln -s ../big data/l", ("/data/l (a link to a folder)", "`rm`")),
        ("notebooks, data", "mkdir big; ln -s big data", ("/data (a link to a folder)",)),
        ("notebooks, data", "ln -s nowhere data", ("/data (missing)", "Create what is missing")),
        ("notebooks", "touch notebooks/s; chmod 0 notebooks/s", ("/notebooks/s (unreadable)", "`chmod u+rX`")),
        ("notebooks", "mkdir notebooks/s; touch notebooks/s/t; chmod 0 notebooks/s", ("/notebooks/s (unreadable)",)),
        ("notebooks", "mkdir notebooks/s; touch notebooks/s/t; chmod 555 notebooks/s", ("/s (a read-only folder",)),
        ("notebooks", "ln -s /etc/shadow notebooks/s", ("/notebooks/s (unreadable)",)),
        ("notebooks", "for a in 1 2 3 4 5; do ln -s . notebooks/$a; done", ("/notebooks/3 (", ", and 2 more")),
    ],
)
def test_what_htcondor_can_not_transfer_is_said_before_anything_is_submitted(new_file, inputs, spoil, parts):
    own = new_file(*without("transfer_input", "queue"), f"transfer_input_files = {inputs}", "queue")
    own.laptop.on_ap("sh", "-c", f"cd {own.folder}; {spoil}")
    own.before = own.laptop.on_ap("find", own.folder)
    own.refuse(20, "HTCondor can't transfer", *parts)


def test_notebooks_that_the_file_forgets_are_looked_through_too(new_file):
    own = new_file(*without("transfer_input"))
    own.laptop.on_ap("sh", "-c", f"cd {own.folder}; mkdir big; ln -s ../big notebooks/lib64")
    own.before = own.laptop.on_ap("find", own.folder)
    own.refuse(20, "HTCondor can't transfer", "/notebooks/lib64 (a link to a folder)")


@pytest.mark.parametrize("run", ["exec jupyter-session run", "jupyter-session run"])
def test_a_script_that_would_be_ended_before_its_session_is_told_of(new_file, run):
    own = new_file(*without("queue"), "executable = lab.sh", "queue", **{"lab.sh": f'#!/bin/sh\n{run} "$@"\n'})
    own.laptop.on_ap("chmod", "+x", f"{own.folder}/lab.sh")
    is_told = "write `exec jupyter-session run` there" in own.start().output
    own.laptop.on_ap("condor_rm", own.laptop.job())
    wait_for(lambda: not own.laptop.queued(), 90, "the job to be gone")
    in_order = '"state": "stopped"' in own.laptop.on_ap(
        "cat", f"{own.folder}/notebooks/.jupyter-session/last-session.json"
    )
    assert (is_told, in_order) == (not run.startswith("exec"), run.startswith("exec"))


def test_what_htcondor_can_transfer_or_leaves_out_is_not_in_the_way(new_file):
    own = new_file(*STOCK)
    spoil = (
        "ln -s nowhere broken; ln -s loop loop; ln -s a.txt file; mkfifo pipe; mkdir empty; touch 'a b'; touch .hidden"
    )
    own.laptop.on_ap("sh", "-c", f"cd {own.folder}/notebooks; {spoil}")
    assert "Added" not in own.start().output
    assert "file" in own.laptop.inside("ls", "notebooks").split()


def test_a_file_without_outputs_or_chirp_is_completed_and_its_notebooks_come_back(new_file):
    own = new_file(
        "universe = container",
        f"container_image = {SHARED_IMAGE}",
        'JobBatchName = "cells in the evening"',
        "transfer_input_files = notebooks, measure.py",
        "when_to_transfer_output = ON_EXIT",
        "log = logs/run.$(Cluster).log",
        "output = logs/run.$(Cluster).$(Process).out",
        "error = logs/run.$(Cluster).$(Process).err",
        "queue",
        **{"measure.py": "", "logs/README": ""},
    )
    said = own.start().output
    assert "Added `transfer_output_files = notebooks`" in said
    assert "Added `want_io_proxy = true`" in said
    own.save()
    assert f"{own.folder}/notebooks" in own.stop()
    own.assert_saved()


def test_a_file_with_another_output_first_brings_the_notebooks_back_and_names_their_folder(new_file):
    own = new_file(
        *without("transfer_output", "My.Spool", "queue"),
        "transfer_output_files = results, notebooks",
        'transfer_output_remaps = "results/figures.pdf = figures.pdf"',
        "log = two.log",
        "queue",
    )
    own.start()
    own.save(more="mkdir -p results; echo pdf >results/figures.pdf")
    saved = f"{own.folder}/notebooks/now.txt"
    wait_for(lambda: own.laptop.on_ap("cat", saved).strip() == "now", 60, "the file to be saved while the session runs")
    assert f"{own.folder}/notebooks" in own.stop()
    own.assert_saved()
    assert own.laptop.on_ap("cat", f"{own.folder}/figures.pdf").strip() == "pdf"


def test_outputs_that_are_named_by_the_jobs_number_come_back_beside_the_notebooks(new_file):
    own = new_file(*without("transfer_output", "queue"), "transfer_output_files = out_$(Cluster)", "queue")
    own.start()
    cluster = own.laptop.job().partition(".")[0]
    own.save(more=f"mkdir out_{cluster}; echo mine >out_{cluster}/r.txt")
    own.stop()
    own.assert_saved()
    assert own.laptop.on_ap("cat", f"{own.folder}/out_{cluster}/r.txt").strip() == "mine"


def test_a_log_in_xml_is_no_log_to_follow_and_becomes_one(new_file):
    own = new_file(*without("queue"), "log_xml = True", "log = x.log", "queue")
    assert "Added `log_xml = false`" in own.start().output


def test_an_attribute_that_a_key_does_not_change_is_changed_all_the_same(new_file):
    own = new_file(
        *without("queue", "transfer_output"),
        '+TransferOutput = "results"',
        'MY.WhenToTransferOutput = "ON_EXIT"',
        "+WantIOProxy = false",
        '+UserLog = "/tmp/mine.log"',
        "skip_if_dataflow = true",
        "max_transfer_output_mb = 1",
        "want_graceful_removal = false",
        "kill_sig = SIGKILL",
        "on_exit_remove = false",
        "queue",
    )
    own.start()
    own.save(more="mkdir -p results")
    own.stop()
    own.assert_saved()


@pytest.mark.parametrize(
    ("setting", "part"),
    [
        ("Transfer_Output_Files = results", "transfer_output_files = notebooks, results"),
        ('+TransferOutput = "results"', "transfer_output_files = notebooks, results"),
        ("transfer_input_files = data.csv", "transfer_input_files = notebooks, data.csv"),
        ("output = a", "output = a"),
        ("STDOUT = a", "output = a"),
        ("RequestMemory = 3GB", "request_memory = 3GB"),
    ],
)
def test_set_keeps_the_notebooks_whatever_name_the_key_has(new_laptop, setting, part):
    planned = new_laptop().call("start", "--dry-run", "--set", setting)
    assert planned.returncode == 0, planned
    lines = planned.stdout.splitlines()
    assert part in lines
    key = part.partition("=")[0]
    assert [line for line in lines if line.lower().startswith(key)] == [part]


@pytest.mark.parametrize(
    ("setting", "part"),
    [
        ("WANT_IO_PROXY = false", "want_io_proxy = true"),
        ("WantIOProxy = false", "want_io_proxy = true"),
        ("when_to_transfer_output = ON_EXIT", "when_to_transfer_output = ON_EXIT_OR_EVICT"),
        ('+WhenToTransferOutput = "ON_EXIT"', "when_to_transfer_output = ON_EXIT_OR_EVICT"),
        ("my.spoolonevict = true", "My.SpoolOnEvict = false"),
        ("Should_Transfer_Files = IF_NEEDED", "should_transfer_files = YES"),
        ("queue_ = 1", "queue_"),
        ('+JupyterName = "zzz"', "JupyterName"),
        ("MY.JupyterName = x", "JupyterName"),
        ("JupyterName = x", "JupyterName"),
        ("JOB_IWD = /tmp", "JOB_IWD"),
        ("UserLog = x", "UserLog"),
        ("Output_Destination = file:///tmp", "output_destination"),
        ('transfer_output_remaps = "notebooks = x"', "transfer_output_remaps"),
        ("arguments = --notebooks x", "--notebooks"),
        ("hold = true", "hold"),
        ("noop_job = true", "noop_job"),
    ],
)
def test_set_refuses_what_takes_the_notebooks_away(new_laptop, setting, part):
    refused = new_laptop().call("start", "--dry-run", "--set", setting)
    assert (refused.returncode, part in refused.stderr, refused.stdout) == (2, True, ""), refused


def test_set_of_a_key_that_htcondor_does_not_know_is_refused_and_nothing_is_left(new_laptop):
    laptop = new_laptop()
    done = laptop.call("start", laptop.name, "--ap", "ap", "--image", SHARED_IMAGE, "--set", "memmory = 2GB")
    assert (done.returncode, "memmory = 2GB'. Is it a typo?" in done.stderr) == (2, True), done
    assert laptop.queued() == []
    assert "No such file" in laptop.on_ap("ls", "-d", laptop.folder)


def test_set_of_other_outputs_brings_the_notebooks_back(new_laptop):
    laptop = new_laptop()
    laptop.start("--set", "Transfer_Output_Files = results").url()
    laptop.inside("sh", "-c", "mkdir results; echo r >results/r; echo now >notebooks/now.txt")
    assert f"{laptop.folder}/notebooks" in laptop.call("stop").stdout
    assert laptop.on_ap("cat", f"{laptop.folder}/notebooks/now.txt", f"{laptop.folder}/results/r").split() == [
        "now",
        "r",
    ]


def test_notebooks_that_are_a_link_to_a_folder_are_refused_with_the_folder_to_use(new_laptop):
    laptop = new_laptop()
    real = f"/home/alice/real-{laptop.name}"
    laptop.on_ap("sh", "-c", f"mkdir {real} {real}/cells; ln -s {real}/cells {real}/notebooks")
    for name in ("notebooks", "notebooks/"):
        done = laptop.call("start", laptop.name, "--ap", "ap", "--image", SHARED_IMAGE, "--notebooks", f"{real}/{name}")
        assert (done.returncode, f"use {real}/cells" in done.stderr) == (20, True), done
    assert laptop.queued() == []
    assert "No such file" in laptop.on_ap("ls", "-d", laptop.folder)
    laptop.on_ap("rm", "-r", real)


def test_an_interactive_session_of_an_own_file_is_completed_or_refused_alike(new_file):
    own = new_file(*without("queue"), "queue 2")
    done = own.laptop.call(*own.argv, "--interactive")
    assert (done.returncode, "describes 2 jobs" in done.stderr) == (2, True), done
    own.assert_nothing_left()
    own = new_file(*without("want_io", "queue"), "executable = /bin/true", "queue")
    assert "Added `want_io_proxy = true`" in own.start("--interactive").output


#: Lines of which a description has one or none, so that each combination is another way to lose notebooks.
CHOICES = (
    ("transfer_output_files = notebooks", "transfer_output_files = results",
     "transfer_output_files = results, notebooks", "transfer_output_files = notebooks/",
     '+TransferOutput = "results"', ""),
    ('transfer_output_remaps = "results/r = r"', 'transfer_output_remaps = "notebooks = elsewhere"', "", "", ""),
    ("when_to_transfer_output = ON_EXIT", "when_to_transfer_output = ON_EXIT_OR_EVICT",
     "when_to_transfer_output = ON_SUCCESS", '+WhenToTransferOutput = "ON_EXIT"', ""),
    ("My.SpoolOnEvict = false", "+SpoolOnEvict = true", ""),
    ("want_io_proxy = true", "want_io_proxy = false", "+WantIOProxy = false", ""),
    ("should_transfer_files = yes", "should_transfer_files = IF_NEEDED", ""),
    ("transfer_input_files = notebooks", "transfer_input_files = notebooks/", ""),
)  # fmt: skip


def draw(seed):
    chosen = random.Random(seed)  # noqa: S311 - the same for each run
    return [line for lines in CHOICES if (line := chosen.choice(lines))]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(20))
def test_whatever_a_file_says_both_files_are_back_after_stop_or_the_start_was_refused(new_file, seed):
    lines = draw(seed)
    own = new_file(f"container_image = {SHARED_IMAGE}", *lines, "queue")
    size = 300_000_000 if seed in (3, 13) else SIZE
    running = own.laptop.run_on(*own.argv)
    wait_for(lambda: running.process.poll() is not None or "http://" in running.read(), 120, "an address, or the end")
    if running.process.poll() is not None:
        assert running.wait_end() in (2, 21), running.read()
        own.assert_nothing_left()
        return
    own.save(size, more="mkdir -p results; echo r >results/r" if seed % 2 else "true")
    own.stop()
    own.assert_saved(size)
    assert own.laptop.on_ap("cat", f"{own.folder}/notebooks/a.txt") == "a"
