"""What can go wrong with chtc-jupyter: one sentence each, with the next step, and a status of its own."""

import contextlib

import pytest

from chtc_condor.codes import JobStatus
from support.hosts import login_shell
from support.waiting import wait_for


def fails(done, status, *parts):
    """Assert that a run ended with a status, one sentence that has the parts, and no traceback."""
    said = [line for line in done.stderr.splitlines() if line.startswith("chtc-jupyter: ")]
    assert (done.returncode, len(said)) == (status, 1), done
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in said[0]
    return True


@contextlib.contextmanager
def replaced(pool, host, path, data, mode=0o755):
    """Put a file on a host for as long as the block."""
    pool.put(host, path, data.encode(), mode=mode)
    try:
        yield
    finally:
        pool.exec(host, ["rm", "-f", path])


def start(laptop, *more):
    return laptop.call("start", laptop.name, "--ap", laptop.ap, "--no-browser", *more)


def test_access_point_that_is_none_is_said_so(new_laptop):
    laptop = new_laptop(ap="nowhere.invalid")
    assert fails(start(laptop), 10, "can't be found")
    laptop.ap = "10.77.0.99"
    assert fails(start(laptop), 10, "can't be reached", "VPN")
    laptop.ap = "alice@ep1"
    assert fails(start(laptop), 10, "can't be reached")
    laptop.ap = "-oProxyCommand=touch /tmp/x"
    assert start(laptop).returncode == 2


def test_login_that_is_refused_or_a_host_key_that_has_changed_is_said_so(new_laptop, pool):
    laptop = new_laptop(ap="nobody@ap")
    assert fails(start(laptop), 12, "refused the login", "ssh nobody@ap")
    key = pool.path("ap", "/etc/ssh/ssh_host_ecdsa_key.pub").read_text().split()[1]
    config = f"Host other\n HostName ap\n HostKeyAlias other\n UserKnownHostsFile {laptop.home}/known\n"
    pool.put("laptop", f"{laptop.home}/known", f"other ecdsa-sha2-nistp256 {key[:-8]}AAAAAAA=\n".encode(), "alice")
    other = "other ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJo0GkZ2vSvb4wJDgLGXmP0SBm7l+TDpZPzQdZv1cVZr\n"
    pool.put("laptop", f"{laptop.home}/known", other.encode(), "alice")
    pool.put("laptop", "/etc/ssh/ssh_config.d/other.conf", config.encode())
    laptop.ap = "other"
    assert fails(start(laptop), 11, "ssh-keygen -R other")


def test_startup_file_that_talks_or_leaves_little_in_path_changes_nothing(new_laptop, pool):
    laptop = new_laptop("bob", ap="faked")
    config = f"Host faked\n HostName ap\n HostKeyAlias ap\n SetEnv LC_FAKE={laptop.name}\n"
    pool.put("laptop", "/etc/ssh/ssh_config.d/faked.conf", config.encode())
    try:
        for lines in (
            "mkdir -p ~/only; ln -sf /usr/bin/python3 ~/only/; PATH=~/only",
            "echo a shell that talks; echo '{\"id\": 5}'; echo 'raise SystemExit' >~/json.py",
        ):
            with login_shell(pool, "bob", f'if [ "$LC_FAKE" = {laptop.name} ]; then {lines}; fi'):
                assert fails(start(laptop, "--image", "none.sif"), 20, "no image")
    finally:
        laptop.on_ap("rm", "-rf", "json.py", "only")


def test_missing_image_folder_or_file_is_said_before_anything_is_submitted(new_laptop):
    laptop = new_laptop()
    assert fails(start(laptop, "--image", "none.sif"), 20, "/home/alice/none.sif", "--image")
    assert fails(start(laptop, "--image", "/srv/jupyter.sif", "--notebooks", "none"), 20, "/home/alice/none")
    assert fails(start(laptop, "--submit-file", "none.sub"), 20, "/home/alice/none.sub")
    assert laptop.queued() == []


def test_full_disk_in_the_home_folder_is_said_so(new_laptop, pool):
    laptop = new_laptop()
    folder = f"/home/alice/jupyter/{laptop.name}"
    laptop.on_ap("mkdir", "-p", folder)
    pool.exec("ap", ["mount", "-t", "tmpfs", "-o", "size=64k,uid=2001", "tmpfs", folder], check=True)
    try:
        pool.exec("ap", ["sh", "-c", f"head -c 1M /dev/zero >{folder}/full; mkdir -p {folder}/notebooks"])
        assert fails(start(laptop, "--image", "/srv/jupyter.sif"), 15, "full", "there, then try again")
    finally:
        pool.exec("ap", ["umount", folder])
    assert laptop.queued() == []


