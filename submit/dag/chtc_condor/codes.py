"""HTCondor's numbers under HTCondor's own names.

The members are ints, so that they compare with a number that a newer HTCondor adds and that has no name here.
"""

from __future__ import annotations

import enum


class JobStatus(enum.IntEnum):
    """Values of the job attribute JobStatus."""

    IDLE = 1
    RUNNING = 2
    REMOVED = 3
    COMPLETED = 4
    HELD = 5
    TRANSFERRING_OUTPUT = 6
    SUSPENDED = 7


class JobEventType(enum.IntEnum):
    """The numbers of events in a job event log, as in HTCondor's Python bindings.

    https://htcondor.readthedocs.io/en/latest/codes-other-values/job-event-log-codes.html
    """

    SUBMIT = 0
    EXECUTE = 1
    EXECUTABLE_ERROR = 2
    CHECKPOINTED = 3
    JOB_EVICTED = 4
    JOB_TERMINATED = 5
    IMAGE_SIZE = 6
    SHADOW_EXCEPTION = 7
    GENERIC = 8
    JOB_ABORTED = 9
    JOB_SUSPENDED = 10
    JOB_UNSUSPENDED = 11
    JOB_HELD = 12
    JOB_RELEASED = 13
    POST_SCRIPT_TERMINATED = 16
    REMOTE_ERROR = 21
    JOB_DISCONNECTED = 22
    JOB_RECONNECTED = 23
    JOB_RECONNECT_FAILED = 24
    FILE_TRANSFER = 40


class HoldReasonCode(enum.IntEnum):
    """Values of the job attribute HoldReasonCode, by their labels in HTCondor's manual.

    https://htcondor.readthedocs.io/en/latest/codes-other-values/hold-reason-codes.html
    """

    USER_REQUEST = 1
    JOB_POLICY = 3
    TRANSFER_OUTPUT_ERROR = 12
    TRANSFER_INPUT_ERROR = 13
    IWD_ERROR = 14
    STARTD_HELD_JOB = 21
    SYSTEM_POLICY = 26
    MAX_TRANSFER_INPUT_SIZE_EXCEEDED = 32
    MAX_TRANSFER_OUTPUT_SIZE_EXCEEDED = 33
    JOB_OUT_OF_RESOURCES = 34
    SINGULARITY_TEST_FAILED = 45
    JOB_DURATION_EXCEEDED = 46
    JOB_EXECUTE_EXCEEDED = 47


class JobNotification(enum.IntEnum):
    """Values of the job attribute JobNotification, which `notification` in a submit file sets."""

    NEVER = 0
    ALWAYS = 1
    COMPLETE = 2
    ERROR = 3


class DagStatus(enum.IntEnum):
    """Values of DAGMan's $DAG_STATUS."""

    OK = 0
    ERROR = 1
    NODE_FAILED = 2
    ABORT = 3
    RM = 4
    CYCLE = 5
    HALTED = 6
