"""What ssh is told."""

import re
import shutil
import subprocess
import sys

import pytest

from chtc_jupyter.commands import config, profiles
from chtc_jupyter.errors import UsageError
from chtc_jupyter.ssh import openssh
from chtc_jupyter.ssh.failures import NOT_FOUND, TOO_OLD, Retry


@pytest.fixture(autouse=True)
def _own_defaults(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.mark.parametrize("ap", ["ap", "alice@ap.example.org", "ap-2", "a.b@[::1]", "10.0.0.1"])
def test_access_points_are_taken(ap):
    assert openssh.validate_access_point(ap) == ap


@pytest.mark.parametrize("ap", ["", "-oProxyCommand=x", "a b", "ap;x", "$(x)", "a@b@c", "ap\n", "@ap", "alice@-x"])
def test_words_that_are_no_access_point_are_refused(ap):
    with pytest.raises(UsageError):
        openssh.validate_access_point(ap)


def test_remote_command_has_nothing_that_any_shell_would_read():
    remote = openssh.build_bootstrap(12345, "tag")
    found = re.fullmatch(r"exec /bin/sh -c '([^']*)' \"([^\"]*)\" tag", remote)
    assert found
    assert not set(found[1]) & set("\\!\n")
    assert not set(found[2]) & set('"$`\\!\n')


def place_python(folder, name, *, old=False):
    """Make a python3 that is this one, or says that it is too old."""
    folder.mkdir(exist_ok=True)
    check = "case $3 in *version_info*) exit 1;; esac\n" if old else ""
    (folder / name).write_text(f'#!/bin/sh\n{check}exec {sys.executable} "$@"\n')
    (folder / name).chmod(0o755)


def run_bootstrap(tmp_path, sent, **variables):
    """Run the bootstrap with the system's own Pythons out of sight; return what it printed and its status."""
    script = openssh.build_bootstrap(len(sent), "tag")
    for folder in ("/usr/bin", "/usr/local/bin", "/usr/libexec", "/opt"):
        script = script.replace(f" {folder}/", f" {tmp_path}/none/").replace(f"{tmp_path}/none/env", "/usr/bin/env")
    (tmp_path / "bin").mkdir(exist_ok=True)
    for tool in ("sh", "sed", "tail", "timeout", "cat"):
        if not (tmp_path / "bin" / tool).exists():
            (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        input=b"exit 97\nexit 97\ntag is ready\n" + sent,
        env={"PATH": f"{tmp_path}/bin", "HOME": str(tmp_path), "SHELL": "/bin/sh", **variables},
        capture_output=True,
        check=False,
        timeout=30,
    )
    return done.returncode, done.stdout.decode()


def test_bootstrap_runs_what_follows_the_greeting_and_nothing_before_it(tmp_path):
    place_python(tmp_path / "bin", "python3")
    assert run_bootstrap(tmp_path, b"print(6 * 7)") == (0, "\ntag is ready\n42\n")


@pytest.mark.parametrize("place", ["bin/python3.12", ".local/bin/python3", "miniconda3/bin/python3", "late/python3"])
def test_python_that_is_new_enough_is_found_behind_one_that_is_not(tmp_path, place):
    place_python(tmp_path / "bin", "python3", old=True)
    if place == "late/python3":
        (tmp_path / ".profile").write_text(f"echo welcome; PATH={tmp_path}/late:$PATH; printf 'no end '; echo\n")
    where = tmp_path / place
    where.parent.mkdir(parents=True, exist_ok=True)
    place_python(where.parent, where.name)
    assert run_bootstrap(tmp_path, b"print(6 * 7)") == (0, "\ntag is ready\n42\n")


def test_python_that_is_too_old_or_missing_is_told_by_the_exit_status(tmp_path):
    assert run_bootstrap(tmp_path, b"", SHELL="/bin/true")[0] == NOT_FOUND
    place_python(tmp_path / "old", "python3", old=True)
    old = {"PATH": f"{tmp_path}/old:{tmp_path}/bin", "SHELL": "/bin/true"}
    assert run_bootstrap(tmp_path, b"", **old)[0] == TOO_OLD


def test_python_in_a_folder_that_the_user_names_comes_before_others_and_its_path_goes_on(tmp_path):
    config.save({"ap_path": f"{tmp_path}/own:~/more"})
    place_python(tmp_path / "bin", "python3")
    place_python(tmp_path / "own", "python3")
    asked = b"import os; print(os.environ['PATH'])"
    assert run_bootstrap(tmp_path, asked) == (0, f"\ntag is ready\n{tmp_path}/own:{tmp_path}/more:{tmp_path}/bin\n")


@pytest.mark.parametrize("text", ["bin", "/a b", "/a;b", "~bob/bin", "/a:", ":", "/$(x)", "/a'", "-x", "/ä", "~"])
def test_folders_that_a_shell_could_read_its_own_way_are_refused(text):
    with pytest.raises(UsageError, match="Invalid folder"):
        config.update({}, "ap_path", text)
    config.save({"ap_path": text})
    with pytest.raises(UsageError, match="Invalid folder"):
        openssh.build_bootstrap(1, "tag")


def test_folders_on_the_access_point_count_for_every_command_and_so_for_no_profile():
    with pytest.raises(UsageError, match="every command"):
        profiles.update_profile({}, "gpu", "ap_path", "/opt/condor/bin")


def test_forward_is_to_loopback_alone_and_nothing_follows_the_destination_but_the_command():
    words = openssh.build_command("ap", "true", forward=openssh.Forward(4000, "/tmp/x/lab"), batch=True, patience=3)
    assert words[words.index("-L") + 1] == "127.0.0.1:4000:/tmp/x/lab"
    assert words[-3:] == ["--", "ap", "true"]
    assert "BatchMode=yes" in words
    added = openssh.build_forward_command("ap", "/run/s", openssh.Forward(4000, "/tmp/x/lab"))
    assert added[added.index("-L") + 1] == "127.0.0.1:4000:/tmp/x/lab"
    assert added[1:3] == ["-F", "none"]


def test_the_session_has_a_connection_of_its_own_whatever_the_users_config_shares():
    leg = openssh.build_command("ap", "true", master="/run/s")
    assert {"ControlMaster=yes", "ControlPath=/run/s", "ControlPersist=no"} <= set(leg)
    alone = openssh.build_command("ap", "true", forward=openssh.Forward(4000, "/tmp/x/lab"))
    assert {"ControlMaster=no", "ControlPath=none"} <= set(alone)
    joins = openssh.build_command("ap", "true", share="/run/s")
    assert {"ControlMaster=no", "ControlPath=/run/s"} <= set(joins)
    assert not [word for word in openssh.build_command("ap", "true") if word.startswith("ControlPath")]


def test_forward_from_a_socket_names_both_sockets():
    forward = openssh.Forward("/run/user/1/lab-1", "/tmp/x/lab")
    assert "/run/user/1/lab-1:/tmp/x/lab" in openssh.build_forward_command("ap", "/run/s", forward)
    assert "/run/user/1/lab-1:/tmp/x/lab" in openssh.build_command("ap", "true", forward=forward)


def test_what_the_users_config_forwards_is_left_out():
    for options in ({}, {"master": "/run/s"}, {"share": "none"}, {"tty": True}, {"keep": True}):
        assert "ClearAllForwardings=yes" in openssh.build_command("ap", "true", **options)
    # Our own would be left out with it, where it is on the command line.
    forwarded = openssh.build_command("ap", "true", forward=openssh.Forward(4000, "/tmp/x/lab"))
    assert "ClearAllForwardings=yes" not in forwarded
    assert "ExitOnForwardFailure=no" in forwarded


def test_waits_grow_and_stay_short_while_nothing_reaches_the_access_point():
    for retry, longest in ((Retry.SOON, 0.5), (Retry.LATER, 60)):
        waits = [openssh.get_retry_delay(retry, attempt) for attempt in range(30)]
        assert waits == sorted(waits)
        assert (waits[0], waits[-1]) == (0, longest)
