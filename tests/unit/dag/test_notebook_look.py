"""What is said of the notebook folder after a job's end: what is there."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chtc_condor import notebook_look
from chtc_condor.notebook_look import Looked, describe, look, parse_looked, parse_time

JOB = "12.0"


@pytest.fixture
def folder(tmp_path):
    """Yield a notebook folder with a file and the receipt of a job."""
    (tmp_path / "n/.jupyter-session").mkdir(parents=True)
    (tmp_path / "n/a.ipynb").write_text("{}")
    write(tmp_path / "n")
    return tmp_path / "n"


def write(folder, **fields):
    (folder / notebook_look.RECEIPT).write_text(json.dumps({"job": JOB, **fields}))


def said(folder, job=JOB, since=""):
    return describe(look(str(folder), job, since), str(folder), "ap")


def test_notebooks_of_this_job_are_said_to_be_there(folder):
    assert said(folder) == f"The notebooks are on ap, in {folder}."
    assert said(folder, since=str(time.time() - 5)) == f"The notebooks are on ap, in {folder}."


def test_a_folder_that_is_not_there_is_not_said_to_have_the_notebooks(tmp_path):
    (tmp_path / "file").touch()
    for name in ("none", "file"):
        assert said(tmp_path / name).startswith("No notebooks came back: there is no folder")


def test_without_the_receipt_of_this_job_nothing_came_back(folder):
    assert said(folder, "13.0").startswith(
        "The job has left no receipt, so it can't be said whether the files on ap, in"
    )
    assert said(folder, "13.0", since="1700000000").startswith("Nothing came back when the job ended: the notebooks")
    write(folder, job=5)
    assert said(folder).startswith("The job has left no receipt")
    (folder / "a.ipynb").unlink()
    assert said(folder).endswith("is empty.")


def test_the_receipt_of_a_later_job_says_nothing_of_the_files_of_an_earlier_one(folder):
    write(folder, job="15.0")
    assert said(folder, "12.0").endswith(", which job 15.0 has used since.")
    assert "used since" not in said(folder, "16.0")


def test_what_save_back_saved_is_told_from_what_was_there_before(folder):
    (folder / notebook_look.RECEIPT).unlink()
    now = time.time()
    assert "as they were last saved while it ran" in said(folder, since=str(now - 60))
    os.utime(folder / "a.ipynb", (now - 7200, now - 7200))
    assert "are those of before (last change: " in said(folder, since=str(now))


def test_the_receipt_of_an_earlier_run_of_the_job_does_not_count(folder):
    old = time.time() - 7200
    os.utime(folder / notebook_look.RECEIPT, (old, old))
    assert look(str(folder), JOB, str(old - 5)).receipt
    assert not look(str(folder), JOB, str(old + 3600)).receipt


def test_what_the_receipt_names_and_is_not_there_is_named(folder):
    left_out = {"a.ipynb": "too large", "big.bin": "no space left there", "od\\x0ad": "a pipe"}
    aside = {"count": 9, "names": {"env/lib64": "a link to a folder", "x": "unreadable", "y": "unreadable"}}
    write(folder, saved={"left_out": left_out}, set_aside=aside)
    assert said(folder) == (
        f"The notebooks are on ap, in {folder}, without big.bin (no space left there), env/lib64 (a link to a folder), "
        "x (unreadable), 7 more."
    )
    for name in ("big.bin", "x", "y"):
        (folder / name).touch()
    write(folder, saved={"left_out": left_out}, set_aside={"count": 1, "names": {"env/lib64": "a link to a folder"}})
    assert said(folder) == f"The notebooks are on ap, in {folder}, without env/lib64 (a link to a folder)."


@pytest.mark.parametrize(
    "receipt",
    [
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps({"job": JOB, "set_aside": 5, "saved": []}).encode(),
        json.dumps(
            {"job": JOB, "set_aside": {"count": 1e99, "names": {"../../etc": "x", "/etc": "y", "": 1}}}
        ).encode(),
        json.dumps({"job": JOB, "set_aside": {"count": -1, "names": {"\x1b[2J" + "n" * 5000: "w\n" * 500}}}).encode(),
        json.dumps({"job": JOB, "saved": {"left_out": {"a\0b": {}}}}).encode(),
    ],
)
def test_a_damaged_or_hostile_receipt_is_neither_believed_nor_shown_raw(folder, receipt):
    (folder / notebook_look.RECEIPT).write_bytes(receipt)
    told = said(folder)
    assert told.isprintable()
    assert len(told) < 700 + 2 * len(str(folder))
    assert "etc" not in told


def test_a_receipt_that_is_a_link_or_a_pipe_is_not_read(folder, tmp_path):
    receipt = folder / notebook_look.RECEIPT
    receipt.rename(tmp_path / "elsewhere")
    receipt.symlink_to(tmp_path / "elsewhere")
    assert not look(str(folder), JOB).receipt
    receipt.unlink()
    os.mkfifo(receipt)
    assert not look(str(folder), JOB).receipt


def test_the_file_alone_prints_what_the_launcher_reads(folder):
    write(folder, set_aside={"count": 1, "names": {"env/lib64": "a link to a folder"}})
    argv = [sys.executable, "-I", "-c", Path(notebook_look.__file__).read_text(), str(folder), JOB, ""]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert parse_looked(done.stdout) == look(str(folder), JOB)


@pytest.mark.parametrize(
    "text",
    ["", "junk", "[]", "{}", '{"folder": true, "x": 1}', "[" * 100_000],
)
def test_an_answer_that_is_none_says_that_it_could_not_be_checked(text):
    assert parse_looked(text) is None
    assert describe(None, "/n", "ap") == "It couldn't be checked whether the notebooks are on ap, in /n."


def test_an_answer_of_wrong_types_is_not_believed():
    found = parse_looked('{"folder": 1, "receipt": "yes", "missing": [], "missing_count": "x", "newest": "now"}')
    assert found == Looked(folder=False, missing={})


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("1795888101.5", 1795888101.5),
        ("2026-11-28 17:48:21", time.mktime((2026, 11, 28, 17, 48, 21, 0, 0, -1))),
        ("2026-11-28T17:48:21.123", time.mktime((2026, 11, 28, 17, 48, 21, 0, 0, -1))),
        ("2026-11-28 17:48:21.123Z", 1795888101.0),
        ("", None),
        ("nonsense", None),
    ],
)
def test_times_are_read_as_logs_write_them(text, same):
    assert parse_time(text) == same


def test_a_date_without_a_year_is_of_the_last_twelve_months():
    found = parse_time(time.strftime("%m/%d %H:%M:%S", time.localtime(time.time() - 60)))
    assert abs(time.time() - 60 - found) < 2
