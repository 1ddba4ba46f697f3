"""Errors for the person who runs a session: one sentence that says what to do next."""


class SessionError(Exception):
    """The session can't run or can't be reached; the message is the whole explanation."""

    exit_code = 1


class UsageError(SessionError):
    """A setting or an argument can't be taken as it is."""

    exit_code = 2
