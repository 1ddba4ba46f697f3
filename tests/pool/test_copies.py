"""`chtc-jupyter cp` and `image push`: files arrive whole, over the session's own connection, whatever becomes of it."""

import re

import pytest

from support.hosts import SHARED_IMAGE
from support.laptop import laptops
from support.waiting import wait_for

SUM = re.compile(r"[0-9a-f]{64}")


def make_file(laptop, name, size):
    """Make a file on the laptop; return its path and SHA-256."""
    path = f"{laptop.home}/{name}"
    script = 'head -c "$1" /dev/urandom >"$0"; sha256sum "$0"'
    done = laptop.pool.exec("laptop", ["sh", "-ec", script, path, str(size)], user=laptop.user, timeout=300, check=True)
    return path, SUM.search(done.stdout)[0]


def sum_here(laptop, path):
    done = laptop.pool.exec("laptop", ["sha256sum", path], user=laptop.user, timeout=300, check=True)
    return SUM.search(done.stdout)[0]


def sum_inside(laptop, path):
    return SUM.search(laptop.inside("sha256sum", path))[0]


@pytest.mark.timeout(300)
def test_a_file_goes_into_the_session_and_back_whether_or_not_it_is_open_here(new_laptop):
    laptop = new_laptop()
    running = laptop.start()
    running.url()
    source, digest = make_file(laptop, "data.h5", 50_000_000)
    laptop.pool.put("laptop", f"{laptop.home}/none/ssh", b"#!/bin/sh\nexit 255\n", "alice", 0o755)
    can_not_log_in = {**laptop.env, "PATH": f"{laptop.home}/none:/usr/local/bin:/usr/bin:/bin"}
    argv = ["chtc-jupyter", "cp", source, f"{laptop.name}:"]
    done = laptop.pool.exec("laptop", argv, user="alice", env=can_not_log_in, timeout=120)
    assert done.returncode == 0, done
    assert "the same at both ends" in done.stderr
    assert sum_inside(laptop, "notebooks/data.h5") == digest
    assert laptop.call("cp", source, f"{laptop.name}:../beside.h5").returncode == 0
    assert sum_inside(laptop, "beside.h5") == digest
    assert laptop.call("cp", f"{laptop.name}:data.h5", f"{laptop.home}/back").returncode == 0
    assert sum_here(laptop, f"{laptop.home}/back") == digest
    assert "There is no" in laptop.call("cp", f"{laptop.name}:nothing", laptop.home).stderr
    running.interrupt()
    assert running.wait_end() == 0
    done = laptop.call("cp", f"{laptop.name}:../beside.h5", laptop.home, "--json")
    assert done.returncode == 0, done
    assert '"event": "copied"' in done.stdout
    assert sum_here(laptop, f"{laptop.home}/beside.h5") == digest
    assert laptop.call("stop", laptop.name).returncode == 0
    done = laptop.call("cp", source, f"{laptop.name}:", "--ap", "ap")
    assert done.returncode == 22, done


