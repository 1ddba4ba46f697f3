"""Names and words from a job are data: they lead to no other file, and a terminal only shows them."""

import asyncio
import contextlib
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chtc_condor.event_log import parse_event
from chtc_jupyter import messages, store
from chtc_jupyter.admin import verb as admin_verb
from chtc_jupyter.commands import doctor, session_status, verbs
from chtc_jupyter.condor import ad_values, job_ads, past_jobs, queue_view
from chtc_jupyter.condor.job_progress import JobProgress, apply_event
from chtc_jupyter.errors import FailedError, LauncherError
from chtc_jupyter.printable import make_printable
from chtc_jupyter.ssh.agent_client import Way
from chtc_jupyter.store import Opened, Record
from chtc_jupyter.terminal import Terminal
from support.untrusted import assert_harmless, many, values, words

NAMES = (*job_ads.ATTRIBUTES.split(","), "NumHoldsByReason", "jupytername", "JUPYTERSTOPAT")
ads = st.dictionaries(st.sampled_from(NAMES), values, max_size=12).flatmap(
    lambda ad: st.sampled_from([1, 2, 3, 4, 5, 6, 7]).map(
        lambda status: {**ad, "ClusterId": 12, "ProcId": 0, "JobStatus": status}
    )
)


class Link:
    """A connection to an access point whose queue, and whose session, say these things."""

    ap = "ap"
    hello = {"clock": 1060.0, "condor": "/usr/bin/condor_submit", "owner": "alice"}  # noqa: RUF012 - read only

    def __init__(self, ad):
        self.ad = ad

    async def run(self, argv, **_fields):
        return {"status": 0, "out": json.dumps([self.ad]) if argv[0] == "condor_q" else "", "err": ""}

    async def ask(self, _do, **_fields):
        return {"text": str(self.ad.get("JupyterReason"))}

    async def stream(self, _do, *, argv=(), **_fields):
        if argv and argv[0] in ("condor_q", "condor_history"):
            yield {"line": json.dumps([self.ad])}
            yield {"status": 0, "out": "", "err": ""}
        else:
            yield {"error": str(self.ad.get("JupyterReason"))}


@given(words)
@many
def test_a_terminal_only_shows_what_it_is_given(text):
    assert_harmless(make_printable(text))


def test_what_an_earlier_start_of_the_job_has_said_is_not_taken_for_the_present_ones():
    said = {"JobCurrentStartDate": 1000, "JupyterState": "ready", "JupyterName": "a"}
    assert ad_values.check_ad({**said, "JupyterStart": 1000})["JupyterState"] == "ready"
    assert ad_values.check_ad(said)["JupyterState"] == "ready"  # an image that doesn't say which start it was
    earlier = ad_values.check_ad({**said, "JupyterStart": 900})
    assert ("JupyterState" in earlier, earlier["JupyterName"]) == (False, "a")


@pytest.mark.parametrize("text", ["two\nlines", "a\tb", "Grüße, 日本語", "🙂", "[bold]x[/] `start --ap a`"])
def test_ordinary_text_is_shown_as_it_is(text):
    assert make_printable(text) == text


@given(ads, st.sampled_from([None, "lab", "12"]))
@many
def test_no_ad_breaks_or_colors_what_the_verbs_print(ad, name):
    """`list`, `status`, `logs`, `extend`, and `admin`, each for people and for programs."""
    shown = []

    async def use(verb, *, as_json):
        terminal = Terminal(as_json=as_json)
        with contextlib.suppress(LauncherError):
            try:
                await verb(terminal)
            except LauncherError as error:
                shown.append(make_printable(str(error)))
                raise

    @contextlib.asynccontextmanager
    async def connected(_ap, _terminal):
        yield Link(ad)

    out = _Captured()
    with pytest.MonkeyPatch.context() as patch, out:
        patch.setattr(verbs, "connected", connected)
        patch.setattr(admin_verb, "connected", connected)
        for as_json in (False, True):
            for verb in (
                lambda terminal: verbs.show_list(["ap"], terminal),
                lambda terminal: verbs.show_status("ap", name, terminal),
                lambda terminal: verbs.show_logs("ap", name, (), terminal),
                lambda terminal: verbs.extend("ap", name, "2h", terminal),
                lambda terminal: admin_verb.admin("ap", terminal, since="1d", user=None, ceiling=None, prometheus=None),
            ):
                asyncio.run(use(verb, as_json=as_json))
    assert_harmless("".join([*shown, out.text]))


