"""What chirp answers instead of a result, with HTCondor's own names (src/condor_chirp/chirp_protocol.h)."""

from __future__ import annotations

from enum import IntEnum


class ChirpCode(IntEnum):
    """The codes of chirp's error answers."""

    NOT_AUTHENTICATED = -1
    NOT_AUTHORIZED = -2
    DOESNT_EXIST = -3
    ALREADY_EXISTS = -4
    TOO_BIG = -5
    NO_SPACE = -6
    NO_MEMORY = -7
    INVALID_REQUEST = -8
    TOO_MANY_OPEN = -9
    BUSY = -10
    TRY_AGAIN = -11
    BAD_FD = -12
    IS_DIR = -13
    NOT_DIR = -14
    NOT_EMPTY = -15
    CROSS_DEVICE_LINK = -16
    OFFLINE = -17
    UNKNOWN = -127


#: The codes after which the conversation is of no more use.
CONNECTION_IS_LOST = frozenset((ChirpCode.NOT_AUTHENTICATED, ChirpCode.OFFLINE))

_SENTENCES: dict[int, str] = {
    ChirpCode.NOT_AUTHENTICATED: "the starter does not know the job's cookie",
    ChirpCode.NOT_AUTHORIZED: "no permission there",
    ChirpCode.DOESNT_EXIST: "it is not there",
    ChirpCode.ALREADY_EXISTS: "it is there already",
    ChirpCode.TOO_BIG: "too big",
    ChirpCode.NO_SPACE: "no space left there",
    ChirpCode.NO_MEMORY: "no memory left there",
    ChirpCode.INVALID_REQUEST: "HTCondor refuses the request",
    ChirpCode.TOO_MANY_OPEN: "too many open files there",
    ChirpCode.BUSY: "it is in use there",
    ChirpCode.TRY_AGAIN: "not possible now",
    ChirpCode.BAD_FD: "the file is not open",
    ChirpCode.IS_DIR: "it is a folder there",
    ChirpCode.NOT_DIR: "no folder there",
    ChirpCode.NOT_EMPTY: "the folder there is not empty",
    ChirpCode.OFFLINE: "HTCondor has lost its connection to the access point",
}


class ChirpError(Exception):
    """Chirp isn't there, or the conversation broke off. The message has what came back."""


class AnswerError(ChirpError):
    """The access point can't or won't do this one thing. The conversation goes on."""

    def __init__(self, code: int, verb: str = "") -> None:
        super().__init__(describe_code(code))
        self.code = code
        self.verb = verb

    @property
    def is_unknown(self) -> bool:
        """Whether chirp has no name for what happened: a full quota (EDQUOT), but also EIO, EROFS, and others."""
        return self.code == ChirpCode.UNKNOWN

    @property
    def is_missing(self) -> bool:
        """Whether the file isn't there."""
        return self.code == ChirpCode.DOESNT_EXIST

    @property
    def is_invalid_request(self) -> bool:
        """Whether HTCondor doesn't accept this request from this job at all."""
        return self.code == ChirpCode.INVALID_REQUEST


class QuotaError(AnswerError):
    """A quota there is full: of bytes or of files. Chirp doesn't name it; `quota` tells how it is known."""

    def __init__(self) -> None:
        super().__init__(ChirpCode.UNKNOWN)
        self.args = ("a quota there is full, of space or of the number of files",)


class ChirpRefusedError(AnswerError):
    """The job isn't allowed to do that with chirp. Trying again doesn't help."""


def describe_code(code: int) -> str:
    """Return what a code means, as the end of a sentence."""
    return _SENTENCES.get(code, f"an error there that chirp does not name ({code})")
