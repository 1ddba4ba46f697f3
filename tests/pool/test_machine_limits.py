"""A machine that ends jobs by a policy of its own: the session says when, and ends in order before (report R14)."""

import re

import pytest

from chtc_condor.codes import JobStatus
from support.hosts import configure
from support.session import sessions

pytestmark = pytest.mark.slow

#: What ends a job at its time with a hold, and brings no output back.
R14 = """\
TIME_EXCEEDED = (time() - JobStart) > 180
PREEMPT = $(TIME_EXCEEDED)
WANT_HOLD = $(TIME_EXCEEDED)
WANT_HOLD_REASON = "The job ran longer than this machine lets one run"
WANT_HOLD_SUBCODE = 7
JobRuntimeGuarantee = 180
MaxJobRetirementTime = JobRuntimeGuarantee
GLIDEIN_ToRetire = time() + 150
GLIDEIN_ToDie = time() + 240
STARTD_ATTRS = $(STARTD_ATTRS) JobRuntimeGuarantee GLIDEIN_ToRetire GLIDEIN_ToDie
""".splitlines()
#: The same policy, with nothing that names it.
PREEMPT_ONLY = [*R14[:5], "MaxJobRetirementTime = 0"]
#: A pilot that says when it dies, and no more.
PILOT = ["GLIDEIN_ToDie = time() + 120", "STARTD_ATTRS = $(STARTD_ATTRS) GLIDEIN_ToDie"]
#: Some jobs have less time than others: interactive ones at some pools.
BY_JOB = [
    "JobRuntimeGuarantee = ifThenElse(TARGET.WantShort =?= true, 120, 72 * 3600)",
    "MaxJobRetirementTime = JobRuntimeGuarantee",
    "STARTD_ATTRS = $(STARTD_ATTRS) JobRuntimeGuarantee",
]


def run_until_it_ends(session):
    """Have a session work and write a small and a 300 MB file; return when it was ready and its ad after its end."""
    ready = session.ready()
    session.inside("sh", "-c", "echo w >notebooks/w.txt; head -c 300000000 /dev/zero >notebooks/large.bin")
    session.inside("sh", "-c", 'nohup sh -c "while :; do :; done" >/dev/null 2>&1 &')
    return ready, session.wait_gone(260)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("policy", "why"),
    [
        (R14, "this machine lets a job run for 3 min (JobRuntimeGuarantee)"),
        (PREEMPT_ONLY, "this machine ends jobs after 3 min (PREEMPT)"),
        (PILOT, "this machine leaves the pool at .* (GLIDEIN_ToDie)"),
        (BY_JOB, "this machine lets a job run for 2 min (JobRuntimeGuarantee)"),
    ],
    ids=["guarantee", "preempt", "pilot", "by job"],
)
def test_a_session_ends_in_order_before_the_machine_ends_the_job(own_pool, policy, why):
    configure(own_pool, "ep1", *policy)
    with sessions(own_pool) as new:
        session = new().submit("--idle-warning 30s", "My.WantShort = true")
        ready, ad = run_until_it_ends(session)
        assert 0 < ready["JupyterStopAt"] - ready["JobCurrentStartDate"] < 180
        assert ready["JupyterDeadline"] == ready["JupyterStopAt"]
        assert session.states() == ["starting", "ready", "expiring", "stopping", "stopped"]
        assert (ad["JobStatus"], ad["ExitCode"], ad["JupyterEnd"]) == (JobStatus.COMPLETED, 0, "deadline")
        sentence = re.escape(f"Time limit reached: {why}.").replace(r"\.\*", ".*")
        assert re.fullmatch(sentence, ad["JupyterReason"])
        assert session.file("notebooks/w.txt") == "w\n"
        assert own_pool.path("ap", f"{session.folder}/notebooks/large.bin").stat().st_size == 300_000_000
        assert session.receipt()["end"] == "deadline"