@given(ads)
@many
def test_no_ad_breaks_how_a_session_is_described(ad):
    checked = ad_values.check_ad(ad)
    row = job_ads.build_row(ad, 1060.0)
    record = job_ads.build_past_record(ad, "ap")
    said = [session_status.describe_stops(row), row.name, row.machine, row.why, row.state]
    ends = (queue_view.read_ad(checked), past_jobs.read_end(checked))
    said += [make_printable(messages.describe_past_session(record, progress, None)) for progress in ends]
    for text in said:
        assert_harmless(text)


@given(words, words)
@many
def test_nothing_outside_the_state_folder_is_written_or_removed(tmp_path_factory, name, job):
    """A record has a name that is no path, and so have the files that are read, written, and removed for it."""
    base = tmp_path_factory.mktemp("base")
    kept = [base / name for name in ("x.json", "x.opened", "state/x.json", "state/chtc-jupyter/x.opened")]
    for path in kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(base / "state"))
        for act in (
            lambda: store.save(Record(name, "ap", "12.0", "/log", "/notebooks")),
            lambda: store.save_opened(name, Opened(4711, "127.0.0.1", "secret")),
            lambda: store.load_opened(name),
            lambda: store.forget(name),
            lambda: store.save(job_ads.build_past_record({"ClusterId": 12, "ProcId": 0, "JupyterName": name}, "ap")),
            lambda: store.look_up(job),
        ):
            with contextlib.suppress(ValueError):
                act()
    sessions = base / "state/chtc-jupyter/sessions"
    found = {path for path in base.rglob("*") if path.is_file() and path.parent != sessions}
    assert found == set(kept)
    assert all(path.read_text() == "kept" for path in kept)


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "..", ".", "", "-x", "a/b", "x" * 42, "a\n", "\x1b[31m"])
def test_a_name_that_is_no_name_becomes_the_jobs_number(name):
    assert job_ads.build_past_record({"ClusterId": 12, "ProcId": 0, "JupyterName": name}, "ap").name == "12"
    with pytest.raises(ValueError, match="no name of a session"):
        store.forget(name)


@given(st.dictionaries(st.sampled_from(["name", "ap", "job", "log", "notebooks", "port", "interactive"]), values))
@many
def test_no_file_of_the_state_folder_breaks_what_is_remembered(tmp_path, changes):
    whole = {"name": "lab", "ap": "ap", "job": "12.0", "log": "/l", "notebooks": "/n", "port": 0, "interactive": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path))
        path = tmp_path / "chtc-jupyter/sessions/lab.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**whole, **changes}))
        for record in store.load_records():
            assert (record.name, type(record.port), type(record.interactive)) == ("lab", int, bool)
            assert (record.ap + record.job + record.log + record.notebooks).isprintable()


FACTS = {
    "state": "ready", "reason": "", "stop_at": None, "earliest_stop_at": None, "sources": [], "idle_for": 1,
    "keep_alive_until": None, "deadline": None, "problem": "", "warnings": [],
    "save": {"off": "", "saved_count": 1, "behind": 1, "total_bytes": 1, "conflicts": {}, "left_out": {},
             "left_out_count": 0, "problem": ""},
}  # fmt: skip
SOURCE = {"source": "kernels", "active": False, "since": 1, "detail": "x", "error": ""}


@given(st.sampled_from([*FACTS, *FACTS["save"], *SOURCE]), values)
@settings(parent=many, max_examples=120)
def test_no_answer_of_a_session_breaks_its_status(key, value):
    facts = {**FACTS, "save": dict(FACTS["save"]), "sources": [dict(SOURCE)]}
    for part in (facts, facts["save"], facts["sources"][0]):
        if key in part:
            part[key] = value

    async def answer(*_):
        return json.dumps(facts)

    with pytest.MonkeyPatch.context() as patch, _Captured() as out:
        patch.setattr(verbs, "run_inside", answer)
        try:
            asyncio.run(verbs._show_session(None, {"ClusterId": 12, "ProcId": 0}, Terminal()))
        except FailedError as error:
            Terminal().say(str(error))
    assert_harmless(out.text)


