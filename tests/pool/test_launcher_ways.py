"""The same command in other places and with the user's own files."""

import json
import re

import pytest
import tomllib

from chtc_condor.codes import JobStatus
from support.hosts import ROOT, SHARED_IMAGE
from support.laptop import SMALL
from support.waiting import wait_for


@pytest.mark.slow
def test_on_the_access_point_itself_it_needs_no_ssh_and_prints_the_line_for_the_laptop(new_laptop):
    here = new_laptop(host="ap")
    started = here.call("start", here.name, *SMALL)
    assert started.returncode == 0, started
    assert started.stdout.startswith("sh -c ")
    job = here.job()
    assert here.queued() == [JobStatus.RUNNING]
    assert json.loads(here.call("status", "--json").stdout)["state"] == "ready"
    assert any(row["job"] == job for row in here.call_json("list"))
    here.run_on("attach", tty=True).wait_for("shell")
    assert "this machine" in here.call("stop").stdout
    assert here.queued() == []


def test_notebooks_in_a_folder_of_the_users_own_go_there_and_come_back(new_laptop):
    laptop = new_laptop()
    folder = f"my work {laptop.name}"
    laptop.on_ap("mkdir", folder)
    laptop.on_ap("sh", "-c", f"echo kept > '{folder}/kept.txt'")
    laptop.start("--notebooks", folder).url()
    assert "kept" in laptop.fetch(laptop.at("/api/contents/kept.txt"))
    new = json.dumps({"type": "file", "format": "text", "content": "made there"})
    laptop.fetch(laptop.at("/api/contents/new.txt"), "-X", "PUT", "-d", new)
    assert folder in laptop.call("stop").stdout
    assert laptop.on_ap("cat", f"{folder}/new.txt") == "made there"
    assert laptop.on_ap("ls", "-A", f"{laptop.folder}/notebooks").startswith("ls: cannot access")
    laptop.on_ap("rm", "-r", folder)


def test_submit_file_of_the_user_is_taken_as_it_is_with_what_was_asked_for_added(new_laptop, pool):
    laptop = new_laptop()
    folder = f"own; 'x' {laptop.name}"
    stock = (ROOT / "submit/jupyter.sub").read_text().replace("= jupyter.sif", f"= {SHARED_IMAGE}")
    pool.put("ap", f"/home/alice/{folder}/mine.sub", stock.encode(), "alice")
    pool.put("ap", f"/home/alice/{folder}/notebooks/a.txt", b"a", "alice")
    words = ["--ap", "ap", "--no-browser", "--memory", "1500MB", "--disk", "2GB", "--set", "My.Mine = 5"]
    running = laptop.run_on("start", laptop.name, "--submit-file", f"{folder}/mine.sub", *words)
    running.url()
    assert "a.txt" in laptop.fetch(laptop.at("/api/contents"))
    assert laptop.on_ap("condor_q", laptop.job(), "-af", "RequestMemory", "Mine").split() == ["1500", "5"]
    assert f"/home/alice/{folder}/notebooks" in laptop.call("stop").stdout
    laptop.on_ap("rm", "-r", folder)


@pytest.mark.slow
def test_defaults_are_kept_in_a_file_and_taken_by_start(new_laptop, pool):
    laptop = new_laptop()
    for key, value in (("ap", "ap"), ("image", "none.sif"), ("gpus", "1"), ("browser", "no"), ("memory", "3GB")):
        assert laptop.call("config", key, value).returncode == 0
    assert laptop.call("config", "memory", "").returncode == 0
    assert laptop.call("config", "color", "red").returncode == 2
    assert laptop.call("config", "gpus", "many").returncode == 2
    kept = {"ap": "ap", "image": "none.sif", "gpus": 1, "browser": False}
    path = f"{laptop.home}/config/chtc-jupyter/config.toml"
    assert tomllib.loads(pool.path("laptop", path).read_text()) == kept
    assert json.loads(laptop.call("config", "--json").stdout) == kept
    planned = laptop.call("start", "--dry-run").stdout
    for line in ("request_gpus = 1", "container_image = ~/none.sif", "request_memory = 4GB"):
        assert line in planned.splitlines()
    tried = laptop.call("start", laptop.name)
    assert (tried.returncode, "no image /home/alice/none.sif on ap" in tried.stderr) == (20, True)


@pytest.mark.slow
def test_doctor_finds_what_is_wrong_with_the_way_to_the_pool(new_laptop):
    laptop = new_laptop()
    laptop.call("config", "image", SHARED_IMAGE)
    well = laptop.call("doctor", "--ap", "ap", "--json")
    assert well.returncode == 0, well
    checks = [json.loads(line) for line in well.stdout.splitlines()]
    assert len(checks) >= 10  # one more while a session of hers runs
    assert all(check["ok"] for check in checks)
    laptop.call("config", "image", "none.sif")
    ill = laptop.call("doctor", "--ap", "ap")
    assert ill.returncode == 1
    assert "FAIL  the image none.sif exists: Copy jupyter.sif there" in ill.stdout
    assert laptop.call("doctor", "--ap", "10.77.0.99").returncode == 1


@pytest.mark.slow
def test_output_is_plain_where_there_is_no_terminal_and_fits_eighty_columns_where_there_is(new_laptop, pool):
    laptop = new_laptop()
    listed = re.findall(r"^│ ([a-z][a-z-]+) ", laptop.call("--help").stdout, re.MULTILINE)
    assert len(listed) == 16
    for verb in ((), *((name,) for name in listed)):
        told = laptop.call(*verb, "--help")
        assert told.returncode == 0
        assert "\x1b" not in told.stdout
        assert max(map(len, told.stdout.splitlines())) <= 80
    shell = ["bash", "-c", "chtc-jupyter --show-completion; true"]
    assert "_CHTC_JUPYTER_COMPLETE" in pool.exec("laptop", shell, user="alice").stdout
    running = laptop.run_on("list", "--ap", "ap", tty=True)
    assert running.wait_end() == 0
    wait_for(lambda: "NAME" in running.read() or "no sessions" in running.read(), 5, "the list")


@pytest.mark.slow
def test_a_session_without_access_to_files_is_started_opened_and_ended_as_any(new_laptop):
    """docs/saving.md: what works without it."""
    laptop = new_laptop()
    line = next(
        line for line in (ROOT / "docs/saving.md").read_text().splitlines() if line.startswith("$ chtc-jupyter")
    )
    laptop.start(*line.removeprefix("$ chtc-jupyter start ").split()).url()
    assert any(row["state"] == "ready" for row in laptop.call_json("list"))
    assert "nothing is saved while the session runs" in laptop.call("status").stdout
    laptop.inside("sh", "-c", "echo made there >notebooks/new.txt")
    assert laptop.call("stop").returncode == 0
    assert laptop.on_ap("cat", f"{laptop.folder}/notebooks/new.txt") == "made there\n"
