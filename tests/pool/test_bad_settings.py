"""A setting that can't be taken is told in one sentence, at once."""

import json
import secrets

import pytest

from support.hosts import SHARED_IMAGE, place_image
from support.waiting import patience

#: Runs in the container: tries to start a session, and prints how that ended.
TRY = """
import json, subprocess, sys, time
started = time.monotonic()
command = ["jupyter-session", "run", *sys.argv[1:]]
ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100)
print(json.dumps({"status": ended.returncode, "out": ended.stdout, "err": ended.stderr,
                  "seconds": time.monotonic() - started}))
"""


@pytest.fixture
def folder(pool):
    """Yield a folder on the laptop with a file in it, and a full disk."""
    place_image(pool, "laptop")
    made = f"/home/alice/{secrets.token_hex(4)}"
    pool.put("laptop", f"{made}/file", b"", "alice")
    pool.put("laptop", f"{made}/closed/root", b"")
    mount = "mkdir full && mount -t tmpfs -o size=16k,mode=777 full full && head -c 1M /dev/zero >full/zeros; true"
    pool.exec("laptop", ["sh", "-c", mount], cwd=made, check=True)
    yield made
    pool.exec("laptop", ["sh", "-c", "umount full; rm -rf $PWD"], cwd=made)


def tried(pool, folder, *arguments, env=None):
    words = ["apptainer", "-q", "exec", SHARED_IMAGE, "python3", "-c", TRY, *arguments]
    return json.loads(pool.exec("laptop", words, user="alice", cwd=folder, env=env, check=True).stdout)


def assert_one_sentence(told, part):
    assert told["err"].startswith("jupyter-session: ")
    assert told["err"].count("\n") == 1
    assert part in told["err"]
    assert told["out"] == ""
    assert told["status"] in (1, 2)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--bogus"], "--bogus"),
        (["notebooks"], "notebooks"),
        (["--idle-timeout"], "--idle-timeout"),
        (["--idle-timeout", "soon"], "--idle-timeout: Invalid duration 'soon'"),
        (["--idle-timeout", "0"], "--idle-timeout: Duration '0' is too short"),
        (["--idle-warning", "-5m"], "--idle-warning"),
        (["--port-range", "300-200"], "is reversed"),
        (["--port-range", "many"], "--port-range: Invalid port range 'many'"),
        (["--port-range", "22"], "from 1024 to 65535"),
        (["--access-point", "a b"], "--access-point: Invalid access point 'a b'"),
        (["--notebooks", ""], "--notebooks"),
        (["--notebooks", "file"], "'file' is a file"),
        (["--notebooks", "file/below"], "is a file"),
        (["--notebooks", "closed"], "'closed' can't be written"),
        (["--notebooks", "closed/new"], "'closed/new' can't be written"),
        (["--notebooks", "full"], "'full' can't be written (No space left on device)"),
    ],
    ids=" ".join,
)
def test_bad_argument_is_one_sentence_that_names_it(pool, folder, arguments, part):
    assert_one_sentence(tried(pool, folder, *arguments), part)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JUPYTER_SESSION_IDLE_TIMEOUT", "soon"),
        ("JUPYTER_SESSION_PORT_RANGE", "300-200"),
        ("JUPYTER_SESSION_DIR", "/srv/none"),
    ],
)
def test_bad_environment_variable_is_one_sentence_that_names_it(pool, folder, name, value):
    assert_one_sentence(tried(pool, folder, env={name: value}), value if name.endswith("DIR") else name)


def test_bad_setting_is_told_within_two_seconds(pool, folder):
    assert min(tried(pool, folder, "--idle-timeout", "soon")["seconds"] for _ in range(3)) < 2 * patience()


def test_bad_job_attribute_fails_the_job_and_the_ad_names_it(new_session):
    session = new_session().submit("", 'My.JupyterIdleTimeout = "soon"')
    ad = session.wait_gone()
    assert (ad["JupyterState"], ad["ExitCode"]) == ("failed", 2)
    assert "JupyterIdleTimeout: 'soon'" in ad["JupyterReason"]
    assert session.errors() == f"jupyter-session: {ad['JupyterReason']}\n"