def cut_in_the_middle(pool, laptop, far, command):
    """Run a copy, and cut the network for longer than a connection lives once a part of it is `far` (a function)."""
    copying = laptop.run_on(*command)
    before = far()
    wait_for(lambda: far() > before + 30_000_000 or copying.process.poll() is not None, 120, "a part to arrive", 0.05)
    assert copying.process.poll() is None, copying.read()
    pool.cut("laptop")
    copying.wait_for("it goes on once there is a connection", 90)
    pool.heal("laptop")
    assert copying.wait_end(300) == 0, copying.read()
    assert "the same at both ends" in copying.read()


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("open_here", [True, False])
def test_a_gigabyte_both_ways_survives_a_network_that_is_cut(own_pool, open_here):
    with laptops(own_pool) as new:
        laptop = new()
        running = laptop.start("--disk", "5GB")
        running.url()
        if not open_here:
            running.interrupt()
            assert running.wait_end() == 0
        source, digest = make_file(laptop, "big.h5", 1_000_000_000)

        def arrived():
            script = "du -sb $_CONDOR_SCRATCH_DIR/.jupyter-session-copies || echo 0"
            return int(laptop.inside("sh", "-c", script).split()[0])

        cut_in_the_middle(own_pool, laptop, arrived, ["cp", source, f"{laptop.name}:"])
        assert sum_inside(laptop, "notebooks/big.h5") == digest

        def came():
            script = 'stat -c %s "$0"/back/.*.copying || echo 0'
            argv = ["sh", "-c", script, laptop.home]
            return int(own_pool.exec("laptop", argv, user="alice").stdout.split()[0])

        own_pool.exec("laptop", ["mkdir", f"{laptop.home}/back"], user="alice", check=True)
        cut_in_the_middle(own_pool, laptop, came, ["cp", f"{laptop.name}:big.h5", f"{laptop.home}/back"])
        assert sum_here(laptop, f"{laptop.home}/back/big.h5") == digest


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_image_is_pushed_to_the_access_point_and_a_broken_push_goes_on(new_laptop, pool):
    laptop = new_laptop()
    source, digest = make_file(laptop, "new.sif", 300_000_000)
    to = f".test-{laptop.name}/images/new.sif"
    pushing = laptop.run_on("image", "push", source, to, "--ap", "ap")
    there = pool.path("ap", f"/home/alice/.test-{laptop.name}/images")
    partial = there / ".new.sif.copying"
    wait_for(lambda: partial.exists() and partial.stat().st_size > 20_000_000, 60, "a part to arrive", 0.05)
    pushing.interrupt()
    assert pushing.wait_end() == 130, pushing.read()
    assert "goes on where this one ended" in pushing.read()
    assert not (there / "new.sif").exists()
    kept = partial.stat().st_size
    done = laptop.call("image", "push", source, to, "--ap", "ap")
    assert done.returncode == 0, done
    assert kept > 20_000_000
    assert SUM.search(laptop.on_ap("sha256sum", to))[0] == digest
    assert sorted(path.name for path in there.iterdir()) == ["new.sif"]
    assert laptop.left_on_ap() == ""
    done = laptop.call("image", "push", f"{laptop.home}/nothing", "--ap", "ap")
    assert (done.returncode, "There is no file" in done.stderr) == (20, True)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_image_is_pushed_though_the_network_is_cut(own_pool):
    with laptops(own_pool) as new:
        laptop = new()
        source, digest = make_file(laptop, "new.sif", 1_000_000_000)
        partial = own_pool.path("ap", "/home/alice/jupyter") / ".new.sif.copying"

        def arrived():
            return partial.stat().st_size if partial.exists() else 0

        push = ["image", "push", source, "jupyter/new.sif", "--ap", "ap"]
        cut_in_the_middle(own_pool, laptop, arrived, push)
        assert SUM.search(laptop.on_ap("sha256sum", "jupyter/new.sif"))[0] == digest


@pytest.mark.timeout(300)
def test_inputs_are_beside_the_notebooks_and_never_come_back(new_laptop, pool):
    laptop = new_laptop()
    pool.put("ap", f"{laptop.folder}/in/cells.csv", b"a,b\n1,2\n", "alice")
    pool.put("ap", f"{laptop.folder}/in/images/one.txt", b"one", "alice")
    inputs = [f"jupyter/{laptop.name}/in/cells.csv", f"jupyter/{laptop.name}/in/images/"]
    running = laptop.start("--input", inputs[0], "--input", inputs[1])
    running.url()
    assert laptop.inside("cat", "notebooks/cells.csv", "notebooks/images/one.txt") == "a,b\n1,2\none"
    laptop.inside("sh", "-c", "echo kept >notebooks/kept.txt; ln -s nowhere notebooks/mine")
    assert laptop.call("stop", laptop.name).returncode == 0
    wait_for(lambda: not laptop.queued(), 60, "the job to end")
    found = set(laptop.on_ap("ls", "-A", f"{laptop.folder}/notebooks").split())
    assert "kept.txt" in found
    assert not found & {"cells.csv", "images"}
    listed = laptop.on_ap("cat", f"{laptop.folder}/notebooks/.jupyter-session/set-aside.json")
    assert "mine" in listed
    assert "cells.csv" not in listed


def test_an_input_that_is_not_there_is_refused_before_anything_is_submitted(new_laptop):
    laptop = new_laptop()
    done = laptop.call(
        "start", laptop.name, "--ap", "ap", "--no-browser", "--image", SHARED_IMAGE, "--input", "data/none.csv"
    )
    assert done.returncode == 20, done
    assert "There is no /home/alice/data/none.csv on ap" in done.stderr
    assert laptop.queued() == []


@pytest.mark.timeout(300)
def test_two_sessions_on_one_folder_are_said_before(new_laptop):
    first, second = new_laptop(), new_laptop()
    first.start_and_leave()
    running = second.start("--notebooks", f"{first.folder}/notebooks")
    running.wait_for(f"The session {first.name} has the notebook folder", 60)
    running.wait_for("saved beside the first")
