"""What the DAG's scripts decide, and what they say."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import cleanup
import condor
import final
import hold
import notify
import post
import pre
import require_file
import watch
from chtc_condor.codes import DagStatus, JobEventType, JobStatus
from chtc_condor.dry_run import parse_dry_run
from chtc_condor.event_log import Event
from nodes_log import Job
from plan import Plan

AD = {
    "Iwd": "/home/alice/my work",
    "TransferInput": "notebooks, /srv/jupyter.sif,osdf:///data/set",
    "TransferOutput": "notebooks",
    "ContainerImage": "jupyter.sif",
}
PLAN = Plan.from_ad(AD)
SIF = b"#!/usr/bin/env run-singularity\n\0SIF_MAGIC\0001\0"


@pytest.fixture
def dag(tmp_path, monkeypatch):
    """Yield the folder of a DAG that runs."""
    folder = tmp_path / "my dags"
    (folder / "notebooks/.jupyter-session").mkdir(parents=True)
    (folder / "jupyter.sif").write_bytes(SIF)
    monkeypatch.setenv("_CONDOR_DAGMAN_LOG", f"{folder}/jupyter.dag.dagman.out")
    return folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def plan_of(folder):
    return Plan.from_ad({**AD, "Iwd": str(folder), "TransferInput": "notebooks,jupyter.sif"})


def test_the_plan_has_what_is_on_the_access_point():
    assert PLAN.inputs == (Path("/home/alice/my work/notebooks"), Path("/srv/jupyter.sif"))
    assert PLAN.notebooks == Path("/home/alice/my work/notebooks")
    assert Plan.from_ad({}).output == "notebooks"


def test_a_string_is_quoted_as_classads_are():
    assert condor.quote_string('a "b" \\c') == '"a \\"b\\" \\\\c"'


@pytest.mark.parametrize(
    ("seen", "part"),
    [
        (pre.Findings(), ""),
        (pre.Findings(is_folder=False), "/home/alice/my work/notebooks does not exist: create it"),
        (
            pre.Findings(unusable={Path("/srv/jupyter.sif"): "does not exist"}),
            "the image /srv/jupyter.sif does not exist: put it there, or name another one in jupyter.sub",
        ),
        (pre.Findings(unusable={Path("/data"): "does not exist"}), "the input /data does not exist"),
        (pre.Findings(unwritable="Disk quota exceeded"), "(Disk quota exceeded): free some space"),
        (pre.Findings(free=1_000_000, needed=90_000_000), "has 1 MB free, but the notebooks need 90 MB"),
        (
            pre.Findings(others=[{"ClusterId": 7, "ProcId": 0, "JobStatus": JobStatus.RUNNING}]),
            "is running already: use that one",
        ),
        (
            pre.Findings(others=[{"ClusterId": 7, "ProcId": 0, "JobStatus": JobStatus.REMOVED}]),
            "is being removed already: wait",
        ),
    ],
)
def test_a_session_that_could_not_go_well_is_refused_in_one_sentence(seen, part):
    said = pre.explain_refusal("jupyter.sub", PLAN, seen)
    assert part in said
    assert bool(said) == bool(part)
    assert ". " not in said


def check(text):
    return pre.check_submission("a.sub", parse_dry_run(text))


def test_what_a_submit_file_lacks_is_refused_and_what_only_an_eviction_misses_is_warned_of():
    ad = """ContainerImage="jupyter.sif"
