"""What status says of a running session: one sentence with its time, and what is saved."""

import time

import pytest

from chtc_jupyter.commands import session_status

NOON = time.mktime((2026, 3, 2, 12, 0, 0, 0, 0, -1))


def source(name, **more):
    return {"source": name, "active": False, "detail": "", "error": "", "idle_for": None, "since": None, **more}


def facts(*sources, **more):
    return {"state": "ready", "reason": "JupyterLab is ready.", "stop_at": None, "sources": sources, **more}


@pytest.fixture(autouse=True)
def at_noon(monkeypatch):
    """Have this machine's clock show noon of a Monday."""
    monkeypatch.setattr(session_status.time, "localtime", lambda at=NOON, real=time.localtime: real(at))


def test_session_in_use_says_by_what_and_its_deadline_if_it_has_one():
    busy = source("kernel", active=True, detail="busy", idle_for=0.0)
    assert session_status.describe_session(facts(busy, source("tmux")), "lab") == "In use: kernel: busy."
    told = session_status.describe_session(facts(busy, stop_at=NOON + 5700), "lab")
    assert told == "In use: kernel: busy. Ends at 13:35, even if it is in use."


def test_idle_session_says_since_when_when_it_ends_and_what_keeps_it():
    quiet = facts(source("kernel", idle_for=900.0), source("tmux", idle_for=20.0), source("gpu"), stop_at=NOON + 5700)
    assert session_status.describe_session(quiet, "lab") == (
        "Idle for 20 s; ends at 13:35 unless something runs. `chtc-jupyter extend lab 2h` keeps it alive."
    )
    assert "Tue 13:35" in session_status.describe_session({**quiet, "stop_at": NOON + 5700 + 86400}, "lab")
    assert session_status.describe_session({**quiet, "stop_at": None}, "lab").endswith("no idle timeout is set.")


def test_session_that_is_not_ready_says_why():
    told = session_status.describe_session(facts(state="starting", reason="JupyterLab died and restarts."), "lab")
    assert told == "Starting: JupyterLab died and restarts."


def test_what_is_saved_is_told_with_what_is_not():
    save = {"off": "", "saved_count": 2, "total_bytes": 1536, "behind": 4.0, "conflicts": {"a.ipynb": "a-own.ipynb"},
            "left_out": {f"{number}.bin": "no space left there" for number in range(7)}, "left_out_count": 9,
            "problem": "The access point is full."}  # fmt: skip
    lines = session_status.describe_saving(save)
    assert lines[0] == "Saved on the access point: 2 files, 1.5 KB, complete as of 4 s ago."
    assert "saved as a-own.ipynb" in lines[1]
    assert lines[2] == "  0.bin is not saved: no space left there"
    assert lines[-2:] == ["  4 more files are not saved", "The access point is full."]
    assert session_status.describe_saving({**save, "off": "there is no job"}) == [
        "Notebooks are not saved while the session runs: there is no job"
    ]
