"""What people are told, what is shown of a job, and what this machine remembers."""

import dataclasses
import json

import pytest

from chtc_condor.notebook_look import Looked
from chtc_jupyter import errors, messages, paths, store
from chtc_jupyter.commands import config
from chtc_jupyter.condor import job_ads
from chtc_jupyter.condor.job_progress import JobProgress, Phase
from chtc_jupyter.errors import CondorError, NoSuchSessionError, UsageError
from chtc_jupyter.ssh import tunnel
from chtc_jupyter.store import Record
from chtc_jupyter.terminal import wrap_text

RECORD = Record("lab", "ap", "12.0", "/home/a/jupyter/lab/jupyter-12.log", "/home/a/jupyter/lab/notebooks", 4000)
AD = {
    "ClusterId": 12, "ProcId": 0, "JobStatus": 2, "JobCurrentStartDate": 1000, "RemoteHost": "slot1_1@gpu1",
    "RequestGPUs": 1, "JupyterName": "lab", "JupyterState": "ready", "JupyterReason": "A kernel is busy.",
    "JupyterStopAt": 5000, "JupyterHost": "gpu1", "Iwd": "/home/a/jupyter/lab", "UserLog": "jupyter-12.log",
    "TransferOutput": "notebooks",
}  # fmt: skip


#: All notebooks came back.
ALL = Looked(folder=True, receipt=True, newest=1.0, saved=True)


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("leg", ["", "The connection to ap was lost."])
def test_every_phase_has_words_for_the_terminal_and_the_page(phase, leg):
    course = JobProgress(phase, host="gpu1", why="It is too big.", reason="Idle.")
    assert messages.describe_progress(course)
    notice = messages.build_notice(RECORD, course, why=leg, asks=False)
    assert notice.headline
    assert notice.lines
    assert notice.over is (phase is Phase.ENDED)


@pytest.mark.parametrize("was_ready", [False, True])
def test_kernels_start_over_only_in_a_session_that_was_ready(was_ready):
    course = JobProgress(Phase.QUEUED, starts=1, why="Singularity test failed", was_ready=was_ready)
    told = messages.describe_progress(course)
    assert told.startswith("queued again (Singularity test failed)")
    assert ("kernels will start over" in told) == was_ready


def test_session_that_ended_unseen_is_told_with_how_and_when_and_where_its_notebooks_are():
    course = JobProgress(Phase.ENDED, at="2026-11-23 06:14:22", state="stopped", reason="Idle for 30 m.")
    told = messages.describe_past_session(RECORD, course, ALL)
    assert told.startswith("lab (job 12.0) ended: Idle for 30 m at 2026-11-23 06:14:22.")
    assert RECORD.notebooks in told
    assert "`chtc-jupyter start lab`" in told
    assert "is no longer in the queue." in messages.describe_past_session(RECORD, JobProgress(Phase.ENDED), None)


def test_notebooks_that_did_not_come_back_are_never_said_to_be_there():
    course = JobProgress(Phase.ENDED, lost="writing to file /x: (errno 28) No space left on device")
    for looked in (None, ALL, Looked(folder=False), Looked(folder=True, newest=1.0, saved=True)):
        for told in (
            messages.describe_notebooks(RECORD, course, looked),
            messages.describe_past_session(RECORD, course, looked),
        ):
            assert "Some notebooks couldn't be copied back (writing to file /x" in told
            assert "The notebooks are" not in told
            assert RECORD.notebooks in told
    assert "Some notebooks couldn't" in messages.build_notice(RECORD, course, why="", asks=False).lines[0]


@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.READY, Phase.HELD, Phase.ENDED])
@pytest.mark.parametrize("interactive", [False, True])
def test_what_goes_on_without_the_launcher_is_told(phase, interactive):
    record = dataclasses.replace(RECORD, interactive=interactive)
    told = messages.describe_leaving(record, JobProgress(phase, was_ready=phase is Phase.READY))
    assert ("keeps running" in told) == (phase is Phase.READY and not interactive)
    assert ("stays on hold" in told) == (phase is Phase.HELD and not interactive)
    assert "chtc-jupyter" in told
    assert RECORD.notebooks not in told


