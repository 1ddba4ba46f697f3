"""Look at what a job has brought back into the notebook folder on the access point, and say it in one sentence.

The launcher sends this file to the access point, where it needs nothing but Python 3.9:

    PYTHON -I -c SOURCE FOLDER JOB SINCE

It prints a Looked as JSON. SINCE is when the job started last: epoch seconds, or a time as the job's event log writes
it; empty if that isn't known. The receipt is the job's own file, so nothing in it is trusted.
"""

from __future__ import annotations

import calendar
import json
import os
import re
import stat
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

#: The receipt of the last session, in the notebook folder; bytes of it that are read.
RECEIPT, _LONGEST = ".jupyter-session/last-session.json", 1 << 20
#: Names that are kept, and characters of each, and of the reason for it.
_MOST_NAMES, _NAME, _WHY = 3, 120, 80
#: Files and seconds of the search for the newest one.
_MOST_FILES, _SECONDS = 50_000, 5.0
_DATE = re.compile(r"(?:(\d{4})-)?(\d\d)[-/](\d\d)[ T](\d\d):(\d\d):(\d\d)")
#: Seconds by which the clock of the file server may be behind that of the access point.
_SKEW = 60


@dataclass(frozen=True)
class Looked:
    """What is in the notebook folder.

    `receipt`: the job's last run has left its receipt there, which comes with the notebooks when the job ends.
    `missing` are files that the receipt names and that aren't there, with the reasons; `missing_count` counts all of
    them. `newest` is when a file there was last changed (epoch seconds), None if there is none; `saved`: since the job
    started, None if that isn't known. `later` is a job that has left its receipt there since.
    """

    folder: bool
    receipt: bool = False
    missing: Mapping[str, str] | None = None
    missing_count: int = 0
    newest: float | None = None
    saved: bool | None = False
    later: str = ""


def look(folder: str, job: str, since: str = "") -> Looked:
    """Look at a notebook folder after a job. A folder that can't be read counts as one that isn't there."""
    if not os.path.isdir(folder):
        return Looked(folder=False)
    started = parse_time(since)
    newest = _find_newest(folder)
    receipt, written = read_receipt(folder)
    own = receipt.get("job") == job and (started is None or written >= started - _SKEW)
    named = _find_named(receipt) if own else {}
    missing = {name: why for name, why in named.items() if not os.path.lexists(os.path.join(folder, name))}
    other = str(receipt.get("job"))
    unnamed = max(0, _take_count(receipt.get("set_aside")) - len(_take_names(receipt.get("set_aside")))) if own else 0
    return Looked(
        folder=True,
        receipt=own,
        missing={clean(name, _NAME): clean(why, _WHY) for name, why in list(missing.items())[:_MOST_NAMES]},
        missing_count=len(missing) + unnamed,
        newest=newest,
        saved=None if started is None else newest is not None and newest >= started,
        later=other if _is_later(other, job) else "",
    )


def _is_later(other: str, job: str) -> bool:
    """Return whether a job ID (CLUSTER.PROC) is one that the schedd has given out after another."""
    one, two = (re.fullmatch(r"(\d{1,10})\.\d{1,10}", text) for text in (other, job))
    return one is not None and two is not None and int(one[1]) > int(two[1])


def read_receipt(folder: str) -> tuple[dict[str, Any], float]:
    """Return the receipt in a notebook folder and when it was written; empty if there is none that can be read."""
    try:
        descriptor = os.open(os.path.join(folder, RECEIPT), os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            about = os.fstat(descriptor)
            found = json.loads(file.read(_LONGEST)) if stat.S_ISREG(about.st_mode) else None
    except (OSError, ValueError, RecursionError):
        return {}, 0.0
    return (found, about.st_mtime) if isinstance(found, dict) else ({}, 0.0)


def _find_named(receipt: Mapping[str, Any]) -> dict[str, str]:
    """Return the files that may not have come back: those set aside, and those not saved while the session ran."""
    saved = receipt.get("saved")
    left_out = _take_names({"names": saved.get("left_out")}) if isinstance(saved, dict) else {}
    # Of a name with an escaped character it can't be said whether it is there.
    return {
        **{name: why for name, why in left_out.items() if "\\" not in name},
        **_take_names(receipt.get("set_aside")),
    }


def _take_names(found: Any) -> dict[str, str]:
    names = found.get("names") if isinstance(found, dict) else None
    if not isinstance(names, dict):
        return {}
    return {name: str(why) for name, why in names.items() if _is_within(name)}


def _take_count(found: Any) -> int:
    count = found.get("count") if isinstance(found, dict) else 0
    return count if isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 1 << 31 else 0


def _is_within(name: str) -> bool:
    return bool(name) and "\0" not in name and not os.path.isabs(name) and ".." not in name.split("/")


def _find_newest(folder: str) -> float | None:
    """Return when a file in a folder was last changed; the session's own don't count."""
    newest: float | None = None
    seen, deadline = 0, time.monotonic() + _SECONDS
    for within, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != ".jupyter-session"]
        for name in names:
            try:
                changed = os.lstat(os.path.join(within, name)).st_mtime
            except OSError:
                continue
            newest = changed if newest is None else max(newest, changed)
        seen += len(names)
        if seen > _MOST_FILES or time.monotonic() > deadline:
            break
    return newest


