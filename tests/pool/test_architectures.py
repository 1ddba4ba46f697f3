"""Machines of another architecture: an execution point that says it is one, and images that say for which they are."""

import pytest

from chtc_condor.codes import JobStatus
from support.hosts import SHARED_IMAGE
from support.laptop import laptops
from support.session import sessions
from support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

FOLDER = "/home/alice/kinds"
#: Writes a copy of an image whose header says that it is for ARM; Apptainer goes by another place, and runs it.
MARK = """
import sys
data = bytearray(open(sys.argv[1], "rb").read())
assert data[32:48] == b"SIF_MAGIC\\x0001\\x0002\\x00"
data[45:47] = b"04"
open(sys.argv[2], "wb").write(data)
"""
#: The same where Apptainer looks: in the descriptor of the partition with the root.
MARK_WHOLE = """
import sys
data = bytearray(open(sys.argv[1], "rb").read())
place = data.index(bytes.fromhex("01000000 02000000") + b"02") + 8
data[place : place + 2] = b"04"
open(sys.argv[2], "wb").write(data)
"""


def test_right_image_is_chosen_and_the_wrong_one_named(own_pool):
    pool, mine, arm = own_pool, f"{FOLDER}/jupyter.sif", f"{FOLDER}/jupyter-aarch64.sif"
    with laptops(pool) as new:
        laptop = new("alice")
        laptop.on_ap("mkdir", FOLDER)
        laptop.on_ap("ln", "-s", SHARED_IMAGE, mine)
        image = ("--image", mine)

        wrong = laptop.call("start", laptop.name, "--ap", "ap", "--no-browser", "--arch", "aarch64", *image)
        assert wrong.returncode == 20, wrong
        for part in ("is for X86_64 machines", "aarch64 ones", arm):
            assert part in wrong.stderr
        assert laptop.queued() == []

        pool.exec("ap", ["python3", "-c", MARK, SHARED_IMAGE, arm], user="alice", check=True)
        assert laptop.call("config", "image", mine).returncode == 0
        running = laptop.start("--arch", "arm64", *image)
        running.wait_for("no machine in this pool is of the kind aarch64")
        assert "they are X86_64" in laptop.call("status", laptop.name).stdout
        assert "(aarch64)" in laptop.call("list").stdout
        assert laptop.call("doctor", "--ap", "ap").returncode == 0

        pool.put("ep1", "/etc/condor/config.d/99-arch", b"ARCH = aarch64\n")
        pool.exec("ep1", ["condor_restart", "-startd"], check=True)
        assert laptop.answers(running.url(180))
        asked = laptop.on_ap("condor_q", laptop.job(), "-af", "ContainerImage")
        assert asked.strip() == "jupyter-aarch64.sif"
        checked = laptop.call("doctor", "--ap", "ap")
        assert "machines in the pool are X86_64, as the image: They are aarch64." in checked.stdout, checked
        assert laptop.call("stop", laptop.name).returncode == 0


def test_one_name_for_two_images_takes_that_of_the_machine_and_a_wrong_file_is_refused(own_pool):
    pool = own_pool
    with laptops(pool) as new:
        laptop = new("alice")
        laptop.on_ap("mkdir", "-p", f"{FOLDER}/notebooks")
        laptop.on_ap("ln", "-s", SHARED_IMAGE, f"{FOLDER}/jupyter-X86_64.sif")
        pool.exec("ap", ["python3", "-c", MARK, SHARED_IMAGE, f"{FOLDER}/jupyter-aarch64.sif"], user="alice")
        lines = STOCK.format(image="jupyter-$$(Arch).sif", requirements='Arch == "X86_64" || Arch == "aarch64"')
        pool.put("ap", f"{FOLDER}/both.sub", lines.encode(), "alice")
        wrong = STOCK.format(image="jupyter-aarch64.sif", requirements='Arch == "X86_64"')
        pool.put("ap", f"{FOLDER}/wrong.sub", wrong.encode(), "alice")
        refused = laptop.call(
            "start", laptop.name, "--ap", "ap", "--no-browser", "--submit-file", f"{FOLDER}/wrong.sub"
        )
        assert refused.returncode == 20, refused
        assert "is for aarch64 machines, but the job asks for X86_64 ones" in refused.stderr
        running = laptop.run_on(
            "start", laptop.name, "--ap", "ap", "--no-browser", "--submit-file", f"{FOLDER}/both.sub"
        )
        assert laptop.answers(running.url(180))
        assert laptop.queued() == [JobStatus.RUNNING]
        wait_for(lambda: laptop.call("stop", laptop.name).returncode == 0, 60, "the session to stop")


def test_stock_file_with_an_image_for_another_architecture_is_held_the_first_time(own_pool):
    with sessions(own_pool) as new:
        session = new()
        mark = [*("python3", "-c", MARK_WHOLE), SHARED_IMAGE, f"{session.folder}/arm.sif"]
        own_pool.exec("ap", mark, user="alice", check=True)
        session.ap("ln", "-sf", "arm.sif", "jupyter.sif", check=True)
        ad = session.submit().wait_status(JobStatus.HELD, seconds=120)
        assert ad["HoldReason"] == "The image is for machines of another architecture"
        assert ad["NumVacatesByReason"]["SingularityTestFailed"] == 1


#: The stock submit file with the lines for machines of two architectures.
STOCK = """
container_image = {image}
requirements = {requirements}
transfer_input_files = notebooks
transfer_output_files = notebooks
when_to_transfer_output = ON_EXIT_OR_EVICT
My.SpoolOnEvict = false
should_transfer_files = yes
want_io_proxy = true
request_cpus = 1
request_memory = 1GB
request_disk = 2GB
log = jupyter-$(Cluster).log
output = jupyter-$(Cluster).out
error = jupyter-$(Cluster).err
queue
"""