def test_interactive_session_is_never_said_to_go_on():
    record = dataclasses.replace(RECORD, interactive=True)
    cut = messages.build_notice(record, JobProgress(Phase.READY), why="The connection to ap was lost.", asks=False)
    assert "keeps running" not in " ".join(cut.lines)
    assert "--interactive" in messages.describe_policy(RECORD, "ENABLE_SSH_TO_JOB=false")
    assert "operators" in messages.describe_policy(record, "ENABLE_SSH_TO_JOB=false")


@pytest.mark.parametrize("width", [40, 80])
def test_lines_are_broken_between_words_and_never_within_a_command(width):
    text = f"{'word ' * 17}`chtc-jupyter stop lab` and more of it\n    http://127.0.0.1:1/lab?{'x' * 90}\n\nshort"
    lines = wrap_text(text, width).split("\n")
    assert "`chtc-jupyter stop lab`" in " ".join(lines)
    assert any("`chtc-jupyter stop lab`" in line for line in lines)
    assert f"    http://127.0.0.1:1/lab?{'x' * 90}" in lines
    assert [line for line in lines if len(line) > width] == [f"    http://127.0.0.1:1/lab?{'x' * 90}"]
    assert lines[-1] == "short"


def test_end_is_told_with_the_reason_the_notebooks_and_how_to_start_again():
    ended = JobProgress(Phase.ENDED, state="stopped", reason="Idle for 30 m.")
    notice = messages.build_notice(RECORD, ended, ALL, why="", asks=False)
    assert notice.headline == "The session lab ended: Idle for 30 m"
    assert RECORD.notebooks in notice.lines[0]
    assert "chtc-jupyter start lab" in notice.lines[1]


@pytest.mark.parametrize(
    ("why", "part"),
    [
        ("Job has gone over cgroup memory limit of 4096 megabytes", "--memory"),
        ("Transfer output files failure: No space left on device", "quota on ap is full"),
        ("Job has exceeded request_disk", "--disk"),
        ("The image could not be started three times: see the job's event log (FATAL)", "--image"),
        ("Error from slot1@x: Singularity test failed: image format not recognized", "--image"),
        ("Transfer input files failure at access point", "condor_release 12.0"),
        ("via condor_hold (by user alice)", "condor_release 12.0"),
        ("Some other thing", "chtc-jupyter stop lab"),
    ],
)
def test_hold_is_told_with_the_next_step(why, part):
    assert part in messages.get_hold_advice(why, RECORD)


@pytest.mark.parametrize(
    ("change", "state", "why"),
    [
        ({}, "ready", "A kernel is busy."),
        ({"JobStatus": 1}, "queued", ""),
        ({"JobStatus": 5, "HoldReason": "Too big"}, "held", "Too big"),
        ({"JobStatus": 3}, "removed", ""),
        ({"JupyterState": None, "JobStatus": 7}, "suspended", "A kernel is busy."),
    ],
)
def test_row_of_the_list_shows_what_the_job_is_now(change, state, why):
    row = job_ads.build_row({**AD, **change}, 1060)
    assert (row.name, row.job, row.state, row.why) == ("lab", "12.0", state, why)


def test_row_of_a_running_session_has_machine_times_and_gpus():
    row = job_ads.build_row(AD, 1060)
    assert (row.machine, row.gpus, row.running, row.stops) == ("gpu1", 1, 60, 5000)
    assert job_ads.build_row({**AD, "JupyterStopAt": None, "JupyterDeadline": 6000}, 1060).stops == 6000
    assert job_ads.build_row({**AD, "JobStatus": 1, "JupyterDeadline": 6000}, 1060).stops is None
    assert job_ads.build_row({"ClusterId": 1, "ProcId": 0}, 0).state == "?"


