"""A session says when jobs of other people run under its account."""

import os

import pytest

from jupyter_session.condor.job_ad import Job
from jupyter_session.session.shared_account import find_account_warnings, list_owners

ALICES = Job("1.0", {"owner": "alice", "wantioproxy": True}, {})


@pytest.mark.parametrize(
    ("account", "owners"), [("slot1_1", []), ("slot1_1", ["alice"]), ("alice", ["alice", "alice"])]
)
def test_an_account_of_its_own_is_not_warned_of(account, owners):
    assert find_account_warnings(ALICES, account, owners) == ()


@pytest.mark.parametrize(
    ("account", "owners", "said"),
    [
        ("nobody", [], "jobs of other people may run under the same account (nobody)"),
        ("nobody", ["alice"], "may run"),
        ("pilot", ["alice", "bob"], "jobs of other people run under the same account (pilot)"),
    ],
)
def test_a_shared_account_is_warned_of_with_what_it_means(account, owners, said):
    (warning,) = find_account_warnings(ALICES, account, owners)
    assert said in warning
    assert "read and write on the access point what you can" in warning
    (less,) = find_account_warnings(Job("1.0", {"owner": "alice", "wantioproxy": False}, {}), account, owners)
    assert "access point" not in less


def test_a_workstation_is_not_warned_of():
    assert find_account_warnings(None, "nobody", ["bob"]) == ()


def test_owners_are_read_from_the_ads_of_the_processes_of_the_account(tmp_path):
    def process(pid, environ, ad=None):
        (tmp_path / str(pid) / "root/scratch").mkdir(parents=True)
        (tmp_path / str(pid) / "environ").write_bytes(environ)
        if ad is not None:
            (tmp_path / str(pid) / "root/scratch/.job.ad").write_bytes(ad)

    process(1, b"A=1\0_CONDOR_JOB_AD=/scratch/.job.ad\0", b'A = 1\nOwner = "bob"\nB = "Owner = x"\n')
    process(2, b"_CONDOR_JOB_AD=/scratch/.job.ad\0", None)
    process(3, b"NOT_CONDOR_JOB_AD=/scratch/.job.ad\0", b'Owner = "carol"\n')
    process(4, b"_CONDOR_JOB_AD=/scratch/.job.ad\0", b"Owner = undefined\n\xff")
    (tmp_path / "self").mkdir()
    assert list(list_owners(tmp_path)) == ["bob"]
    assert os.getuid() == (tmp_path / "1").stat().st_uid
