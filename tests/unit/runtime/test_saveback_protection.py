"""What the process that ends a killed session does for the access point's files, and that it always comes to an end."""

import socket
import time
from pathlib import Path

import pytest

from jupyter_session.condor.job_ad import Job
from jupyter_session.saveback import protect_files
from jupyter_session.saveback.journal import Journal
from jupyter_session.settings import resolve
from support.waiting import patience


@pytest.fixture
def sandbox(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / ".job.ad").touch()
    return {"_CONDOR_SCRATCH_DIR": str(tmp_path), "_CONDOR_JOB_AD": str(tmp_path / ".job.ad")}


def protect(sandbox, monkeypatch, port=9, *, has_journal=True):
    folder = Path(sandbox["_CONDOR_SCRATCH_DIR"])
    (folder / "chirp").write_text(f"127.0.0.1 {port} cookie\n")
    environ = sandbox | {"_CONDOR_CHIRP_CONFIG": str(folder / "chirp")}
    monkeypatch.setenv("_CONDOR_CHIRP_CONFIG", environ["_CONDOR_CHIRP_CONFIG"])
    (folder / "notebooks/a").write_text("ours")
    if has_journal:
        Journal(folder / "journal").begin({})
    job = Job("5.0", {"jobcurrentstartdate": 1, "transferoutput": "notebooks"}, {})
    settings = resolve({}, {}, {})
    report = protect_files(settings, job, folder / "notebooks", folder / "journal", 1.0, environ=environ)
    assert (folder / "notebooks/a").read_text() == "ours"
    return report


def test_without_a_journal_nothing_is_known_and_nothing_is_done(sandbox, monkeypatch):
    assert "before it looked" in protect(sandbox, monkeypatch, has_journal=False).off


def test_an_access_point_that_can_not_be_asked_is_told(sandbox, monkeypatch):
    assert "could not be compared" in protect(sandbox, monkeypatch).problem


def test_a_starter_that_says_nothing_takes_no_longer_than_it_may(sandbox, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        told = protect(sandbox, monkeypatch, silent.getsockname()[1]).problem
    assert "could not be compared" in told
    assert time.monotonic() - began < 5 * patience()
