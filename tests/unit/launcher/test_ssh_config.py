"""`ssh jupyter-NAME`: the line for the access point, the template, and what the launcher writes."""

import re
import subprocess
from pathlib import Path

import pytest

from chtc_jupyter.errors import UsageError
from chtc_jupyter.ssh import entry, ssh_config, user_config

KEY = ("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIMjsJ+aoLHWA5GyjkatVv1")
TEMPLATE = (Path(__file__).parents[3] / "submit/ssh_config").read_text()


def test_template_has_the_launchers_own_lines():
    assert entry.update_template(TEMPLATE) == TEMPLATE, "run: python -m chtc_jupyter.ssh.entry submit/ssh_config"
    assert f"RemoteCommand exec sh -c '{entry.ENTER_JOB}' '%n' PUBLIC_KEY {entry.GO}\n" in TEMPLATE
    assert f"RemoteCommand exec sh -c '{entry.PRINT_HOST_KEY}' '%n'\n" in TEMPLATE


def test_a_script_is_folded_into_one_line():
    text = "#!/bin/sh\n# A comment.\nfor _ in 1 2\ndo\n  a &&\n  b |\n  {\n    c\n  }\ndone\n\nd\n"
    assert entry.fold_script(text) == "for _ in 1 2; do a && b | { c; }; done; d"


@pytest.mark.parametrize("character", ["'", "\\", "!", "%"])
def test_a_script_with_a_character_that_a_login_shell_reads_is_not_folded(character):
    with pytest.raises(ValueError, match="login shell"):
        entry.fold_script(f"echo {character}\n")
    assert entry.fold_script(f"# {character}\necho\n") == "echo"


@pytest.mark.parametrize("script", [entry.ENTER_JOB, entry.PRINT_HOST_KEY])
def test_lines_hold_nothing_that_a_login_shell_or_ssh_reads_within_their_quotes(script):
    assert not set(script) & set("'\\!%\n")


@pytest.mark.parametrize("script", [entry.ENTER_JOB, entry.PRINT_HOST_KEY])
@pytest.mark.parametrize(
    "name",
    [
        *("", "jupyter-", "jupyter-x", "jupyter--all", "jupyter-1 -x"),
        *("jupyter-1;touch made", "jupyter-$(touch made)", "jupyter-`touch made`", 'jupyter-1"; touch made; "'),
        *("jupyter-1\ntouch made", "jupyter-1|touch made", "jupyter-1&touch made", "jupyter-1>made"),
    ],
)
def test_name_that_is_no_job_runs_nothing(tmp_path, script, name):
    # The commands of HTCondor would be found here, and say so.
    for command in ("condor_q", "condor_ssh_to_job"):
        (tmp_path / command).write_text("#!/bin/sh\ntouch made\n")
        (tmp_path / command).chmod(0o755)
    words = ["sh", "-c", script, name, *KEY]
    done = subprocess.run(
        words, cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == b""
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("key", [(), ("ssh-ed25519",), ("ssh-ed25519", "AAAA;touch made"), ("$(touch made)", "AAAA")])
def test_key_that_is_none_runs_nothing(tmp_path, key):
    words = ["sh", "-c", entry.ENTER_JOB, "jupyter-1", *key]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"no public key" in done.stderr
    assert not (tmp_path / "made").exists()


def test_login_of_the_template_is_shared_by_what_is_run_on_the_access_point():
    block = TEMPLATE[TEMPLATE.index("Host ap.jupyter ap.jupyter-*") :]
    assert {"ControlMaster auto", "ControlPath ~/.ssh/jupyter-%C", "ControlPersist 1h"} <= set(re.split(r"\n *", block))


@pytest.mark.parametrize("session", ["lab", "123.0", "a_b-c.d", "Lab"])
def test_session_is_read_from_the_hosts_name(session):
    assert ssh_config.parse_host(f"jupyter-{session}") == session


@pytest.mark.parametrize("host", ["jupyter-", "jupyter--x", "jupyter-a;b", "jupyter-a/../b", "jupyter-a b", "a\nb"])
def test_host_that_is_no_session_is_refused(host):
    with pytest.raises(UsageError, match="does not name a session"):
        ssh_config.parse_host(host)


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ("", False),
        ("Include config.d/*\n", True),
        ("# mine\ninclude = ~/.ssh/config.d/chtc-jupyter\n", True),
        ('Include "config.d/chtc-jupyter" other\n', True),
        ("Include other\nHost x\n", False),
        ("Host x\n  Include config.d/*\n", False),
        ("Match all\nInclude config.d/*\n", False),
    ],
)
def test_include_counts_where_it_is_for_all_hosts(config, found):
    assert user_config.is_included(config, Path("/home/a")) is found


def test_what_is_written_keeps_what_was_there_and_is_written_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / "dotfiles").write_bytes(b"Host caf\xe9\n")
    (tmp_path / ".ssh/config").symlink_to(tmp_path / "dotfiles")
    assert len(ssh_config.install(tmp_path)) == 2
    assert (tmp_path / "dotfiles").read_bytes() == b"Include config.d/chtc-jupyter\n\nHost caf\xe9\n"
    assert (tmp_path / ".ssh/config").is_symlink()
    assert ssh_config.install(tmp_path) == ["Everything is set up already."]
    key = ssh_config.ensure_public_key()
    assert key == ssh_config.ensure_public_key()
    assert (tmp_path / "state/chtc-jupyter/ssh/id_ed25519").stat().st_mode & 0o777 == 0o600


def test_hosts_that_only_a_pattern_of_ones_own_names_stay_ones_own(tmp_path):
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text("Host *.example.org *-hub *\nHost Jupyter-Old\nHost *\n")
    (tmp_path / ".ssh/known_hosts").write_text("[jupyter-x]:2222,[10.0.0.1]:22 ssh-ed25519 AAAA\n")
    taken = user_config.find_taken(tmp_path)
    assert set(taken.patterns) >= {"*.example.org", "*-hub", "jupyter-old", "jupyter-x"}
    assert "*" not in taken.patterns
    assert taken.all == ""


@pytest.mark.parametrize("source", ["stock", "launcher"])
def test_hosts_of_ones_own_by_their_full_names_are_no_sessions(tmp_path, monkeypatch, source):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "config").write_text(TEMPLATE if source == "stock" else ssh_config.render_block(user_config.Taken()))

    def user(host):
        argv = ["ssh", "-G", "-F", str(tmp_path / "config"), host]
        shown = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout
        return "user jupyter\n" in shown

    assert [user(host) for host in ("jupyter-123", "jupyter-12.0")] == [True, True]
    assert not user("jupyter-prod.corp.example")
    assert not user("jupyter-1.corp.example")
    assert user("jupyter-hub") is (source == "launcher")  # where a name can be a session