def test_facts_that_are_too_deep_are_no_facts():
    with pytest.raises(ValueError, match="deep"):
        session_status.parse_facts('{"a":' + "[" * 100_000)


@given(st.lists(words, max_size=4), words)
@many
def test_no_line_of_a_sessions_log_colors_a_terminal(lines, refusal):
    async def say(*_):
        for line in lines:
            yield line
        raise FailedError(refusal)

    @contextlib.asynccontextmanager
    async def connected(_ap, _terminal):
        yield Link({"ClusterId": 12, "ProcId": 0, "JobStatus": 2})

    with pytest.MonkeyPatch.context() as patch, _Captured() as out:
        patch.setattr(verbs, "connected", connected)
        patch.setattr(verbs, "stream_inside", say)
        try:
            asyncio.run(verbs.show_logs("ap", None, (), Terminal()))
        except FailedError as error:
            Terminal().say(str(error))
    assert_harmless(out.text)


class Sick(Link):
    """An access point whose every answer is whatever it likes."""

    def __init__(self, said, status):
        super().__init__({})
        self.hello = {"clock": 1.0, "condor": said, "python": said, "looked": said, "owner": "alice", "home": "/home/a"}
        self._said, self._status = said, status

    async def run(self, _argv, **_fields):
        return {"status": self._status, "out": self._said, "err": self._said}

    async def ask(self, _do, **_fields):
        if self._status:
            raise FailedError(self._said)
        return {"names": [self._said], "text": self._said, "found": [self._said]}

    async def find_way(self):
        return Way.NONE

    async def close(self):
        pass


@given(words, st.sampled_from([0, 1]))
@many
def test_no_answer_of_an_access_point_breaks_or_colors_doctor(said, status):
    async def open_link(*_args, **_fields):
        return Sick(said, status)

    with pytest.MonkeyPatch.context() as patch, _Captured() as out:
        patch.setattr(doctor, "open_link", open_link)
        asyncio.run(doctor.Doctor("ap", {}, Terminal())._check_all())
    assert out.text
    assert_harmless(out.text)


@given(words, words)
@many
def test_no_event_breaks_or_colors_what_is_said_of_a_job(said, reason):
    told = json.dumps({"state": "ready", "url": said, "reason": reason, "warning": said})
    for lines in (
        (f"008 (012.000.000) 2026-03-02 12:00:00 jupyter-session {told}",),
        ("012 (012.000.000) 2026-03-02 12:00:00 Job was held.", f"\t{reason}", "\tCode 21 Subcode 0"),
        (f"009 (012.000.000) {said} {said} Job was aborted.", f"\t{reason}"),
        ("005 (012.000.000) 2026-03-02 12:00:00 Job terminated.", "\t(1) Normal termination (return value " + said),
    ):
        if event := parse_event(lines):
            progress = apply_event(JobProgress(), event)
            for text in (progress.why, progress.reason, progress.at or "", progress.state):
                assert_harmless(text)
            assert progress.port is None or 0 < progress.port < 1 << 16


def test_a_number_without_measure_counts_as_undefined():
    for number in (10**400, -(10**400), float("inf"), float("nan"), True, 99999999999999999):
        assert ad_values.check_ad({"JupyterStopAt": number, "RequestGPUs": 1}) == {"RequestGPUs": 1}


@pytest.mark.parametrize("number", ["1" * 400, "1e400", "NaN"])
def test_an_answer_with_such_a_number_is_no_answer_of_a_session(number):
    with pytest.raises(ValueError, match="no number of a session"):
        session_status.parse_facts(f'{{"stop_at": {number}}}')


class _Captured:
    """What is printed meanwhile, to both streams."""

    def __enter__(self):
        self._stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape")
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(contextlib.redirect_stdout(self._stream))
        self._stack.enter_context(contextlib.redirect_stderr(self._stream))
        return self

    def __exit__(self, *_error):
        self._stack.close()
        self._stream.flush()
        self.text = self._stream.buffer.getvalue().decode("utf-8", errors="surrogateescape")
