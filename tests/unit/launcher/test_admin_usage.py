"""What a job ad is worth in an account. The ads are as HTCondor 25.14 wrote them, or as a hostile user would."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chtc_jupyter.admin.account import sum_by_user, sum_usages
from chtc_jupyter.admin.usage import ENDS, STATES, read_usage

NOW = 1_700_100_000.0
ENDED = {
    "Owner": "alice", "JobStatus": 4, "RemoteWallClockTime": 7200.0, "GPUsProvisioned": 2, "ExitCode": 0,
    "ExitBySignal": False, "EnteredCurrentStatus": 1_700_050_000, "JupyterState": "stopped", "JupyterEnd": "idle",
    "JupyterIdleSeconds": 1800,
}  # fmt: skip
RUNNING = {"Owner": "bob", "JobStatus": 2, "RemoteWallClockTime": 100.0, "ShadowBday": NOW - 50, "RequestGPUs": 1}


def ended(**more):
    return read_usage({**ENDED, **more}, NOW)


@pytest.mark.parametrize(
    ("more", "ends"),
    [
        ({}, {"idle stop": 1}),
        ({"JupyterEnd": "deadline"}, {"deadline": 1}),
        ({"JupyterEnd": "user"}, {"stopped": 1}),
        ({"JupyterEnd": "failed", "ExitCode": 1}, {"failed": 1}),
        ({"ExitCode": None, "ExitBySignal": True}, {"failed": 1}),
        ({"JupyterEnd": None}, {"other": 1}),
        ({"JobStatus": 3, "JupyterEnd": "signal", "RemoveReason": "via condor_rm (by user alice)",
          "NumVacatesByReason": {"JobRemoved": 1}}, {"removed": 1}),
        ({"JobStatus": 3, "RemoveReason": "The system macro SYSTEM_PERIODIC_REMOVE expression 'x' evaluated to TRUE"},
         {"ceiling": 1}),
        ({"NumVacatesByReason": {"ScheddVacate": 2, "StartdDraining": 1}}, {"idle stop": 1, "evicted": 3}),
        ({"NumHoldsByReason": {"UserRequest": 1}, "NumVacatesByReason": {"UserRequest": 1, "ScheddVacate": 1}},
         {"idle stop": 1, "held": 1, "evicted": 1}),
        ({"JobStatus": 5, "NumHoldsByReason": {"JobExecuteExceeded": 3}, "NumVacatesByReason": {"ClaimDeactivated": 1}},
         {"held": 1}),
        ({"NumVacatesByReason": {"ActivationRefusedNotIdle": 1}}, {"idle stop": 1}),
    ],
)  # fmt: skip
def test_how_a_session_ended_is_told_by_its_ad(more, ends):
    assert ended(**more).ends == ends


def test_hours_are_those_of_all_starts_and_gpus_count_each():
    usage = ended()
    assert (usage.state, usage.gpus) == (None, 0)
    assert (usage.seconds, usage.gpu_seconds, usage.idle_seconds) == (7200, 14400, 1800)


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({}, "starting"),
        ({"JupyterState": "ready"}, "ready"),
        ({"JupyterState": "expiring"}, "expiring"),
        ({"JupyterState": "stopped"}, "stopping"),
        ({"JupyterState": "<script>"}, "starting"),
        ({"JobStatus": 7}, "suspended"),
        ({"JobStatus": 6}, "stopping"),
    ],
)
def test_a_session_that_runs_counts_up_to_now(more, state):
    usage = read_usage({**RUNNING, **more}, NOW)
    assert (usage.state, usage.gpus, usage.seconds, usage.gpu_seconds) == (state, 1, 150, 150)


@pytest.mark.parametrize(("status", "state"), [(1, "queued"), (5, "held")])
def test_a_session_that_waits_holds_no_gpu(status, state):
    usage = read_usage({**RUNNING, "JobStatus": status, "ShadowBday": None}, NOW)
    assert (usage.state, usage.gpus, usage.seconds) == (state, 0, 100)


@pytest.mark.parametrize(
    ("more", "ceiling", "saved"),
    [
        ({}, None, None),
        ({}, 10000, 2800),
        ({}, 7000, 0),
        ({"JupyterDeadline": 1_700_053_600}, None, 3600),
        ({"JupyterDeadline": 1_700_053_600}, 10000, 2800),
        ({"JupyterEnd": "user"}, 10000, None),
    ],
)
def test_an_idle_stop_has_saved_what_was_left_until_the_session_had_to_end(more, ceiling, saved):
    assert read_usage({**ENDED, **more}, NOW, ceiling).saved_seconds == saved


def test_the_account_of_all_is_the_sum_of_the_users():
    usages = [
        ended(),
        ended(JupyterEnd="user"),
        read_usage(RUNNING, NOW),
        read_usage({**ENDED, "Owner": "bob"}, NOW, 9000),
    ]
    users, everyone = sum_by_user(usages), sum_usages(usages)
    assert list(users) == ["alice", "bob"]
    assert (users["alice"].sessions, users["bob"].sessions, everyone.sessions) == (2, 2, 4)
    assert (users["alice"].unlimited, users["bob"].unlimited, everyone.saved_seconds) == (1, 0, 1800)
    assert everyone.seconds == users["alice"].seconds + users["bob"].seconds == 3 * 7200 + 150
    assert everyone.states == {"starting": 1}
    assert everyone.ends == {"idle stop": 2, "stopped": 1}


anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dictionaries(st.text(), st.floats())
NAMES = [*ENDED, *RUNNING, "NumHoldsByReason", "NumVacatesByReason", "JupyterDeadline", "RemoveReason"]


@given(st.dictionaries(st.sampled_from([name for name in NAMES if name != "JobStatus"]), anything), st.integers(0, 8))
def test_whatever_a_user_writes_into_an_ad_the_account_stays_in_measure(ad, status):
    usage = read_usage({**ad, "JobStatus": status}, NOW, 86400)
    account = sum_usages([usage])
    assert 0 <= usage.idle_seconds <= usage.seconds < math.inf
    assert set(account.states) <= set(STATES)
    assert set(account.ends) <= set(ENDS)
    assert account.saved_seconds <= 86400
