"""What can go wrong, each with an exit status of its own: one sentence that says what to do next."""

from __future__ import annotations


class LauncherError(Exception):
    """Something else went wrong."""

    exit_code = 1


class UsageError(LauncherError):
    """An argument or a setting can't be taken as it is."""

    exit_code = 2


class UnreachableError(LauncherError):
    """The access point can't be reached."""

    exit_code = 10


class HostKeyError(LauncherError):
    """The access point's host key is unknown or has changed."""

    exit_code = 11


class LoginError(LauncherError):
    """The access point refused the login."""

    exit_code = 12


class PythonError(LauncherError):
    """The access point has no python3, or one older than 3.9."""

    exit_code = 13


class CondorError(LauncherError):
    """There is no HTCondor on the access point, or it does not answer."""

    exit_code = 14


class DiskError(LauncherError):
    """The disk or the quota of the home folder on the access point is full."""

    exit_code = 15


class MissingError(LauncherError):
    """The image, the notebooks folder or the submit file is not there."""

    exit_code = 20


class SubmitError(LauncherError):
    """HTCondor did not take the job."""

    exit_code = 21


class NoSuchSessionError(LauncherError):
    """There is no such session, or its name is taken, or a name is needed."""

    exit_code = 22


class HeldError(LauncherError):
    """The job is on hold."""

    exit_code = 30


class FailedError(LauncherError):
    """The session could not run."""

    exit_code = 31


class RemovedError(LauncherError):
    """The job was removed before it was ready."""

    exit_code = 32


class PolicyError(LauncherError):
    """The pool does not let anyone ssh into this job, or the access point forbids the tunnel."""

    exit_code = 33


class PortError(LauncherError):
    """The local port is taken, or another launcher has this session open."""

    exit_code = 40


def table() -> list[tuple[int, str]]:
    """Return every exit status with its meaning."""
    kinds: list[type[LauncherError]] = [LauncherError, *LauncherError.__subclasses__()]
    return [(0, "All is well."), *((kind.exit_code, kind.__doc__ or "") for kind in kinds), (130, "Ctrl-C.")]
