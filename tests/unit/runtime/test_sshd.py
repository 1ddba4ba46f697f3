"""The verb sshd: which key it takes, and what it passes on to whoever logs in."""

import base64
import shlex
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chtc_jupyter.ssh import entry
from jupyter_session.errors import UsageError
from jupyter_session.ssh import sshd
from jupyter_session.state_dir import StateDir


def key(kind="ssh-ed25519", inside=None):
    inside = (inside or kind).encode()
    return kind, base64.b64encode(len(inside).to_bytes(4, "big") + inside + b"\0\0\0\x20" + bytes(32)).decode()


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "sk-ssh-ed25519@openssh.com"])
def test_public_key_is_taken(kind):
    assert sshd.validate_public_key(*key(kind)) == " ".join(key(kind))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("", ""),
        ("ssh-ed25519", ""),
        ("ssh-ed25519", key()[1][:-3]),
        ("ssh-ed25519", key()[1] + "\nssh-ed25519 AAAA"),
        ("ssh-ed25519", key()[1] + " comment"),
        ("ssh-ed25519", key(inside="ssh-rsa")[1]),
        ("ssh-dss", key("ssh-dss")[1]),
        ('command="x" ssh-ed25519', key()[1]),
        ("ssh-ed25519\ncert-authority ssh-ed25519", key()[1]),
        ("cert-authority", key()[1]),
    ],
)
def test_anything_else_is_refused(kind, text):
    with pytest.raises(UsageError, match="Invalid public key"):
        sshd.validate_public_key(kind, text)


@given(st.text(), st.text())
def test_what_is_taken_is_two_words_of_plain_characters(kind, text):
    try:
        line = sshd.validate_public_key(kind, text)
    except UsageError:
        return
    assert line.split(" ") == [kind, text]
    assert line.isprintable()


def test_variables_of_one_shell_and_those_that_do_not_fit_a_line_are_left_out():
    environ = {"A": "1", "TERM": "xterm", "TMUX_PANE": "%1", "SSH_TTY": "x", "F%%": "1", "LINES_": "1", "B": "1\n2"}
    assert sshd.render_set_env(environ) == 'SetEnv "A=1" "LINES_=1"\n'
    assert sshd.render_set_env({"TERM": "xterm"}) == ""


@given(st.dictionaries(st.from_regex(r"[A-Z_]{1,8}", fullmatch=True), st.text(st.characters(min_codepoint=32))))
def test_a_value_stays_one_word(environ):
    line = sshd.render_set_env(environ)
    assert "\n" not in line[:-1]
    words = shlex.split(line)[1:]  # sshd reads quotes and backslashes as a shell does, and no more
    assert all(environ[name] == value for name, _, value in (word.partition("=") for word in words))


def test_host_key_and_settings_are_made_for_the_session_and_are_its_users_alone(tmp_path):
    state = StateDir(tmp_path / "state", in_job=True)
    state.create()
    assert sshd.read_host_key(state) is None
    sshd.prepare(state, {"HOME": "/scratch", "A": 'a "b" $c'})
    first = sshd.read_host_key(state)
    assert first.startswith("ssh-ed25519 ")
    modes = {path.name: path.stat().st_mode & 0o777 for path in state.ssh.iterdir() if path.suffix != ".pub"}
    assert modes == dict.fromkeys(("host_key", "passwd", "group", "config"), 0o600)
    assert (state.ssh / "passwd").read_text().split(":")[5:] == ["/scratch", "/bin/bash\n"]
    sshd.prepare(state, {"HOME": "/srv", "_CONDOR_SCRATCH_DIR": "/srv/scratch"})
    assert (state.ssh / "passwd").read_text().split(":")[5] == "/srv/scratch"
    assert sshd.read_host_key(state) != first  # a new session, a new key


def test_it_ends_with_its_last_line_and_a_sentence_where_no_session_runs(tmp_path):
    words = [sys.executable, "-m", "jupyter_session", "sshd", *key()]
    env = {"PATH": "/usr/bin:/bin", "JUPYTER_SESSION_DIR": str(tmp_path / "none"), "PYTHONPATH": "runtime/src"}
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    *_, sentence, last = done.stderr.splitlines()
    assert "No session runs here" in sentence
    assert last == sshd.LAST_LINE
    assert f"/^{sshd.LAST_LINE}$/" in entry.ENTER_JOB  # what the access point's script waits for
