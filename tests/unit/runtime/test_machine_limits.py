"""The machine's own limits and the policies of both ads: which of them are ends, and when."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_session.condor.job_ad import Job, read_job
from jupyter_session.idle.deadlines import MACHINE_MARGIN, Deadlines
from jupyter_session.idle.machine_limits import LONGEST, SHORTEST, find_limits

# pytest-xdist has threads, the process that reads an ad has none yet
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
NOW = 1_800_000_000.0


def limits(machine=None, foreseen=None, *, started=NOW, obey=True):
    names = {name.lower(): value for name, value in (machine or {}).items()}
    job = Job("1.0", {"jobcurrentstartdate": int(started)}, names, foreseen or {})
    return find_limits(job, obey_machine=obey, now=NOW)


def ends(*args, **kwargs):
    return [limit.at - NOW for limit in limits(*args, **kwargs)]


def read(tmp_path, machine, job=""):
    environ = {"_CONDOR_JOB_AD": str(tmp_path / "job"), "_CONDOR_MACHINE_AD": str(tmp_path / "machine")}
    started = int(time.time())
    (tmp_path / "job").write_text(f"ClusterId = 1\nProcId = 0\nJobCurrentStartDate = {started}\n{job}")
    (tmp_path / "machine").write_text(machine)
    return read_job(environ, look_ahead=True), started


def test_a_machine_that_says_nothing_has_no_limit():
    assert ends() == []
    assert ends({"MaxJobRetirementTime": 0, "TimeToLive": 2**31 - 1}) == []


def test_a_guarantee_counts_from_the_jobs_start():
    (found,) = limits({"JobRuntimeGuarantee": 4 * 3600, "MaxJobRetirementTime": 4 * 3600}, started=NOW - 60)
    assert found.at == NOW - 60 + 4 * 3600
    assert found.why == "this machine lets a job run for 4 h (JobRuntimeGuarantee)"


def test_a_pilot_ends_when_it_dies_and_not_when_it_retires():
    assert ends({"GLIDEIN_ToRetire": NOW + 3600, "GLIDEIN_ToDie": NOW + 7200}) == [7200]
    assert ends({"GLIDEIN_ToRetire": NOW + 3600}) == [3600]
    (found,) = limits({"GLIDEIN_ToDie": NOW + 7200})
    assert found.why.startswith("this machine leaves the pool at ")
    assert found.why.endswith("(GLIDEIN_ToDie)")


def test_retirement_counts_only_where_nothing_else_is_known():
    assert ends({"MaxJobRetirementTime": 86400}) == [86400]
    assert ends({"MaxJobRetirementTime": 3600, "GLIDEIN_ToDie": NOW + 7200}) == [7200]


def test_a_policy_that_preempts_waits_for_the_retirement():
    assert ends({"MaxJobRetirementTime": 7200}, {"preempt": NOW + 180}) == [7200]
    assert ends({"MaxJobRetirementTime": 0}, {"preempt": NOW + 180}) == [180]


def test_limits_of_the_machine_can_be_ignored_but_not_those_of_the_submit_file():
    known = {"GLIDEIN_ToDie": NOW + 7200, "JobRuntimeGuarantee": 180}
    assert ends(known, {"preempt": NOW + 300, "periodicremove": NOW + 3600}, obey=False) == [3600]


@pytest.mark.parametrize("value", [0, -1, -86400, 1, 30, NOW, NOW - 1, 1e300, True, False, "soon", None, [180]])
@pytest.mark.parametrize(
    "name", ["JobRuntimeGuarantee", "MaxJobRetirementTime", "GLIDEIN_ToRetire", "GLIDEIN_ToDie", "TimeToLive"]
)
def test_a_value_that_makes_no_sense_is_no_limit(name, value):
    if not (name.startswith("GLIDEIN") and value == NOW):
        assert ends({name: value}) == []


@given(
    st.dictionaries(
        st.sampled_from(
            ["JobRuntimeGuarantee", "MaxJobRetirementTime", "GLIDEIN_ToRetire", "GLIDEIN_ToDie", "TimeToLive"]
        ),
        st.one_of(st.integers(), st.floats(allow_nan=True, allow_infinity=True), st.text(), st.booleans()),
    ),
    st.dictionaries(st.sampled_from(["preempt", "periodichold", "periodicremove"]), st.floats(NOW - 1e6, NOW + 1e8)),
)
def test_no_ad_ends_a_session_at_once_or_within_its_first_half_minute(machine, foreseen):
    found = limits(machine, foreseen)
    assert all(SHORTEST <= limit.at - NOW <= LONGEST for limit in found)
    deadline = Deadlines(None, 300.0, {}, found, clock=lambda: 5.0, wall=lambda: NOW).next(0)
    assert deadline is None or deadline.at >= 0.75 * SHORTEST


def test_the_session_ends_well_before_the_machine_would_end_it():
    for length, margin in ((180, 45), (4 * 3600, MACHINE_MARGIN)):
        found = limits({"JobRuntimeGuarantee": length})
        assert Deadlines(None, 300.0, {}, found, clock=lambda: 5.0, wall=lambda: NOW).next(0).at == length - margin


def test_expressions_are_evaluated_with_both_ads(tmp_path):
    machine = """\
