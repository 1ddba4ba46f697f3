"""The advice for a job on hold: one table for the launcher and the DAG, by HTCondor's code or by its reason."""

import pytest

from chtc_condor.codes import HoldReasonCode
from chtc_condor.hold_advice import Commands, advise_on_hold

COMMANDS = Commands("RELEASE", "REMOVE", "MORE MEMORY", "MORE DISK", "ANOTHER IMAGE", "ap")


@pytest.mark.parametrize(
    ("reason", "code", "part"),
    [
        ("x", HoldReasonCode.USER_REQUEST, "run RELEASE to let it continue, or REMOVE"),
        ("via condor_hold (by user alice)", None, "run RELEASE to let it continue, or REMOVE"),
        ("Transfer output files failure: (errno 28) No space left on device", 12, "quota on ap is full"),
        ("x", HoldReasonCode.TRANSFER_INPUT_ERROR, "could not be transferred"),
        ("x", HoldReasonCode.MAX_TRANSFER_INPUT_SIZE_EXCEEDED, "larger than ap allows"),
        ("Job has gone over cgroup memory limit of 64 megabytes", HoldReasonCode.JOB_OUT_OF_RESOURCES, "MORE MEMORY"),
        ("Disk usage exceeded request_disk", HoldReasonCode.JOB_OUT_OF_RESOURCES, "MORE DISK"),
        ("x", HoldReasonCode.SINGULARITY_TEST_FAILED, "ANOTHER IMAGE"),
        ("x", HoldReasonCode.JOB_EXECUTE_EXCEEDED, "time limit"),
        ("x", 999, "Run RELEASE to try again, or REMOVE"),
        ("x", None, "Run RELEASE to try again, or REMOVE"),
    ],
)
def test_a_hold_has_the_advice_for_its_code_or_its_reason(reason, code, part):
    advice = advise_on_hold(reason, COMMANDS, code)
    assert part in advice
    assert advice.endswith(".")
