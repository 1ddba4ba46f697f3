"""What ci/test lints beside what tools check."""

from testbed.host import apt
from testbed.verbs import lints

FITS = "Install the Debian packages that the test bed needs under a lock, for on"


def test_a_subject_may_have_72_columns_and_no_more():
    assert len(FITS) == lints.WIDTH
    assert lints.bad_subjects(f"abc1234 {FITS}\n") == []
    (bad,) = lints.bad_subjects(f"abc1234 {FITS}\nabc1235 {FITS}e\n")
    assert bad.startswith("abc1235: the subject has 73 columns")


def test_without_commits_no_subject_is_bad():
    assert lints.bad_subjects("") == []


def test_shell_programs_are_found_by_their_name_and_by_their_first_line():
    found = lints.shell_files()
    assert {"ci/test", "ci/testbed/bootstrap.sh"} <= set(found)
    assert not [name for name in found if name.endswith(".py")]


def test_another_apt_get_at_work_is_waited_for_and_no_other_error_is():
    assert apt.BUSY.search("E: Unable to lock directory /var/lib/apt/lists/")
    assert apt.BUSY.search("E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend)")
    assert not apt.BUSY.search("E: Unable to locate package nosuch")
