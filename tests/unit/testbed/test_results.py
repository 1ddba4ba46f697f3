"""What ci/test reads in the reports of pytest."""

from testbed.verbs import results

REPORT = """<testsuites><testsuite>
<testcase classname="tests.pool.test_a" name="test_alone[alice@ap]" time="2.6"/>
<testcase classname="tests.pool.test_a" name="test_shared[x@y]@ready_session" time="1.2"><failure/></testcase>
<testcase classname="tests.pool.test_b" name="test_shared@a group" time="0.2"><error/></testcase>
<testcase classname="tests.pool.test_b" name="test_slow" time="0"><skipped/></testcase>
</testsuite></testsuites>"""


def test_tests_have_the_names_that_pytest_takes_without_the_group_that_shares_a_session(tmp_path):
    report = tmp_path / "pool.xml"
    report.write_text(REPORT)
    assert results.failed(report) == ["tests/pool/test_a.py::test_shared[x@y]", "tests/pool/test_b.py::test_shared"]
    assert results.durations(report) == {
        "tests/pool/test_a.py::test_alone[alice@ap]": 3,
        "tests/pool/test_a.py::test_shared[x@y]": 1,
        "tests/pool/test_b.py::test_shared": 0,
    }


def test_a_run_that_left_no_report_has_no_tests(tmp_path):
    assert results.failed(tmp_path / "none.xml") == []
