"""A session that is opened: how its end, a hold, and Ctrl-C end the launcher, by the job's log alone."""

import asyncio
import io
import os
import signal

import pytest

from chtc_jupyter import store
from chtc_jupyter.commands import config
from chtc_jupyter.commands import open_session as opening
from chtc_jupyter.commands.open_session import OpenOptions, OpenSession
from chtc_jupyter.errors import ExitStatus, FailedError, HeldError, NoSuchSessionError, PortError, RemovedError
from chtc_jupyter.proxy import control
from chtc_jupyter.ssh.agent_client import LinkLostError
from chtc_jupyter.store import Record
from chtc_jupyter.terminal import Terminal

RECORD = Record("lab", "ap", "7.0", "/home/a/jupyter-7.log", "/home/a/notebooks")
SUBMITTED = ("000 (007.000.000) 2026-01-01 00:00:00 Job submitted from host: <10.0.0.1>", "...")
STARTED = ("001 (007.000.000) 2026-01-01 00:00:01 Job executing on host: <10.0.0.2>", "...")
SAID = '{"state": "ready", "reason": "JupyterLab is ready.", "url": "http://127.0.0.1:5000/lab", "stop_at": null}'
READY = (f"008 (007.000.000) 2026-01-01 00:00:02 jupyter-session {SAID}", "...")
HELD = ("012 (007.000.000) 2026-01-01 00:00:03 Job was held.", "\tToo much memory", "\tCode 34 Subcode 0", "...")
REMOVED = ("009 (007.000.000) 2026-01-01 00:00:04 Job was aborted.", "\tvia condor_rm (by user a)", "...")
ENDED = ("005 (007.000.000) 2026-01-01 00:00:05 Job terminated.", "\t(1) Normal termination (return value 3)", "...")


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


class FakeLink:
    """A connection on which the job's log has these events, and the tunnel never opens."""

    ap = "ap"

    def __init__(self, *events):
        self.lines = [line for event in events for line in event]
        self.commands, self.hello = [], {"owner": "alice"}
        self.read, self.closed = asyncio.Event(), asyncio.Event()

    async def stream(self, do, **_fields):
        if do == "tail":
            yield {"lines": self.lines, "more": False}
            self.read.set()  # they have been taken in
        await self.closed.wait()
        raise LinkLostError

    async def run(self, argv, **_fields):
        self.commands.append(list(argv))
        assert argv[0] not in ("condor_q", "condor_history") or 'Owner == "alice"' in " ".join(argv)
        return {"status": 0, "out": "", "err": ""}

    async def ask(self, _do, **_fields):
        return {"text": "lab.sh: jupyter: not found\n"}

    async def close(self):
        self.closed.set()


def open_session(*events, interrupt=False):
    """Open a session until it ends by itself, or by Ctrl-C once its log has been read; return the exit status."""

    async def run():
        link = FakeLink(*events)
        running = asyncio.create_task(OpenSession(RECORD, Terminal(), OpenOptions(browser=False)).run(link))
        if interrupt:
            await asyncio.wait_for(link.read.wait(), 20)
            os.kill(os.getpid(), signal.SIGINT)
        return await asyncio.wait_for(running, 20)

    return asyncio.run(run())


def test_job_on_hold_before_it_was_ready_ends_the_launcher_with_advice():
    with pytest.raises(HeldError, match=r"Job 7\.0 is on hold: Too much memory\. .*--memory"):
        open_session(SUBMITTED, STARTED, HELD)


@pytest.mark.parametrize(
    ("events", "error", "said"),
    [
        ((SUBMITTED, REMOVED), RemovedError, "via condor_rm"),
        ((SUBMITTED, STARTED, ENDED), FailedError, "exit status 3.*error file says: lab.sh: jupyter: not found"),
        ((SUBMITTED, STARTED, READY, ENDED), NoSuchSessionError, "`chtc-jupyter start lab` starts it again"),
    ],
)
def test_end_that_nobody_saw_coming_is_an_error_and_the_session_is_forgotten(events, error, said):
    store.save(RECORD)
    with pytest.raises(error, match=said):
        open_session(*events)
    assert store.load_records() == []


def test_ctrl_c_before_it_is_ready_leaves_the_job_queued_if_nobody_can_answer(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert open_session(SUBMITTED, interrupt=True) is ExitStatus.INTERRUPTED
    said = capsys.readouterr().err
    assert "job 7.0: queued" in said
    assert "Job 7.0 stays in the queue: `chtc-jupyter connect lab` waits for it again." in said
    [kept] = store.load_records()
    assert kept.port


def test_session_that_is_open_already_is_not_opened_twice():
    async def run():
        link = FakeLink(SUBMITTED)
        running = asyncio.create_task(OpenSession(RECORD, Terminal(), OpenOptions()).run(link))
        await asyncio.wait_for(link.read.wait(), 20)
        [known] = store.load_records()
        opened = store.load_opened("lab")
        assert await control.ask(opened, control.NOTHING) == ""
        with pytest.raises(PortError, match="already open"):
            await OpenSession(known, Terminal(), OpenOptions()).run(FakeLink(SUBMITTED))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert await control.ask(opened, control.NOTHING) is None

    asyncio.run(run())


def open_and_leave(record=RECORD):
    """Open a session and cancel it; return what is remembered of it."""

    async def run():
        link = FakeLink(SUBMITTED)
        running = asyncio.create_task(OpenSession(record, Terminal(), OpenOptions()).run(link))
        await asyncio.wait_for(link.read.wait(), 20)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return store.load_opened("lab")

    return asyncio.run(run())


def test_host_name_stays_where_nobody_else_is_and_is_new_elsewhere(monkeypatch):
    first = open_and_leave()
    assert first.host.startswith("lab-")
    monkeypatch.setattr(opening, "has_other_users", lambda: False)
    second = open_and_leave()
    assert (second.host, second.secret != first.secret) == (first.host, True)
    monkeypatch.setattr(opening, "has_other_users", lambda: True)
    assert open_and_leave().host != first.host
    config.save({"host_name": False})
    assert open_and_leave().host == "127.0.0.1"


def test_mac_whose_browser_would_not_find_the_name_has_the_address(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    for found, host in ((False, "127.0.0.1"), (True, "lab-")):
        monkeypatch.setattr(opening, "_resolves", lambda _, found=found: found)
        assert open_and_leave().host.startswith(host)
