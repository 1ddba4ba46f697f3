"""Save-back as the supervisor has it: where it saves, when it is off, what it says, and an end in time."""

import dataclasses
import os
import threading
from pathlib import Path

import pytest

from jupyter_session.condor.job_ad import Job
from jupyter_session.saveback import Report, Saver
from jupyter_session.saveback.report import render_report
from jupyter_session.settings import resolve
from jupyter_session.units.printable import escape_name


@pytest.fixture
def sandbox(tmp_path):
    """Return the environment of a job in a scratch folder with notebooks."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / ".job.ad").touch()
    (tmp_path / "chirp").write_text("127.0.0.1 9 cookie\n")  # the discard port: nothing answers there
    return {
        "_CONDOR_SCRATCH_DIR": str(tmp_path),
        "_CONDOR_JOB_AD": str(tmp_path / ".job.ad"),
        "_CONDOR_CHIRP_CONFIG": str(tmp_path / "chirp"),
    }


def saver(sandbox, *, job=True, folder="notebooks", arguments=None, **ad):
    attributes = {"jobcurrentstartdate": 1, "transferoutput": "notebooks", **ad}
    return Saver(
        resolve(arguments or {}, {}, {}),
        Job("5.0", attributes, {}) if job else None,
        Path(sandbox["_CONDOR_SCRATCH_DIR"]) / folder,
        say=lambda _: None,
        environ=sandbox,
        interval=0.1,
        settle=0.05,
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"job": False}, "isn't an HTCondor job"),
        ({"arguments": {"save_max_total": "0"}}, "--save-max-total is 0"),
        ({"folder": "/elsewhere"}, "isn't in the job's scratch folder"),
        ({"transferoutput": "results, other"}, "isn't in transfer_output_files"),
        ({"transferoutputremaps": "notebooks=x"}, "another place"),
        ({"transferoutputremaps": "a = b; ./notebooks/c = d"}, "another place"),
        ({"jobcurrentstartdate": None}, "time when the job was started"),
    ],
)
def test_where_nothing_can_be_saved_it_is_off_and_says_why(sandbox, options, words):
    off = saver(sandbox, **options)
    off.start()
    off.finish(20)
    assert words in off.report.off
    assert render_report(off.report.as_dict()) == [f"not saved while it runs: {off.report.off}"]


def test_output_of_others_that_goes_to_another_place_does_not_turn_it_off(sandbox):
    on = saver(sandbox, transferoutput="results, notebooks", transferoutputremaps="results/a = a; notebooks2 = x")
    on.start()
    on.finish(0)
    assert not on.report.off


def test_without_chirp_it_is_off_and_names_the_missing_line(sandbox):
    del sandbox["_CONDOR_CHIRP_CONFIG"]
    off = saver(sandbox)
    off.start()
    off.finish(20)
    assert "want_io_proxy = true" in off.report.off


def test_problem_is_said_once_and_the_end_comes_in_time(sandbox, monkeypatch):
    monkeypatch.setenv("_CONDOR_CHIRP_CONFIG", sandbox["_CONDOR_CHIRP_CONFIG"])
    said, first = [], threading.Event()
    trying = saver(sandbox)
    trying._say = lambda line: (said.append(line), first.set())
    trying.start()
    assert first.wait(20)
    trying.finish(20)
    assert len(said) == 1
    assert "can't be saved on the access point: chirp does not answer" in said[0]
    assert "could not be compared" in trying.report.problem


def test_saver_that_was_never_started_has_nothing_to_finish(sandbox):
    saver(sandbox).finish(20)


def test_report_for_a_person_is_short_and_tells_what_needs_attention():
    report = Report(
        saved_count=3,
        total_bytes=2048,
        conflicts={"a": "a (from job 5.0)"},
        left_out={str(number): "a symbolic link" for number in range(9)},
        left_out_count=9,
        behind=12.0,
    )
    lines = render_report(report.as_dict())
    assert lines[0] == "saved while it runs: 3 files, 2.0 KB, all of it 12 s ago"
    assert lines[1] == "  a has changed on the access point: saved as a (from job 5.0)"
    assert lines[-1] == "  4 more are left out"
    assert "not all yet" in render_report(dataclasses.replace(report, behind=None).as_dict())[0]


def test_shown_names_can_be_printed_anywhere():
    assert escape_name("a\nb\tc") == "a\\nb\\tc"
    assert escape_name(os.fsdecode(b"\xff\xc3\xa9")) == "\\xffé"
