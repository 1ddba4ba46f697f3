"""The advice for a job on hold: one table for the launcher and the DAG, by HTCondor's code or by its reason."""

import pytest

from chtc_condor.codes import HoldReasonCode
from chtc_condor.hold_advice import Commands, advise_on_hold

#: What HTCondor 25.14 says of a file that it could not transfer.
IN = (
    "Transfer input files failure at access point ap while sending files to execution point slot1_2@ep1. Details: 1 "
    "total failures: first failure: reading from file {}: (errno {}"
)
OUT = (
    "Transfer output files failure at execution point slot1_7@ep1 while sending files to access point ap. Details: 1 "
    "total failures: first failure: reading from file /var/lib/condor/execute/dir_188/scratch/{}: (errno {}"
)
BACK = (
    "Transfer output files failure at access point ap while receiving files from execution point slot1_7@ep1. Details: "
    "1 total failures: first failure: writing to file {}: (errno 13) Permission denied"
)
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
        (
            IN.format("/home/a/notebooks/l", "21) Is a directory"),
            13,
            "/home/a/notebooks/l, a link to a folder: remove it",
        ),
        (IN.format("/home/a/notebooks/s", "13) Permission denied"), 13, "chmod u+r"),
        (
            (
                "Transfer input files failure at execution point slot1_1@ep1 while receiving files from access point "
                "ap. Details: writing to file /var/lib/condor/execute/dir_172/scratch/in/s/t: (errno 13) Permission "
                "denied"
            ),
            13,
            "can't write in/s/t on the execution point, because its folder is read-only: run chmod u+w",
        ),
        (IN.format("/home/a/data", "2) No such file or directory"), 13, "There is no /home/a/data: put it there"),
        (
            OUT.format("notebooks/l", "21) Is a directory"),
            12,
            "can't transfer notebooks/l, a link to a folder. Look at",
        ),
        (OUT.format("notebooks/s", "13) Permission denied"), 12, "can't read notebooks/s"),
        (OUT.format("results", "2) No such file or directory"), 12, "didn't make results, which transfer_output_files"),
        ("Transfer output files failure: remaps resulted in a cycle: <0: a><1: a>", 12, "leads a name back to itself"),
        (BACK.format("/home/a/notebooks/x"), 12, "can't write /home/a/notebooks/x: check its owner"),
        ("The job ran longer than this machine lets one run", 21, "it ends again after as long"),
        ("memory usage exceeded request_memory", 21, "MORE MEMORY"),
        ("x", HoldReasonCode.JOB_DURATION_EXCEEDED, "it ends again after as long"),
        ("The image could not be started three times", HoldReasonCode.JOB_POLICY, "ANOTHER IMAGE"),
        ("The job attribute PeriodicHold expression 'X' evaluated to TRUE", 3, "it is put on hold again"),
        ("x", 999, "Run RELEASE to try again, or REMOVE"),
        ("x", None, "Run RELEASE to try again, or REMOVE"),
    ],
)
def test_a_hold_has_the_advice_for_its_code_or_its_reason(reason, code, part):
    advice = advise_on_hold(reason, COMMANDS, code)
    assert part in advice
    assert advice.endswith(".")
