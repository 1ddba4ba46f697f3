"""Errors for the person who runs a session: each message is one sentence or two, and says what to do next."""


class SessionError(Exception):
    """The session can't run or can't be reached; the message is the whole explanation."""

    exit_code = 1


class UsageError(SessionError):
    """A setting or an argument is invalid."""

    exit_code = 2
