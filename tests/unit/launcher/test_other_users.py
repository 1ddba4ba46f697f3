"""Whether others use this machine: it decides whether a session keeps its address."""

import os
from types import SimpleNamespace

import pytest

from chtc_jupyter import other_users
from chtc_jupyter.commands import config, open_session
from chtc_jupyter.store import Opened, Record, save_opened

RECORD = Record("lab", "ap", "7.0", "/log", "/notebooks", port=4711)


def account(user, shell="/bin/bash"):
    return SimpleNamespace(pw_uid=user, pw_shell=shell)


@pytest.mark.parametrize(
    ("accounts", "processes", "others"),
    [
        ([0, 33, 65534], [], False),
        ([0, 1001], [], True),
        ([0], [0, 104], False),
        ([0], [0, 31337], True),  # of a directory service, and logged in
    ],
)
def test_people_are_told_from_daemons(monkeypatch, tmp_path, accounts, processes, others):
    own = os.getuid()
    listed = [account(own), account(1002, "/usr/sbin/nologin"), *map(account, accounts)]
    monkeypatch.setattr(other_users, "pwd", SimpleNamespace(getpwall=lambda: listed))
    monkeypatch.setattr(other_users, "_find_users", lambda: {own, *processes})
    assert other_users.has_other_users() is others
    monkeypatch.setattr("platform.release", lambda: "6.6.87-microsoft-standard-WSL2")
    assert other_users.has_other_users()
    monkeypatch.setattr("platform.release", lambda: "6.6.87")
    monkeypatch.setattr(other_users, "pwd", None)
    assert other_users.has_other_users()


def test_processes_tell_their_users():
    assert os.getuid() in other_users._find_users()


@pytest.mark.parametrize("others", [True, False])
@pytest.mark.parametrize("chosen", [None, "true", "false"])
def test_an_address_is_kept_only_where_nobody_else_could_take_it(monkeypatch, tmp_path, others, chosen):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(open_session, "has_other_users", lambda: others)
    if chosen:
        config.save({"keep_address": chosen == "true"})
    save_opened("lab", Opened(4711, "lab-1a2b3c4d5e.localhost", "secret"))
    kept = chosen == "true" if chosen else not others
    assert (open_session._choose_host(RECORD) == "lab-1a2b3c4d5e.localhost") is kept
