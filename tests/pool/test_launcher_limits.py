"""What runs out: memory and disk of the machine, the home folder on the access point. No work is lost in silence."""

import pytest

from chtc_condor.codes import JobStatus
from support.hosts import configure, small_disk
from support.laptop import laptops
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(300)


@pytest.mark.slow
def test_job_that_uses_too_much_is_held_and_told_what_to_ask_for(own_pool):
    configure(
        own_pool,
        "ep1",
        "use policy: HOLD_IF_MEMORY_EXCEEDED",
        "use policy: HOLD_IF_DISK_EXCEEDED",
        "STARTER_UPDATE_INTERVAL = 5",
    )
    with laptops(own_pool) as new:
        for option, amount in (("--memory", "64MB"), ("--disk", "50MB")):
            laptop = new()
            running = laptop.start(option, amount)
            running.wait_for(f"larger {option}", 150)
            assert "on hold" in running.output
            assert f"larger {option}" in laptop.call("status").stderr
            if running.process.poll() is None:  # it was open already, and would be again after a release
                running.interrupt()
                running.wait_end()
                assert "stays on hold" in running.output
            again = laptop.call("connect", "--no-browser")
            assert (again.returncode, f"larger {option}" in again.stderr) == (30, True), again
            assert laptop.queued() == [JobStatus.HELD]
            assert laptop.call("stop").returncode == 0
            assert laptop.queued() == []


@pytest.mark.slow
def test_home_folder_that_is_full_is_named_and_nothing_is_submitted_or_left(own_pool):
    home = "/home/alice"
    kept = own_pool.path("ap", f"{home}/.ssh/authorized_keys").read_bytes()
    with laptops(own_pool) as new, small_disk(own_pool, home, "1m"):
        own_pool.put("ap", f"{home}/.ssh/authorized_keys", kept, "alice", 0o600)
        stock = own_pool.path("ap", f"{home}/mine.sub")
        stock.write_text("executable = /bin/true\nqueue\n")
        own_pool.exec("ap", ["sh", "-c", f"head -c 2M /dev/zero >{home}/full"])
        laptop = new()
        for more in ((), ("--interactive",)):
            done = laptop.call("start", laptop.name, "--ap", "ap", "--no-browser", "--image", "/srv/jupyter.sif", *more)
            assert (done.returncode, "there, then try again" in done.stderr) == (15, True), done
        assert laptop.queued() == []
        ill = laptop.call("doctor", "--ap", "ap")
        assert (ill.returncode, "FAIL  the home folder is writable: " in ill.stdout) == (1, True)
        assert "there, then try again" in ill.stdout
        assert "new" not in laptop.on_ap("find", home, "-name", "*.new")
        own_pool.exec("ap", ["rm", f"{home}/full"])
        assert laptop.start().url()
        assert laptop.call("stop").returncode == 0


@pytest.mark.slow
def test_notebooks_that_find_no_room_keep_the_session_from_being_stopped(new_laptop, pool):
    laptop = new_laptop()
    with small_disk(pool, laptop.folder, "3m"):
        running = laptop.start()
        url = running.url()
        made = "head -c 8000000 /dev/zero >notebooks/large.bin"
        laptop.inside("sh", "-c", made)
        wait_for(lambda: "no space left there" in laptop.call("status").stdout, 120, "the session to find no room")
        refused = laptop.call("stop")
        assert (refused.returncode, "large.bin" in refused.stderr, "--force" in refused.stderr) == (15, True, True)
        assert laptop.answers(url)
        pool.exec("ap", ["mount", "-o", "remount,size=64m", laptop.folder], check=True)
        wait_for(lambda: laptop.call("stop").returncode == 0, 120, "the session to be stopped", every=5)
        assert laptop.on_ap("stat", "-c", "%s", f"{laptop.folder}/notebooks/large.bin").strip() == "8000000"
        assert "notebooks are on ap" in wait_for(lambda: running.wait_end() == 0 and running.output, 60, "its end")


def test_notebooks_that_did_not_come_back_are_told_of(new_laptop, pool):
    laptop = new_laptop()
    with small_disk(pool, laptop.folder, "3m"):
        running = laptop.start()
        running.url()
        made = "head -c 8000000 /dev/zero >notebooks/large.bin"
        laptop.inside("sh", "-c", made)
        ended = laptop.call("stop", "--force")
        assert (ended.returncode, "Some notebooks couldn't be copied back" in ended.stderr) == (15, True), ended
        assert "No space left on device" in ended.stderr
        running.wait_end()
        assert "Some notebooks couldn't be copied back" in running.output


@pytest.mark.slow
def test_job_that_waits_is_told_why_and_what_would_match(own_pool):
    with laptops(own_pool) as new:
        first, second, large = new(), new(), new()
        first.start("--gpus", "4").url()
        waiting = second.start("--gpus", "2")
        waiting.wait_for("queued: 1 machine could run it but is busy")
        for more, told in (
            (("--gpus", "9"), "no machine in this pool has 9 GPUs: the most is 4, so ask for --gpus 4 or less"),
            (("--disk", "9000GB"), "no machine in this pool has 9000GB of disk: the most is"),
            (("--gpus", "1", "--memory", "90GB"), "so ask for --memory 58GB or less"),
            (
                ("--cpus", "99", "--memory", "90GB"),
                "no machine in this pool has 90GB of memory (the most is 58GB) or 99 CPUs",
            ),
            (("--set", "requirements = HasFoo"), "no machine in this pool meets the condition HasFoo"),
        ):
            running = large.start(*more)
            running.wait_for(told)
            running.close()
            assert large.call("stop").returncode == 0
        assert first.call("stop").returncode == 0
        assert second.answers(waiting.url())
