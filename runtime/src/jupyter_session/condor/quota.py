"""Tells a full quota from the other errors for which chirp has no name.

HTCondor answers -127 for every error that it doesn't know: EDQUOT, but also EIO, EROFS, ESTALE, and ENAMETOOLONG
(IOProxyHandler::convert in condor_starter.V6.1/io_proxy_handler.cpp).
"""

from __future__ import annotations

from jupyter_session.condor.chirp import ChirpClient
from jupyter_session.condor.chirp_errors import AnswerError, QuotaError

#: What an open file's bytes need: only a quota, or a broken disk, stops them without a name.
_WRITING = frozenset(("write", "fsync", "close"))
#: What needs a place in a folder, and can also fail for the name.
_MAKING = frozenset(("open", "mkdir", "rename"))
_BLOCK = 4096  # bytes


def explain(error: AnswerError, chirp: ChirpClient, probe: str) -> AnswerError:
    """Return QuotaError in place of an error without a name, if a full quota is the reason, and otherwise that error.

    `probe` is the path of a file that doesn't matter, in a folder to which this session writes. Raises ChirpError if
    the conversation breaks off.
    """
    if not error.is_unknown or not _takes_changes(chirp, probe):
        return error
    if error.verb in _WRITING or (error.verb in _MAKING and not _has_room(chirp, probe)):
        return QuotaError()
    return error


def _takes_changes(chirp: ChirpClient, probe: str) -> bool:
    """Return whether a file can be removed, which needs no room but a disk that isn't read-only."""
    try:
        chirp.remove(probe)
    except AnswerError:
        return False
    return True


def _has_room(chirp: ChirpClient, probe: str) -> bool:
    """Return whether a file with a short name can be made and take a block."""
    try:
        descriptor = chirp.create(probe, 0o600)
        try:
            chirp.write(descriptor, b"\0" * _BLOCK)
            chirp.flush(descriptor)
        finally:
            chirp.close_file(descriptor)
            chirp.remove(probe)
    except AnswerError as error:
        return not error.is_unknown
    return True
