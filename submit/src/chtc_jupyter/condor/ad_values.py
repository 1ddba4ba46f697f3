"""Check the values of a job ad where they come in: a job sets what it likes in its own, through chirp.

A value that isn't of its attribute's kind counts as undefined.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from chtc_condor.codes import JobStatus
from chtc_condor.notebook_look import clean
from chtc_jupyter.names import is_name

#: Characters of a sentence, of one line, of a path, and of a job's arguments or environment.
_SENTENCE, _LINE, _PATH, _WORDS = 1000, 4096, 4096, 1 << 20
#: The year 2100 in epoch seconds, and seconds and numbers that nothing reaches.
_LATEST, _LONGEST, _MOST = 4_102_444_800, 1e10, 1e15
#: IDs of jobs, which are 32-bit integers.
_MOST_JOBS = 1 << 31
_WORD = re.compile(r"[a-z][a-z_-]{0,30}")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9@._:-]{0,254}")
_PORT = re.compile(r"http://127\.0\.0\.1:([0-9]{1,5})/")

Check = Callable[[Any], Any]


def _check_number(low: float, high: float) -> Check:
    def check(found: Any) -> Any:
        is_number = isinstance(found, (int, float)) and not isinstance(found, bool)
        return found if is_number and low <= found < high else None

    return check


def _check_text(longest: int) -> Check:
    """Accept a text that is used, not only shown, as it is."""
    return lambda found: found if isinstance(found, str) and len(found) <= longest and "\0" not in found else None


def _check_line(found: Any) -> Any:
    return found if isinstance(found, str) and len(found) <= _LINE and found.isprintable() else None


def _check_pattern(pattern: re.Pattern[str]) -> Check:
    return lambda found: found if isinstance(found, str) and pattern.fullmatch(found) else None


def _clean_sentence(found: Any) -> Any:
    return clean(found, _SENTENCE) if isinstance(found, str) else None


def _check_counts(found: Any) -> Any:
    """Accept counts by reason."""
    if not isinstance(found, Mapping):
        return None
    number = _check_number(0, _MOST)
    return {clean(str(why), 100): count for why, count in found.items() if number(count) is not None}


def _check_other(found: Any) -> Any:
    if isinstance(found, bool):
        return found
    return found if isinstance(found, str) and len(found) <= _WORDS else _check_number(-_MOST, _MOST)(found)


_CHECKS: Mapping[str, Check] = {
    "ClusterId": lambda found: found if type(found) is int and 0 <= found < _MOST_JOBS else None,
    "ProcId": lambda found: found if type(found) is int and 0 <= found < _MOST_JOBS else None,
    "JobStatus": lambda found: found if type(found) is int and found in set(JobStatus) else None,
    "HoldReasonCode": lambda found: found if type(found) is int and 0 <= found < _MOST_JOBS else None,
    "NumJobStarts": _check_number(0, _MOST_JOBS),
    "ExitCode": _check_number(-_MOST_JOBS, 2 * _MOST_JOBS),
    "TransferInputSizeMB": _check_number(0, _MOST),
    "JupyterName": lambda found: found if is_name(found) else None,
    **dict.fromkeys(("JupyterState", "JupyterEnd"), _check_pattern(_WORD)),
    **dict.fromkeys(("JupyterHost", "RemoteHost"), _check_pattern(_HOST)),
    **dict.fromkeys(("JupyterReason", "HoldReason", "RemoveReason", "LastRejMatchReason"), _clean_sentence),
    **dict.fromkeys(("JupyterURL", "JupyterConnect", "Owner"), _check_line),
    **dict.fromkeys(("Iwd", "UserLog", "Out", "Err", "JupyterNotebooks"), _check_text(_PATH)),
    **dict.fromkeys(
        ("TransferOutput", "TransferOutputRemaps", "Arguments", "Args", "Environment"), _check_text(_WORDS)
    ),
    **dict.fromkeys(
        (
            "JupyterStopAt", "JupyterDeadline", "JupyterKeptUntil", "JupyterStart", "QDate", "JobCurrentStartDate",
            "JobStartDate", "EnteredCurrentStatus", "CompletionDate", "ShadowBday",
        ),
        _check_number(0, _LATEST),
    ),
    **dict.fromkeys(
        ("JupyterIdleTimeout", "JupyterIdleSeconds", "RemoteWallClockTime", "JobMaxVacateTime"),
        _check_number(0, _LONGEST),
    ),
    **dict.fromkeys(("NumHoldsByReason", "NumVacatesByReason"), _check_counts),
}  # fmt: skip
#: What a session says of one start of its job.
_OF_A_START = (
    "JupyterState", "JupyterReason", "JupyterStopAt", "JupyterDeadline", "JupyterKeptUntil", "JupyterHost",
    "JupyterURL", "JupyterConnect", "JupyterEnd",
)  # fmt: skip
#: HTCondor's names of attributes have no case, so that a job may write them in any.
_SPELLINGS = {name.lower(): name for name in _CHECKS}


def check_ad(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return an ad without the values that aren't what their attribute is.

    Nor has it what an earlier start of the job has said, which stays where the present machine forbids chirp.
    """
    named = {_SPELLINGS.get(name.lower(), name): value for name, value in found.items()}
    checked = {name: _CHECKS.get(name, _check_other)(value) for name, value in named.items()}
    start, present = checked.get("JupyterStart"), checked.get("JobCurrentStartDate")
    earlier = _OF_A_START if None not in (start, present) and start != present else ()
    return {name: value for name, value in checked.items() if value is not None and name not in earlier}


def find_port(url: object) -> int | None:
    """Return the port in the address of a session's server; None if it is no such address."""
    found = _PORT.match(str(url))
    port = int(found[1]) if found else 0
    return port if 0 < port < 1 << 16 else None
