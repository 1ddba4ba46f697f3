"""The verbs that ask and exit, against a queue that is made up."""

import asyncio
import contextlib
import json

import pytest

from chtc_jupyter import queue, store
from chtc_jupyter.commands import stop, verbs
from chtc_jupyter.condor import job_ads
from chtc_jupyter.errors import DiskError, FailedError, LauncherError, NoSuchSessionError, UsageError
from chtc_jupyter.store import Record
from chtc_jupyter.terminal import Terminal

AD = {
    "ClusterId": 12, "ProcId": 0, "JobStatus": 1, "JupyterName": "lab", "Iwd": "/home/a/jupyter/lab",
    "UserLog": "jupyter-12.log", "TransferOutput": "notebooks", "RequestGPUs": 0,
}  # fmt: skip


class FakeLink:
    """A connection to an access point whose queue has these ads."""

    ap = "ap"
    hello = {"clock": 1060.0, "condor": "/usr/bin/condor_submit", "owner": "alice"}  # noqa: RUF012 - read only

    def __init__(self, *ads):
        self.ads, self.commands = ads, []

    async def run(self, argv, **_fields):
        self.commands.append(list(argv))
        found = self.ads
        if argv[0] == "condor_rm":
            self.ads = []
        return {"status": 0, "out": json.dumps(found) if argv[0] == "condor_q" else "", "err": ""}

    async def stream(self, _do, **_fields):
        yield {"error": "No such file or directory"}