def parse_time(text: str) -> float | None:
    """Return a time in epoch seconds: one that is written so, or a local one as event logs write it."""
    try:
        return float(text)
    except ValueError:
        pass
    found = _DATE.match(text)
    if not found:
        return None
    year, month, day, hours, minutes, seconds = (int(part or 0) for part in found.groups()[:6])
    now = time.localtime()
    if not year:  # of the last twelve months
        year = now.tm_year - ((month, day) > (now.tm_mon, now.tm_mday + 1))
    parts = (year, month, day, hours, minutes, seconds, 0, 0, -1)
    try:
        return float(calendar.timegm(parts) if text.endswith("Z") else time.mktime(parts))
    except (ValueError, OverflowError):
        return None


def clean(text: str, longest: int) -> str:
    """Return a text that can't break a line or a terminal, and has at most so many characters."""
    line = " ".join("".join(c if c.isprintable() else "?" for c in text).split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def parse_looked(text: str) -> Looked | None:
    """Return what this file printed on the access point; None if it printed something else."""
    try:
        found = json.loads(text)
        looked = Looked(**found)
    except (ValueError, RecursionError, TypeError):
        return None
    names = looked.missing if isinstance(looked.missing, dict) else {}
    missing = {clean(str(name), _NAME): clean(str(why), _WHY) for name, why in list(names.items())[:_MOST_NAMES]}
    newest = looked.newest if isinstance(looked.newest, (int, float)) else None
    count = looked.missing_count if isinstance(looked.missing_count, int) else len(missing)
    saved = looked.saved if isinstance(looked.saved, bool) else None
    later = clean(str(looked.later), _NAME)
    return Looked(looked.folder is True, looked.receipt is True, missing, count, newest, saved, later)


def describe(looked: Looked | None, folder: str, ap: str = "") -> str:
    """Return in a sentence what is in a notebook folder; `ap` is its access point, unless that is this machine."""
    on = f"on {ap}, " if ap else ""
    if looked is None:
        return f"It couldn't be checked whether the notebooks are {on}in {folder}."
    if not looked.folder:
        return f"No notebooks came back: there is no folder {folder}{f' on {ap}' if ap else ''}."
    if looked.receipt:
        return f"The notebooks are {on}in {folder}{_describe_missing(looked)}."
    if looked.later:
        return f"The notebooks are {on}in {folder}, which job {looked.later} has used since."
    if looked.newest is None:
        return f"Nothing came back when the job ended: the folder {folder}{f' on {ap}' if ap else ''} is empty."
    at = time.strftime("%Y-%m-%d %H:%M", time.localtime(looked.newest))
    if looked.saved:
        return (
            f"Nothing came back when the job ended: the notebooks {on}in {folder} are as they were last saved while it "
            f"ran (last change: {at})."
        )
    if looked.saved is None:
        return (
            f"The job has left no receipt, so it can't be said whether the files {on}in {folder} are from it (last "
            f"change: {at})."
        )
    return f"Nothing of the job came back: the files {on}in {folder} are those of before (last change: {at})."


def _describe_missing(looked: Looked) -> str:
    if not looked.missing_count:
        return ""
    names = [f"{name} ({why})" if why else name for name, why in (looked.missing or {}).items()]
    more = looked.missing_count - len(names)
    return f", without {', '.join([*names, *([f'{more} more'] if more > 0 else [])])}"


if __name__ == "__main__":
    print(json.dumps(asdict(look(*sys.argv[1:4]))))