@pytest.mark.slow
def test_image_that_can_not_be_started_ends_in_a_hold_that_is_told_with_the_next_step(new_laptop):
    laptop = new_laptop()
    running = laptop.start("--image", "/etc/hostname")
    assert running.wait_end(240) == 30, running.output
    assert "is on hold" in running.output
    assert "image format not recognized" in running.output
    assert "--image" in running.output
    assert laptop.queued() == [JobStatus.HELD]


def test_job_that_fits_no_machine_is_told_why_and_what_would_fit(new_laptop):
    laptop = new_laptop()
    running = laptop.start("--memory", "100GB")
    running.wait_for("--memory 58GB or less")
    assert "--memory 58GB" in laptop.call("status").stdout
    running.interrupt()
    assert running.wait_end() == 130
    assert laptop.queued() == [JobStatus.IDLE]
    assert laptop.call("stop").returncode == 0
    gpu = laptop.start("--gpus", "1", "--gpu-memory", "200GB")
    gpu.wait_for("--gpu-memory 46GB or less")
    laptop.on_ap("condor_rm", laptop.job())
    assert gpu.wait_end() == 32
    assert "via condor_rm (by user alice)" in gpu.output


def test_ctrl_c_while_the_job_is_queued_asks_what_becomes_of_it(new_laptop):
    laptop = new_laptop()
    running = laptop.start("--memory", "100GB", tty=True)
    running.wait_for("queued")
    tags = running.tags()
    running.type("\x03")
    running.wait_for("[w]ait for it, [r]emove it")
    running.type("w\n")
    running.wait_for("no machine in this pool has")
    running.type("\x03")
    wait_for(lambda: running.read().count("[w]ait for it") == 2, 30, "the question again")
    running.type("r\n")
    assert running.wait_end() == 32
    assert laptop.queued() == []
    wait_for(lambda: not laptop.left_on_ap(*tags), 30, "the access point to be clean")


def test_taken_local_port_gives_another_address(new_laptop, pool):
    laptop = new_laptop()
    running = laptop.start()
    port = running.url().partition("/chtc-jupyter")[0].rpartition(":")[2]
    running.interrupt()
    assert running.wait_end() == 0
    taken = pool.popen("laptop", ["python3", "-m", "http.server", "--bind", "127.0.0.1", port])
    try:
        wait_for(lambda: laptop.fetch(f"http://127.0.0.1:{port}/").startswith("200"), 30, "the port to be taken")
        again = laptop.run_on("connect", "--no-browser")
        assert laptop.answers(again.url())
        assert f"uses port {port}" in again.output
    finally:
        taken.kill()
        taken.communicate()


def test_what_is_typed_reaches_no_shell(new_laptop):
    laptop = new_laptop()
    mark = f"/tmp/{laptop.name}"
    evil = f"x; touch {mark} $(touch {mark}) `touch {mark}` && touch {mark} | \"touch {mark}\" 'touch {mark}'"
    assert laptop.call("start", evil, "--ap", "ap").returncode == 2
    assert laptop.call("start", "--ap", f"ap;touch {mark}").returncode == 2
    for option in ("--image", "--notebooks", "--memory", "--idle-timeout"):
        assert start(laptop, option, evil).returncode == 2
        assert start(laptop, option, "a\nqueue 5").returncode == 2
    assert start(laptop, "--set", "a = b\nqueue 5").returncode == 2
    assert start(laptop, "--set", "queue = 5").returncode == 2
    for verb in (
        ("status", evil),
        ("stop", evil),
        ("logs", evil),
        ("connect", evil),
        ("extend", evil),
        ("forget", evil),
    ):
        assert laptop.call(*verb, *(["--ap", "ap"] if verb[0] != "forget" else [])).returncode in (2, 22)
    running = laptop.start("--set", f'My.Evil = "{evil.replace(chr(34), "")}"')
    running.url()
    assert laptop.on_ap("condor_q", laptop.job(), "-af", "Evil").strip() == evil.replace('"', "")
    assert "No such file" in laptop.on_ap("ls", mark)
    assert "No such file" in laptop.pool.exec("laptop", ["ls", mark]).stderr
