"""A setting that is invalid is reported in one sentence, at once."""

import json
import secrets

import pytest

from support.hosts import SHARED_IMAGE, place_image

#: Arguments, and a part of the sentence that they lead to.
ARGUMENTS = [
    (["--bogus"], "--bogus"),
    (["notebooks"], "notebooks"),
    (["--idle-timeout"], "--idle-timeout"),
    (["--idle-timeout", "soon"], "--idle-timeout: Invalid duration 'soon'"),
    (["--idle-timeout", "0"], "--idle-timeout: Invalid duration '0'"),
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
]
VARIABLES = [
    ("JUPYTER_SESSION_IDLE_TIMEOUT", "soon"),
    ("JUPYTER_SESSION_PORT_RANGE", "300-200"),
    ("JUPYTER_SESSION_DIR", "/srv/none"),
]
#: Runs in the container: tries to start a session, once for each pair of arguments and variables on standard input, and
#: prints how that ended.
TRY = """
import json, os, subprocess, sys, time
for arguments, variables in json.load(sys.stdin):
    started = time.monotonic()
    command, env = ["jupyter-session", "run", *arguments], {**os.environ, **variables}
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, env=env)
    print(json.dumps({"status": ended.returncode, "out": ended.stdout, "err": ended.stderr,
                      "seconds": time.monotonic() - started}))
"""


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def starts(pool, folder):
    """Return how the starts ended, by their arguments or variable: all of them in one container."""
    tried = {str(arguments): (arguments, {}) for arguments, _ in ARGUMENTS}
    tried |= {name: ([], {name: value}) for name, value in VARIABLES}
    words = ["apptainer", "-q", "exec", SHARED_IMAGE, "python3", "-c", TRY]
    given = json.dumps(list(tried.values()))
    done = pool.exec("laptop", words, user="alice", cwd=folder, input=given, timeout=200, check=True)
    return dict(zip(tried, map(json.loads, done.stdout.splitlines()), strict=True))


def assert_one_sentence(told, part):
    assert told["err"].startswith("jupyter-session: ")
    assert told["err"].count("\n") == 1
    assert part in told["err"]
    assert told["out"] == ""
    assert told["status"] in (1, 2)


@pytest.mark.parametrize(("arguments", "part"), ARGUMENTS, ids=[" ".join(arguments) for arguments, _ in ARGUMENTS])
def test_bad_argument_is_one_sentence_that_names_it(starts, arguments, part):
    assert_one_sentence(starts[str(arguments)], part)


@pytest.mark.parametrize(("name", "value"), VARIABLES)
def test_bad_environment_variable_is_one_sentence_that_names_it(starts, name, value):
    assert_one_sentence(starts[name], value if name.endswith("DIR") else name)


def test_bad_setting_is_reported_within_two_seconds(starts):
    assert min(start["seconds"] for start in starts.values()) < 2


def test_bad_job_attribute_fails_the_job_and_the_ad_names_it(new_session):
    session = new_session().submit("", 'My.JupyterIdleTimeout = "soon"')
    ad = session.wait_gone()
    assert (ad["JupyterState"], ad["ExitCode"]) == ("failed", 2)
    assert "JupyterIdleTimeout: Invalid duration 'soon'" in ad["JupyterReason"]
    assert session.errors() == f"jupyter-session: {ad['JupyterReason']}\n"
