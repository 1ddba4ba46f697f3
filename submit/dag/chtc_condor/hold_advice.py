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
    """Advice for holds with one of the codes, or with a reason that matches the pattern (in lower case).

    In the advice, `{file}` is the file that the reason names.
    """

    pattern: str
    advice: str
    codes: tuple[Code, ...] = ()


#: HTCondor names the file that it couldn't transfer, with errno 2 (not there), 13 (permission), 21 (link to a folder).
_FILE = re.compile(r"(?:reading from|writing to) file (.+?): \(errno \d+\)")
_SENT, _RECEIVED = r"input files failure.*reading from file", r"output files failure.*reading from file"
#: The job's own folder on an execution point, which is gone.
_SCRATCH = re.compile(r".*/dir_\d+/(scratch/)?")
_LOOK = "Look at what has come back, then run {remove} to end the job; {release} would start a new session."


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
        rf"{_SENT}.*errno 21",
        "HTCondor can't transfer {file}, a link to a folder: remove it with rm (the folder that it leads to stays), or "
        "replace it with a copy of that folder; then run {release}.",
    ),
    _Rule(
        rf"{_SENT}.*errno 13",
        "HTCondor can't read {file}: run chmod u+r for it (chmod u+rx for a folder), or move it elsewhere; then run "
        "{release}.",
    ),
    _Rule(
        rf"{_SENT}.*errno 2\)",
        "There is no {file}: put it there, then run {release}; or {remove} to give the job up.",
    ),
    _Rule(
        r"input files failure.*writing to file.*errno 13",
        "HTCondor can't write {file} on the execution point, because its folder is read-only: run chmod u+w for that "
        "folder, then run {release}.",
    ),
    _Rule(
        rf"{_RECEIVED}.*errno 21",
        "The session has ended, but HTCondor can't transfer {file}, a link to a folder. " + _LOOK,
    ),
    _Rule(
        rf"{_RECEIVED}.*errno 13",
        "The session has ended, but HTCondor can't read {file}. " + _LOOK,
    ),
    _Rule(
        rf"{_RECEIVED}.*errno 2\)",
        "The session has ended, but didn't make {file}, which transfer_output_files names. " + _LOOK,
    ),
    _Rule(
        r"remaps resulted in a cycle",
        "The session has ended, but transfer_output_remaps leads a name back to itself, so not all came back: remove "
        "that from the submit file. " + _LOOK,
    ),
    _Rule(
        r"output files failure.*writing to file.*errno (13|21)",
        "HTCondor can't write {file}: check its owner and permissions (chmod u+w), then run {release}, which starts a "
        "new session; or {remove} to give the job up.",
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
    _Rule(
        r"allowed_(job|execute)_duration|longer than allowed",
        "The session reached the time limit of its submit file: {release} starts it again, and it ends again after as "
        "long; or run {remove} to give it up.",
        (Code.JOB_DURATION_EXCEEDED, Code.JOB_EXECUTE_EXCEEDED),
    ),
    _Rule(r"memory", "The session needs more memory: {more_memory}."),
    _Rule(r"disk|no space|quota", "The session needs more disk space on the execution point: {more_disk}."),
    _Rule(
        r"(?!)",
        "The machine put the job on hold by a rule of its own, such as a limit on time: {release} starts the session "
        "again, and it ends again after as long, unless another machine takes it; or run {remove} to give it up.",
        (Code.STARTD_HELD_JOB,),
    ),
    _Rule(
        r"binfmt_misc|exec format error|architecture",
        "The image is for another kind of processor than the machine has: {another_image}.",
    ),
    _Rule(
        r"image|\.sif|singularity|apptainer|container",
        "The image can't be used: {another_image}.",
        (Code.SINGULARITY_TEST_FAILED,),
    ),
    _Rule(
        r"periodic_hold|on_exit_hold",
        "A condition holds the job: {release} starts the session again, and while the condition is true it is put on "
        "hold again; or run {remove} to give it up.",
        (Code.JOB_POLICY, Code.SYSTEM_POLICY),
    ),
)
_OTHERWISE = "Run {release} to try again, or {remove} to give it up."


def advise_on_hold(reason: str, commands: Commands, code: int | None = None) -> str:
    """Return the next step for a job that is on hold, as a sentence; `code` is its HoldReasonCode, if known."""
    text = reason.lower()
    named = _FILE.search(reason)
    file = _SCRATCH.sub("", named[1]) if named and named[1].isprintable() else "a file"
    found = (rule.advice for rule in _RULES if code in rule.codes or re.search(rule.pattern, text))
    return next(found, _OTHERWISE).format(**vars(commands), file=file)
