"""The errors of the launcher, each with an exit status of its own and one sentence that says what to do next."""

from __future__ import annotations

import enum


class ExitStatus(enum.IntEnum):
    """The exit statuses of `chtc-jupyter`."""

    SUCCESS = 0
    FAILURE = 1
    USAGE = 2
    UNREACHABLE = 10
    HOST_KEY = 11
    LOGIN = 12
    PYTHON = 13
    CONDOR = 14
    DISK = 15
    MISSING = 20
    SUBMIT = 21
    NO_SUCH_SESSION = 22
    HELD = 30
    SESSION_FAILED = 31
    REMOVED = 32
    POLICY = 33
    PORT = 40
    INTERRUPTED = 130


#: What each exit status means, for the help and the documentation.
MEANINGS: dict[ExitStatus, str] = {
    ExitStatus.SUCCESS: "Success.",
    ExitStatus.FAILURE: "Another error.",
    ExitStatus.USAGE: "An argument or a setting is invalid.",
    ExitStatus.UNREACHABLE: "The access point can't be reached, or the connection to it was lost.",
    ExitStatus.HOST_KEY: "The access point's host key is unknown or has changed.",
    ExitStatus.LOGIN: "The access point refused the login.",
    ExitStatus.PYTHON: "The access point has no python3 that is 3.9 or newer.",
    ExitStatus.CONDOR: "The access point has no HTCondor, or HTCondor doesn't answer.",
    ExitStatus.DISK: "The disk or your quota on the access point is full.",
    ExitStatus.MISSING: "The image, the notebooks folder, or the submit file doesn't exist.",
    ExitStatus.SUBMIT: "HTCondor rejected the job.",
    ExitStatus.NO_SUCH_SESSION: "There is no such session, its name is taken, or a name is needed.",
    ExitStatus.HELD: "The job is on hold.",
    ExitStatus.SESSION_FAILED: "The session failed.",
    ExitStatus.REMOVED: "The job was removed before the session was ready.",
    ExitStatus.POLICY: "The pool doesn't allow ssh into this job.",
    ExitStatus.PORT: "The local port is taken, or another launcher has this session open.",
    ExitStatus.INTERRUPTED: "Interrupted with Ctrl-C.",
}


class LauncherError(Exception):
    """An error that the user can act on; the message is the whole explanation."""

    exit_code = ExitStatus.FAILURE


class UsageError(LauncherError):
    """An argument or a setting is invalid."""

    exit_code = ExitStatus.USAGE


class UnreachableError(LauncherError):
    """The access point can't be reached."""

    exit_code = ExitStatus.UNREACHABLE


class HostKeyError(LauncherError):
    """The access point's host key is unknown or has changed."""

    exit_code = ExitStatus.HOST_KEY


class LoginError(LauncherError):
    """The access point refused the login."""

    exit_code = ExitStatus.LOGIN


class PythonError(LauncherError):
    """The access point has no python3, or one that is too old."""

    exit_code = ExitStatus.PYTHON


class CondorError(LauncherError):
    """The access point has no HTCondor, or HTCondor doesn't answer."""

    exit_code = ExitStatus.CONDOR


class DiskError(LauncherError):
    """The disk or the user's quota on the access point is full."""

    exit_code = ExitStatus.DISK


class MissingError(LauncherError):
    """A file or folder that the user named doesn't exist."""

    exit_code = ExitStatus.MISSING


class SubmitError(LauncherError):
    """HTCondor rejected the job."""

    exit_code = ExitStatus.SUBMIT


class NoAnswerError(LauncherError):
    """A command on the access point did not end in time: what it has done isn't known."""


class NoSuchSessionError(LauncherError):
    """There is no such session, its name is taken, or a name is needed."""

    exit_code = ExitStatus.NO_SUCH_SESSION


class HeldError(LauncherError):
    """The job is on hold."""

    exit_code = ExitStatus.HELD


class FailedError(LauncherError):
    """The session failed."""

    exit_code = ExitStatus.SESSION_FAILED


class RemovedError(LauncherError):
    """The job was removed before the session was ready."""

    exit_code = ExitStatus.REMOVED


class PolicyError(LauncherError):
    """The pool forbids the way into the job."""

    exit_code = ExitStatus.POLICY


class PortError(LauncherError):
    """The local port is taken, or another launcher has the session open."""

    exit_code = ExitStatus.PORT
