"""The sessions that were started or opened from this machine. The records have no secrets in them."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from chtc_jupyter.errors import NoSuchSessionError
from chtc_jupyter.json_text import load_json
from chtc_jupyter.names import is_name
from chtc_jupyter.paths import state_folder, write_private

_log = logging.getLogger(__name__)
_HOST = re.compile(r"[a-z0-9-]{1,60}\.localhost|127\.0\.0\.1")
_JOB = re.compile(r"[0-9]{1,10}\.[0-9]{1,10}")


@dataclass(frozen=True)
class Record:
    """A session that was started or opened from here. Paths are the access point's; `port` is this machine's.

    An `interactive` one lives no longer than the connection that started it. With `early_entry`, its job may be
    suspended for a moment at its start.
    """

    name: str
    ap: str
    job: str
    log: str
    notebooks: str
    port: int = 0
    interactive: bool = False
    early_entry: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError if the name can't be that of a session's file: it may be what a job says."""
        if not is_name(self.name):
            raise ValueError(f"{self.name!r} is no name of a session")


@dataclass(frozen=True)
class Opened:
    """Where a session is open on this machine: the port, the host name, and the secret of the launcher that has it."""

    port: int
    host: str
    secret: str = field(repr=False)


def load_records() -> list[Record]:
    """Return all sessions that are remembered."""
    return [record for path in sorted(_folder().glob("*.json")) if (record := _load(path))]


def _load(path: Path) -> Record | None:
    try:
        return _check(Record(**load_json(path.read_text(encoding="utf-8"))), path.stem)
    except (ValueError, TypeError, OSError) as error:
        _log.debug("Ignoring %s: %s", path, error)
        return None


def _check(record: Record, name: str) -> Record:
    """Return a record whose values are what they must be; raises ValueError if they aren't."""
    texts = (record.ap, record.job, record.log, record.notebooks)
    whole = all(isinstance(text, str) and text.isprintable() for text in texts) and _JOB.fullmatch(record.job)
    port = type(record.port) is int and 0 <= record.port < 1 << 16
    if not (whole and port and record.name == name and not record.ap.startswith("-")):
        raise ValueError("not a record of this session")
    return replace(record, interactive=record.interactive is True, early_entry=record.early_entry is True)


def find(name: str | None, ap: str | None = None) -> Record:
    """Return a session by its name or job, or the only one if no name is given.

    Raises NoSuchSessionError if there is no such session, or if there are several and no name is given.
    """
    known = [record for record in load_records() if ap in (None, record.ap)]
    if name is None:
        if len(known) == 1:
            return known[0]
        if known:
            raise NoSuchSessionError(
                f"There are several sessions. Give a name: {', '.join(record.name for record in known)}."
            )
        raise NoSuchSessionError("There is no session. `chtc-jupyter start` starts one.")
    for record in known:
        if name in (record.name, record.job, record.job.removesuffix(".0")):
            return record
    raise NoSuchSessionError(
        f"This machine has no record of a session {name!r}. `chtc-jupyter list` shows those on the access point."
    )


def look_up(name: str | None, ap: str | None = None) -> Record | None:
    """Return what `find` returns, or None where it raises."""
    try:
        return find(name, ap)
    except NoSuchSessionError as error:
        _log.debug("Not remembered: %s", error)
        return None


def save(record: Record) -> None:
    """Remember a session."""
    write_private(_locate(record.name, "json"), json.dumps(asdict(record), indent=2) + "\n")


def end(name: str) -> None:
    """Forget a session that has ended, but not its address: the next one of its name has the browser's cache there."""
    _locate(name, "json").unlink(missing_ok=True)


def forget(name: str) -> None:
    """Forget a session and its address; its job isn't touched."""
    for path in (_locate(name, "json"), _locate(name, "opened")):
        path.unlink(missing_ok=True)


def save_opened(name: str, opened: Opened) -> None:
    """Remember where a session is open here, readable by its owner alone."""
    write_private(_locate(name, "opened"), json.dumps(asdict(opened)) + "\n")


def load_opened(name: str) -> Opened | None:
    """Return where a session is open here, or was; None if it wasn't."""
    try:
        found = Opened(**load_json(_locate(name, "opened").read_text(encoding="utf-8")))
    except (ValueError, TypeError, OSError) as error:
        _log.debug("%s was not opened here: %s", name, error)
        return None
    whole = type(found.port) is int and isinstance(found.host, str) and isinstance(found.secret, str)
    return found if whole and 0 < found.port < 1 << 16 and _HOST.fullmatch(found.host) else None


def _locate(name: str, kind: str) -> Path:
    """Return a session's file. Raises ValueError if the name isn't one of a session: nothing else is touched."""
    if not is_name(name):
        raise ValueError(f"{name!r} is no name of a session")
    return _folder() / f"{name}.{kind}"


def _folder() -> Path:
    return state_folder() / "sessions"
