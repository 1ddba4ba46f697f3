"""What a submission's conditions on a job's exit mean for a session that has ended well."""

import pytest

from chtc_condor.exit_rules import is_true_after_success


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        *((True, True), (False, False), (None, None), (5, True), (0, False)),
        *(("ExitCode == 0", True), ("exitcode =?= 0", True), ("0 == ExitCode", True), ("MY.ExitCode == 0", True)),
        *(("ExitCode != 0", False), ("ExitCode =!= 0", False), ("!(ExitCode == 0)", False), ("ExitCode > 0", False)),
        *(("ExitCode >= 0", True), ("ExitCode == 85 || ExitCode == 3", False), ("!ExitBySignal", True)),
        *(("(ExitBySignal == false) && (ExitCode == 0)", True), ("ExitBySignal == true || ExitCode != 0", False)),
        *(("NumJobCompletions > JobMaxRetries || ExitCode =?= 0", True), ("NumJobStarts > 3", None)),
        *(("NumJobStarts > 3 && ExitCode != 0", False), ("NumJobStarts > 3 || ExitCode != 0", None)),
        *(("ifThenElse(ExitCode == 0, true, false)", None), ("time() > 5", None), ('Owner == "a"', None), ("", None)),
        *(("ExitCode ==", None), ("(" * 5000 + "true", None), ("__import__", None)),
    ],
)
def test_a_condition_is_evaluated_for_exit_status_0(condition, wanted):
    assert is_true_after_success(condition) is wanted
