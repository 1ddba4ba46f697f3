"""Advise the user on a job that is on hold, from one table for the launcher and the DAG's scripts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chtc_condor.codes import HoldReasonCode as Code


@dataclass(frozen=True)
class Commands:
    """How the user can follow the advice: `release` and `remove` are commands, `access_point` is a name.

    The others are instructions that can follow a colon.
    """

    release: str
    remove: str
    more_memory: str
    more_disk: str
    another_image: str
    access_point: str = "the access point"


@dataclass(frozen=True)
class _Rule:
    """Advice for holds with one of the codes, or with a reason that matches the pattern (in lower case)."""

    pattern: str
    advice: str
    codes: tuple[Code, ...] = ()


#: The first that matches counts.
_RULES = (
    _Rule(
        r"via condor_hold",
        "Someone put the job on hold: run {release} to let it continue, or {remove} to give it up.",
        (Code.USER_REQUEST,),
    ),
    _Rule(
        r"transfer.*(no space|quota)",
        "The disk or your quota on {access_point} is full: free some space there, then run {release}.",
    ),
    _Rule(
        r"max_transfer_|max transfer",
        "The files are larger than {access_point} allows: move some of them elsewhere, then run {release}.",
        (Code.MAX_TRANSFER_INPUT_SIZE_EXCEEDED, Code.MAX_TRANSFER_OUTPUT_SIZE_EXCEEDED),
    ),
    _Rule(
        r"transfer",
        "A file could not be transferred: make sure that the image and the notebooks folder exist and can be read, "
        "then run {release}.",
        (Code.TRANSFER_INPUT_ERROR, Code.TRANSFER_OUTPUT_ERROR, Code.IWD_ERROR),
    ),
    _Rule(r"memory", "The session needs more memory: {more_memory}."),
    _Rule(r"disk|no space|quota", "The session needs more disk space on the execution point: {more_disk}."),
    _Rule(
        r"image|\.sif|singularity|apptainer|container",
        "The image can't be used: {another_image}.",
        (Code.SINGULARITY_TEST_FAILED,),
    ),
    _Rule(
        r"allowed_(job|execute)_duration|longer than allowed",
        "The session reached its time limit: run {release} to start it again, or {remove} to give it up.",
        (Code.JOB_DURATION_EXCEEDED, Code.JOB_EXECUTE_EXCEEDED),
    ),
)
_OTHERWISE = "Run {release} to try again, or {remove} to give it up."


def advise_on_hold(reason: str, commands: Commands, code: int | None = None) -> str:
    """Return the next step for a job that is on hold, as a sentence; `code` is its HoldReasonCode, if known."""
    text = reason.lower()
    found = (rule.advice for rule in _RULES if code in rule.codes or re.search(rule.pattern, text))
    return next(found, _OTHERWISE).format(**vars(commands))