TransferInput="notebooks"
TransferOutput="notebooks"
ShouldTransferFiles="YES"
WhenToTransferOutput="ON_EXIT_OR_EVICT"
SpoolOnEvict=false
WantIOProxy=true
Iwd="/home/alice"
"""
    assert check(ad) == ("", "")
    why, warning = check(ad.replace("SpoolOnEvict=false\n", ""))
    assert (why, "`My.SpoolOnEvict = false`" in warning) == ("", True)
    why, warning = check(ad.replace("WantIOProxy=true\n", ""))
    assert ("`want_io_proxy = true`" in why, warning) == (True, "")
    assert "describes 2 jobs" in check(f"{ad}\nProcId=1\n")[0]


def test_what_the_plan_needs_is_looked_at(dag, monkeypatch):
    monkeypatch.setattr(condor, "query_jobs", lambda *_: [])
    assert pre.explain_refusal("jupyter.sub", plan_of(dag), pre.check_plan(plan_of(dag))) == ""
    (dag / "jupyter.sif").write_text("version https://git-lfs.github.com/spec/v1\n")
    assert "is not an Apptainer image" in pre.explain_refusal("jupyter.sub", plan_of(dag), pre.check_plan(plan_of(dag)))
    (dag / "jupyter.sif").unlink()
    assert "does not exist" in pre.explain_refusal("jupyter.sub", plan_of(dag), pre.check_plan(plan_of(dag)))
    assert names(dag / "notebooks") == [".jupyter-session"], "the probe left something"


def test_only_sessions_of_this_folder_and_of_other_dags_count(dag, monkeypatch):
    link = dag.parent / "link"
    link.symlink_to(dag)
    job = {"ClusterId": 7, "ProcId": 0, "JobStatus": JobStatus.IDLE, "Iwd": str(link)}
    ads = [job]
    monkeypatch.setattr(condor, "query_jobs", lambda *_: ads)
    monkeypatch.setenv("CONDOR_ID", "5.0")
    assert "job 7.0" in pre.explain_refusal("jupyter.sub", plan_of(dag), pre.check_plan(plan_of(dag)))
    for other in ({**job, "DAGManJobId": 5}, {**job, "Iwd": str(dag.parent)}):
        ads[:] = [other]
        assert pre.explain_refusal("jupyter.sub", plan_of(dag), pre.check_plan(plan_of(dag))) == ""


BY_ALICE, BY_RULE = "via condor_rm (by user alice)", "The system macro SYSTEM_PERIODIC_REMOVE expression is TRUE"


@pytest.mark.parametrize(
    ("returned", "job", "left", "status", "part"),
    [
        (0, Job("3.0", "s", state="stopped", reason="Nothing worked for 30 min."), 2, 0, "Nothing worked for 30 min."),
        (0, Job("3.0", "s"), 2, 0, "has ended"),
        (1, Job("3.0", "s", state="failed", reason="No port is free."), 2, 1, "No port is free. DAGMan retries it."),
        (1, Job("3.0", "s", state="ready", reason="In use."), 0, 1, "exit status 1. It will not be retried."),
        (-9, Job("3.0", "s"), 1, 1, "died of signal 9"),
        (
            2,
            Job("3.0", "s", state="failed", reason="--x is no setting."),
            2,
            2,
            "--x is no setting. It will not be retried.",
        ),
        (-1001, Job("3.0", "s"), 2, 2, "did not accept the job"),
        (-1002, Job("3.0", "s", why=BY_ALICE), 2, 3, "removed by its user"),
        (-1002, Job("3.0", "s", why="via condor_rm (by user root)"), 2, 2, "(by user root)"),
        (
            -1002,
            Job("3.0", "s", why=BY_RULE),
            2,
            2,
            "SYSTEM_PERIODIC_REMOVE expression is TRUE. It will not be retried.",
        ),
        (3, Job("3.0", "s"), 2, 1, "exit status 3"),
    ],
)
def test_an_end_decides_whether_the_session_is_started_again(returned, job, left, status, part):
    found = post.judge_end(returned, job, "alice", left=left)
    assert found.status == status
    assert part in found.sentence


def test_the_summary_is_of_the_receipt_of_this_very_job(dag):
    own = dag / "notebooks/.jupyter-session/last-session.json"
    own.write_text(json.dumps({"job": "3.0", "seconds": 4000, "changed": {"count": 5, "names": ["a", "b", "c", "d"]}}))
    folder = dag / "notebooks"
    assert post.summarize_files(folder, "3.0") == (
        f"It ran for 1 h 6 min; files changed in {folder}: a, b, c and 2 more."
    )
    assert post.summarize_files(folder, "4.0").startswith("Nothing ")
    own.write_text("{")
    assert post.summarize_files(folder, "3.0").startswith("Nothing ")
    assert "there is no folder" in post.summarize_files(dag / "gone", "3.0")


@pytest.mark.parametrize(
    "fields",
    [
        {"seconds": "x", "changed": []},
        {"seconds": -1, "changed": {"names": 5, "count": "many"}},
        {"seconds": 1e300, "changed": {"names": ["\x1b[31ma\nb" * 99, {}], "count": True}},
        {"saved": {"left_out": [1]}, "set_aside": {"names": ["a"], "count": -5}},
    ],
)
def test_a_receipt_may_have_anything_in_it(dag, fields):
    (dag / "notebooks/.jupyter-session/last-session.json").write_text(json.dumps({"job": "3.0", **fields}))
    said = post.summarize_files(dag / "notebooks", "3.0")
    assert said.startswith("It ran for ")
    assert said.isprintable()


def test_what_a_job_left_is_removed_and_nothing_else(dag, tmp_path):
    tmp = tmp_path / "tmp"
    (tmp / "jupyter-3.0-abc").mkdir(parents=True)
    (tmp / "jupyter-3.0-abc/lab").touch()
    (tmp / "jupyter-3.0-link").symlink_to(dag)
    (tmp / "jupyter-13.0-abc").mkdir()
    for name in ("jupyter-3.0.json", "jupyter-13.0.json", "notebooks/.jupyter-session/saving-3.0-large"):
        (dag / name).touch()
    cleanup.remove_leftovers("3.0", plan_of(dag), tmp)
    assert cleanup.find_leftovers("3.0", plan_of(dag), tmp) == []
    assert names(tmp) == ["jupyter-13.0-abc", "jupyter-3.0-link"]
    assert names(dag) == ["jupyter-13.0.json", "jupyter.sif", "notebooks"]
    assert names(dag / "notebooks/.jupyter-session") == []


@pytest.mark.parametrize(
    ("why", "part"),
    [
        ("via condor_hold (by user alice)", "run condor_release 3.0 to let it continue"),
        ("Job has gone over memory limit of 1500 megabytes.", "condor_qedit 3.0 RequestMemory"),
        ("Transfer output files failure: no space left", "free some space there"),
        ("Failed to open image jupyter.sif", "The image can't be used: replace the file"),
        ("Something else", "Run condor_release 3.0 to try again"),
    ],
)
def test_a_hold_is_told_with_the_next_step(why, part):
    said = hold.describe_hold("3.0", why)
    assert said.startswith(f"Job 3.0 is on hold: {why.rstrip('.')}. ")
    assert part in said
    assert "condor_release 3.0" in said


def ready(job="3.0"):
    return Event(JobEventType.GENERIC, job, "t", 'jupyter-session {"state": "ready", "reason": "In use."}')


def test_a_session_is_told_to_be_ready_once_a_start():
    watcher = watch.Watcher()
    own = Event(JobEventType.SUBMIT, "3.0", "t", "", ("DAG Node: session",))
    start, eviction = (
        Event(JobEventType.EXECUTE, "3.0", "t", ""),
        Event(JobEventType.JOB_EVICTED, "3.0", "t", "", ("Reason: preempted",)),
    )
    events = [own, start, ready(), ready(), eviction, start, ready(), ready()]
    told = [news for event in events if (news := watcher.apply_event(event))]
    assert [state for state, _ in told] == ["ready", "ready"]
    assert "condor_q 3.0 -af JupyterConnect" in told[0][1]
    assert "again after an eviction (preempted)" in told[1][1]


def test_a_warning_of_the_session_is_passed_on():
    watcher = watch.Watcher()
    watcher.apply_event(Event(JobEventType.SUBMIT, "3.0", "t", "", ("DAG Node: session",)))
    said = 'jupyter-session {"warning": "It ends in 5 min."}'
    assert watcher.apply_event(Event(JobEventType.GENERIC, "3.0", "t", said)) == ("warning", "It ends in 5 min.")


def test_the_end_waits_for_the_session_and_then_for_its_post_script():
    jobs = {"1.0": Job("1.0", "watch"), "2.0": Job("2.0", "session", ended=True, posted=True)}
    assert final.find_pending(jobs, "session") == ""
    assert final.find_pending({**jobs, "3.0": Job("3.0", "session")}, "session") == "its end"
    assert final.find_pending({**jobs, "3.0": Job("3.0", "session", ended=True)}, "session") == "its POST script"


def test_a_dag_fails_when_a_node_does_and_not_when_the_watcher_dies():
    assert final.is_success(DagStatus.OK, 0)
    assert final.is_success(DagStatus.RM, 1)
    assert final.is_success(DagStatus.NODE_FAILED, 0)
    assert not final.is_success(DagStatus.NODE_FAILED, 1)
    assert not final.is_success(DagStatus.ABORT, 1)


def test_what_was_told_is_not_told_again(dag):
    assert notify.notify_user("ready", "It is\nready\x1b[0m.", "t1")
    assert not notify.notify_user("ready", "It is\nready\x1b[0m.", "t1")
    assert notify.notify_user("ready", "It is\nready\x1b[0m.", "t2")
    assert (dag / "jupyter.dag.history").read_text() == "t1  ready: It is ready [0m.\nt2  ready: It is ready [0m.\n"


def test_the_users_command_gets_words_and_no_shell_reads_them(dag):
    command = dag / "notify"
    command.write_text('#!/bin/sh\nprintf "%s|" "$@" >>told\n')
    sentence = "$(touch hacked); `id` 'a' \"b\""
    notify.notify_user("ended", sentence, "t1")
    assert not (dag / "told").exists(), "a file that is not executable is no command"
    command.chmod(0o700)
    notify.notify_user("ended", sentence, "t2")
    assert (dag / "told").read_text() == f"ended|{sentence}|"
    assert not (dag / "hacked").exists()


def test_a_command_of_the_users_ends_with_what_runs_it(dag, monkeypatch):
    monkeypatch.setattr(notify, "PATIENCE", 1)
    (dag / "notify").write_text("#!/bin/sh\nexec sleep 600\n")
    (dag / "notify").chmod(0o700)
    notify.notify_user("ended", "x", "t")  # returns


def test_a_step_is_refused_without_the_file_it_goes_on_with(dag, monkeypatch):
    monkeypatch.chdir(dag)
    assert require_file.main("notebooks/summary.json") == 1
    assert "notebooks/summary.json does not exist" in (dag / "jupyter.dag.history").read_text()
    (dag / "notebooks/summary.json").write_text("{}")
    assert require_file.main("notebooks/summary.json") == 0


def test_the_scripts_run_as_they_are_and_leave_no_bytecode():
    folder = Path(pre.__file__).parent
    for script in ("pre", "hold", "post", "watch", "final", "require_file"):
        path = folder / f"{script}.py"
        assert os.access(path, os.X_OK)
        assert path.read_text().startswith("#!/usr/bin/env -S python3 -B\n")


def test_the_scripts_need_nothing_but_the_standard_library():
    folder = Path(pre.__file__).parent
    names = {path.stem for path in folder.glob("*.py")} | {"chtc_condor"}
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); before = set(sys.modules)\n"
    code += "".join(f"import {name}\n" for name in sorted(names))
    code += "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    found = subprocess.run([sys.executable, "-B", "-I", "-c", code], capture_output=True, text=True, check=True)
    assert set(found.stdout.split()) <= names | sys.stdlib_module_names


@pytest.mark.parametrize("job", ["../x", "*", "", "3", "3.0/../../x", "/etc", "3.*"])
def test_cleanup_removes_nothing_for_what_is_no_job(dag, tmp_path, job):
    (tmp_path / "jupyter-3.0-ab").mkdir()
    assert cleanup.find_leftovers(job, plan_of(dag), tmp_path) == []


@pytest.mark.parametrize(
    "text", ["a\x1b[31mb", "a\nb", "a\x9b31mb", "a\u202eb", "a\u2028b", "\udc9b", "[bold]x[/]", "x" * 9000]
)
def test_a_line_of_the_history_is_one_printable_line(text):
    assert notify.format_line(text).isprintable()
    assert len(notify.format_line(text)) <= notify.LONGEST


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("alice@example.org", 1), ("alice+dag@example.org", 1), ("-oOption@a", 0), ("|cmd@a", 0), ("/tmp/file@a", 0),
        ("a b@c", 0), ("a@b\nc", 0), ("a@-b", 0),
    ],
)  # fmt: skip
def test_mail_goes_only_to_what_is_an_address(monkeypatch, address, sent):
    ad = {"NotifyUser": address, "JobNotification": condor.JobNotification.ALWAYS}
    monkeypatch.setattr(condor, "query_jobs", lambda *_: [ad])
    monkeypatch.setattr(condor, "get_setting", lambda name: {"MAIL": "/bin/mail"}.get(name, ""))
    ran = []
    monkeypatch.setattr(condor, "_run", lambda *argv, **_: ran.append(argv) or "")
    condor.send_mail("3.0", "subject", "body")
    assert len(ran) == sent