@pytest.fixture
def connect(tmp_path, monkeypatch):
    """Have the verbs connect to a queue with these ads."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def use(*ads):
        link = FakeLink(*ads)

        @contextlib.asynccontextmanager
        async def connected(_ap, _terminal):
            yield link

        monkeypatch.setattr(verbs, "connected", connected)
        monkeypatch.setattr(stop, "connected", connected)
        return link

    return use


def test_list_for_programs_is_one_object_a_line_and_ended_sessions_are_among_them(connect, capsys):
    connect(AD, {**AD, "ClusterId": 13, "JupyterName": "other", "JobStatus": 2, "JupyterState": "ready"})
    assert asyncio.run(verbs.show_list(["ap"], Terminal(as_json=True))) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["ap"], row["name"], row["job"], row["state"]) for row in rows] == [
        ("ap", "lab", "12.0", "queued"),
        ("ap", "other", "13.0", "ready"),
    ]
    store.save(Record("gone", "ap", "9.0", "/l", "/n"))
    connect()
    assert asyncio.run(verbs.show_list(["ap"], Terminal(as_json=True))) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["state"] == "ended"
    assert "gone (job 9.0) is no longer in the queue." in err
    assert store.load_records() == []


def test_empty_list_says_how_to_start(connect, capsys):
    connect()
    assert asyncio.run(verbs.show_list(["ap"], Terminal())) == 0
    assert capsys.readouterr() == ("", "There are no sessions. `chtc-jupyter start` starts one.\n")


def test_stop_of_a_job_that_never_ran_says_so_and_promises_no_notebooks(connect, capsys):
    link = connect(AD)
    assert asyncio.run(stop.stop("ap", "lab", Terminal())) == 0
    assert capsys.readouterr().out == "Job 12.0 was removed before it ran.\n"
    removal = 'Owner == "alice" && (ClusterId == 12 && ProcId == 0 && (JobStatus =!= 6))'
    assert ["condor_rm", "-constraint", removal] in link.commands


OVER = {
    **AD,
    "JobStatus": 2,
    "JobCurrentStartDate": 1000,
    "JupyterStart": 1000,
    "JupyterState": "stopped",
    "JupyterReason": "It was idle.",
    "JupyterDeadline": 6000,
}


@pytest.mark.parametrize("verb", ["extend", "show_logs", "raise_if_gone"])
def test_nothing_is_asked_of_a_session_that_has_ended_and_whose_job_still_runs(connect, verb):
    link = connect(OVER)
    arguments = {"extend": ("ap", "lab", "1h"), "show_logs": ("ap", "lab", ()), "raise_if_gone": ("ap", "12.0")}
    with pytest.raises(NoSuchSessionError, match=r"has ended, but the job is still on its machine: It was idle\."):
        asyncio.run(getattr(verbs, verb)(*arguments[verb], Terminal()))
    assert {argv[0] for argv in link.commands} == {"condor_q"}


def test_status_of_a_session_that_has_ended_and_whose_job_still_runs_comes_from_the_queue(connect, capsys):
    connect(OVER)
    assert asyncio.run(verbs.show_status("ap", "lab", Terminal())) == 0
    assert capsys.readouterr().out == "Stopped: It was idle.\n"
    assert job_ads.build_row(OVER, 1060).stops is None


@pytest.mark.parametrize("change", [{"JupyterStart": None}, {"JobCurrentStartDate": 1050}, {"JobStatus": 7}])
def test_what_may_be_of_an_earlier_start_ends_no_session(change):
    ad = {name: value for name, value in {**OVER, **change}.items() if value is not None}
    assert not job_ads.is_over(ad)


@pytest.mark.parametrize("leaves", [True, False])
def test_a_job_that_leaves_at_the_moment_of_its_removal_is_no_failure(connect, monkeypatch, leaves):
    ad = {**AD, "JobStatus": 7, "JobCurrentStartDate": 1000, "SpoolOnEvict": False}
    link = connect({**ad, "WhenToTransferOutput": "ON_EXIT_OR_EVICT"})

    async def remove(_link, _job, _condition):
        link.ads = () if leaves else link.ads
        raise LauncherError("HTCondor did not remove job 12.0: There are no jobs.")

    monkeypatch.setattr(queue, "remove", remove)
    with contextlib.nullcontext() if leaves else pytest.raises(LauncherError, match="There are no jobs"):
        assert asyncio.run(stop.stop("ap", "lab", Terminal())) == 0


def test_status_of_a_job_on_hold_says_why_and_what_to_do(connect, capsys):
    connect({**AD, "JobStatus": 5, "HoldReason": "via condor_hold (by user a)", "HoldReasonCode": 1})
    assert asyncio.run(verbs.show_status("ap", "lab", Terminal())) == 0
    out, err = capsys.readouterr()
    assert out == "Held: via condor_hold (by user a)\n"
    assert "condor_release 12.0" in err


def test_invalid_duration_is_refused_before_anybody_logs_in(connect):
    link = connect(AD)
    with pytest.raises(UsageError):
        asyncio.run(verbs.extend("ap", "lab", "soon", Terminal()))
    assert link.commands == []


@pytest.mark.parametrize(
    ("why", "full"),
    [
        ("no space left there", True),
        ("the disk quota there is exceeded", True),
        ("the quota of files there is used up", True),
        ("a pipe", False),
        ("8 MB is more than --save-max-file: it comes back only at the end", False),
    ],
)
def test_stop_is_refused_for_a_full_disk_and_a_full_quota_before_anything_ends(connect, monkeypatch, why, full):
    link = connect({**AD, "JobStatus": 2, "JupyterState": "ready"})

    async def run_inside(_link, _job, *_argv):
        return "a login prints this\n" + json.dumps({"save": {"left_out": {"large.bin": why}}}, indent=2)

    monkeypatch.setattr(stop, "run_inside", run_inside)
    if full:
        with pytest.raises(DiskError, match=r"large\.bin.*quota.*--force"):
            asyncio.run(stop.stop("ap", "lab", Terminal()))
        assert not [argv for argv in link.commands if argv[0] == "condor_rm"]
    else:
        asyncio.run(stop.raise_if_full(link, "12.0"))


def test_an_answer_about_the_files_that_is_lost_is_asked_for_again(connect, monkeypatch):
    answers = [
        FailedError("The session in job 12.0 didn't answer."),
        {"save": {"left_out": {"large.bin": "no space left"}}},
    ]

    async def run_inside(_link, _job, *_argv):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return json.dumps(answer)

    monkeypatch.setattr(stop, "run_inside", run_inside)
    with pytest.raises(DiskError, match=r"large\.bin"):
        asyncio.run(stop.raise_if_full(connect(AD), "12.0"))


def test_a_session_that_does_not_say_which_files_do_not_fit_is_not_waited_for(connect, monkeypatch):
    async def run_inside(_link, _job, *_argv):
        await asyncio.Event().wait()

    monkeypatch.setattr(stop, "run_inside", run_inside)
    monkeypatch.setattr(stop, "_CHECK", 0.1)
    asyncio.run(stop.raise_if_full(connect(AD), "12.0"))