JobRuntimeGuarantee = ifThenElse(TARGET.InteractiveJob =?= true, 4 * 3600, 72 * 3600)
MaxJobRetirementTime = JobRuntimeGuarantee
GLIDEIN_ToDie = time() + 240
GLIDEIN_ToRetire = undefined
TimeToLive = Missing + 3
MachineMaxVacateTime = 10 * 60
"""
    found, started = read(tmp_path, machine, "InteractiveJob = true\n")
    assert (found.machine["jobruntimeguarantee"], found.machine["maxjobretirementtime"]) == (4 * 3600, 4 * 3600)
    assert 240 <= found.machine["glidein_todie"] - started <= 300
    assert found.machine["machinemaxvacatetime"] == 600
    assert not {"glidein_toretire", "timetolive"} & set(found.machine)
    assert read(tmp_path, machine)[0].machine["jobruntimeguarantee"] == 72 * 3600


@pytest.mark.parametrize(
    ("machine", "job", "expected"),
    [
        ("PREEMPT = (time() - JobStart) > 180", "", {"preempt": 181}),
        ("PREEMPT = Disk > 9 || Over\nOver = CurrentTime - JobStart > Most\nMost = 7200", "", {"preempt": 7201}),
        ('PREEMPT = Name == "time()" && time() > 5\nName = "slot1"', "", {}),
        ("PREEMPT = TARGET.LongJob =!= true && time() - JobStart >= 3600", "LongJob = true", {}),
        ("PREEMPT = true", "", {}),
        ("PREEMPT = undefined", "", {}),
        ("PREEMPT = time() - JobStart", "", {}),
        ("PREEMPT = KeyboardIdle < 5\nKeyboardIdle = 0", "", {}),
        ("", "PeriodicRemove = JobStatus == 2 && time() - EnteredCurrentStatus > 4 * 3600", {"periodicremove": 14401}),
        ("", "PeriodicHold = (NumJobStarts > 3) || (time() - JobCurrentStartDate >= 600)", {"periodichold": 600}),
        ("", "PeriodicHold = NumVacatesByReason.SingularityTestFailed >= 3", {}),
        ("PREEMPT = ", "", {}),
    ],
)  # fmt: skip
def test_policies_are_foreseen(tmp_path, machine, job, expected):
    found, started = read(tmp_path, f"{machine}\n", f"{job}\n")
    assert {name: pytest.approx(started + after, abs=2) for name, after in expected.items()} == found.foreseen


def test_without_a_look_ahead_no_policy_is_tried(tmp_path):
    read(tmp_path, "PREEMPT = (time() - JobStart) > 180\n")
    environ = {"_CONDOR_JOB_AD": str(tmp_path / "job"), "_CONDOR_MACHINE_AD": str(tmp_path / "machine")}
    assert read_job(environ).foreseen == {}
