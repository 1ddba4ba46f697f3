"""What status says of a running session: one sentence with its time, and what is saved."""

import time

import pytest

from chtc_jupyter.commands import session_status
from chtc_jupyter.condor import job_ads

NOON = time.mktime((2026, 3, 2, 12, 0, 0, 0, 0, -1))


def source(name, **more):
    return {"source": name, "active": False, "detail": "", "error": "", "since": None, **more}


def facts(*sources, **more):
    return {
        "state": "ready", "reason": "JupyterLab is ready.", "sources": sources, "idle_for": 20.0, "stop_at": None,
        "earliest_stop_at": None, "deadline": None, "keep_alive_until": None, **more,
    }  # fmt: skip


def describe(*sources, **more):
    return session_status.describe_session(facts(*sources, **more), "lab")


@pytest.fixture(autouse=True)
def at_noon(monkeypatch):
    """Have this machine's clock show noon of a Monday."""
    monkeypatch.setattr(session_status.time, "localtime", lambda at=NOON, real=time.localtime: real(at))
    monkeypatch.setattr(session_status.time, "time", lambda: NOON)


@pytest.mark.parametrize(
    ("earliest", "latest", "ends"),
    [
        (None, None, "It has no idle timeout and no deadline."),
        (NOON + 5700, None, "Ends at 13:35 at the earliest."),
        (NOON + 5700, NOON + 9300, "Ends at 13:35 at the earliest, at 14:35 at the latest."),
        (NOON + 9300, NOON + 5700, "Ends at 13:35 at the latest."),
        (None, NOON + 5700 + 86400, "Ends at Tue 13:35 at the latest."),
    ],
)
def test_session_in_use_says_by_what_and_when_it_ends(earliest, latest, ends):
    busy = source("kernel", active=True, detail="busy")
    assert describe(busy, source("tmux"), earliest_stop_at=earliest, stop_at=latest) == f"In use: kernel: busy. {ends}"


def test_idle_session_says_since_when_when_it_ends_and_what_keeps_it():
    quiet, ends = source("kernel"), NOON + 5700
    told = "Idle for 20 s; ends at 13:35 unless something runs."
    assert describe(quiet, stop_at=ends) == f"{told} `chtc-jupyter extend lab 2h` keeps it alive."
    assert describe(quiet, stop_at=ends, keep_alive_until=ends) == f"Kept alive until 13:35. {told}"
    assert describe(quiet, stop_at=ends, deadline=ends) == "Idle for 20 s; ends at 13:35, its deadline."
    assert describe(quiet) == "Idle for 20 s; it has no idle timeout and no deadline."


def test_session_that_is_not_ready_says_why():
    assert describe(state="starting", reason="JupyterLab died.") == "Starting: JupyterLab died."


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


@pytest.mark.parametrize(
    ("ad", "shown"),
    [
        ({}, ""),
        ({"JupyterIdleTimeout": 3600}, "1 h after last use"),
        ({"JupyterIdleTimeout": 3600, "JupyterKeptUntil": NOON + 7200}, "1 h after last use, not before 14:00"),
        ({"JupyterIdleTimeout": 3600, "JupyterKeptUntil": NOON - 1}, "1 h after last use"),
        ({"JupyterDeadline": int(NOON) + 7200}, "14:00 at the latest"),
        (
            {"JupyterIdleTimeout": 1800, "JupyterDeadline": int(NOON) + 7200},
            "30 min after last use, 14:00 at the latest",
        ),
        ({"JupyterState": "expiring", "JupyterIdleTimeout": 1800, "JupyterStopAt": int(NOON) + 300}, "12:05"),
        ({"JobStatus": 1, "JupyterIdleTimeout": 1800, "JupyterDeadline": int(NOON)}, ""),
    ],
)
def test_list_shows_when_each_session_ends(ad, shown):
    row = job_ads.build_row({"ClusterId": 1, "ProcId": 0, "JobStatus": 2, "JupyterState": "ready", **ad}, NOON)
    assert session_status.describe_stops(row) == shown