def test_failed_query_is_never_an_empty_queue():
    said = "-- Failed to connect\n\nExtra Info: You have set up a personal Condor\nand more\n"
    with pytest.raises(CondorError, match=r"\(-- Failed to connect\).*--ap"):
        job_ads.parse_ads({"status": 1, "out": "", "err": said})
    with pytest.raises(CondorError):
        job_ads.parse_ads({"status": 0, "out": "junk", "err": ""})
    assert job_ads.parse_ads({"status": 0, "out": "", "err": ""}) == []


def test_session_is_found_by_name_or_job_and_followed_by_its_ad():
    assert job_ads.build_record(AD, "ap") == dataclasses.replace(RECORD, port=0)
    assert job_ads.build_record({**AD, "UserLog": ""}, "ap") is None
    for name in ("lab", "12.0", "12", None):
        assert job_ads.select_jobs([AD], name) == [AD]
    assert job_ads.select_jobs([AD], "13") == []


def test_with_one_session_no_name_is_needed_and_with_more_it_is():
    with pytest.raises(NoSuchSessionError):
        store.find(None)
    store.save(RECORD)
    assert store.find(None) == store.find("lab") == store.find("12.0") == RECORD
    store.save(dataclasses.replace(RECORD, name="other", job="13.0", ap="ap2"))
    with pytest.raises(NoSuchSessionError, match="lab, other"):
        store.find(None)
    assert store.find(None, "ap") == RECORD
    store.forget("lab")
    assert store.find(None).name == "other"


def test_what_is_remembered_is_its_owners_alone_and_broken_files_are_passed_over(tmp_path):
    store.save(RECORD)
    opened = store.Opened(4000, "lab-1a2b3c.localhost", "secret")
    store.save_opened("lab", opened)
    folder = paths.state_folder() / "sessions"
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}
    assert store.load_opened("lab") == opened
    for broken in (
        "",
        "{",
        "[]",
        '{"port": 1}',
        '{"port": 0, "host": "127.0.0.1", "secret": "x"}',
        '{"port": 1, "host": "evil.example", "secret": "x"}',
        '{"port": "1", "host": "a.localhost", "secret": "x"}',
    ):
        (folder / "lab.opened").write_text(broken)
        assert store.load_opened("lab") is None
    (folder / "broken.json").write_text("{")
    (folder / "strange.json").write_text(json.dumps({"name": 1}))
    assert store.load_records() == [RECORD]


def test_defaults_are_read_as_they_were_written():
    values = {"ap": 'a"b\\c \N{GRINNING FACE} é', "gpus": 2, "browser": False}
    config.save(values)
    assert config.load() == values
    config.get_path().write_text("= broken")
    with pytest.raises(UsageError):
        config.load()


def test_every_way_to_fail_has_a_status_of_its_own():
    kinds = [errors.LauncherError, *errors.LauncherError.__subclasses__()]
    assert len({kind.exit_code for kind in kinds if kind.__module__ == errors.__name__}) == 16
    assert list(errors.MEANINGS) == list(errors.ExitStatus)
    assert all(meaning.endswith(".") for meaning in errors.MEANINGS.values())


@pytest.mark.parametrize(
    ("said", "policy"),
    [
        (
            "slot1@ep1: Rejecting request, because ENABLE_SSH_TO_JOB=false",
            "slot1@ep1: Rejecting request",
        ),
        ("\nJob 1.0 is denied by SCHEDD_ENABLE_SSH_TO_JOB.\n(Use -auto-retry to keep trying.)", "Job 1.0 is denied by"),
        ("bob is not authorized for access to the starter", "bob is not authorized"),
        ("(Use -auto-retry to keep trying periodically.)", ""),
    ],
)
def test_refusal_by_policy_is_told_from_one_that_passes(said, policy):
    found = tunnel.find_policy_refusal(said)
    assert found.startswith(policy)
    assert bool(found) == bool(policy)


def test_tunnel_is_asked_for_often_at_first_and_seldom_later():
    waits = [tunnel.get_retry_delay(attempt) for attempt in range(200)]
    assert waits == sorted(waits)
    assert (waits[0], waits[30], waits[-1]) == (0.3, 0.3, 10)
