"""What this machine remembers: the user's defaults, and the sessions it has opened. Nothing secret."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chtc_jupyter.errors import NoSuchSessionError, UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Record:
    """A session that was started or opened from here. Paths are the access point's; `port` is this machine's.

    An `interactive` one lives no longer than the connection that started it.
    """

    name: str
    ap: str
    job: str
    log: str
    notebooks: str
    port: int = 0
    interactive: bool = False


def _home(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / default) / "chtc-jupyter"


def config_file() -> Path:
    """Return the file of the user's defaults."""
    return _home("XDG_CONFIG_HOME", ".config") / "config.toml"


def state_folder() -> Path:
    """Return the folder of what is remembered."""
    return _home("XDG_STATE_HOME", ".local/state")


def load_config() -> dict[str, Any]:
    """Read the user's defaults; raises UsageError where the file is no TOML."""
    try:
        return tomllib.loads(config_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{config_file()} can't be read ({error}): mend it or remove it.") from None


def save_config(values: Mapping[str, Any]) -> None:
    """Write the user's defaults: strings, numbers, truth values and lists of strings."""
    text = "".join(f"{key} = {json.dumps(found)}\n" for key, found in sorted(values.items()))
    write(config_file(), text)


def all_records() -> list[Record]:
    """Return the sessions that are remembered."""
    found = []
    for path in sorted((state_folder() / "sessions").glob("*.json")):
        with contextlib.suppress(ValueError, TypeError, OSError):
            found.append(Record(**json.loads(path.read_text(encoding="utf-8"))))
    return found


def find(name: str | None, ap: str | None = None) -> Record:
    """Return a session by its name or job; without one the only one. Raises NoSuchSessionError where none is clear."""
    known = [record for record in all_records() if ap in (None, record.ap)]
    if name is None:
        if len(known) == 1:
            return known[0]
        what = f"say which: {', '.join(record.name for record in known)}" if known else "start one, or see the list"
        raise NoSuchSessionError(f"There {'are several sessions' if known else 'is no session here'}: {what}.")
    for record in known:
        if name in (record.name, record.job, record.job.removesuffix(".0")):
            return record
    raise NoSuchSessionError(
        f"This machine knows no session {name!r}: `chtc-jupyter list` shows those of the access point."
    )


def save(record: Record) -> None:
    """Remember a session."""
    write(_path(record.name), json.dumps(asdict(record), indent=2) + "\n")


def forget(name: str) -> None:
    """Forget a session; nothing happens to its job."""
    for path in (_path(name), opener(name)):
        path.unlink(missing_ok=True)


def opener(name: str) -> Path:
    """Return the page that sends the browser on: the token in it is in no argument list."""
    return state_folder() / "sessions" / f"{name}.html"


def write_opener(name: str, url: str) -> Path:
    """Write that page, for its owner alone."""
    path = opener(name)
    write(path, f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={url}">\n')
    return path


def opened_url(name: str) -> str:
    """Return the address on that page; empty where there is none."""
    with contextlib.suppress(OSError):
        return opener(name).read_text(encoding="utf-8").partition("url=")[2].partition('"')[0]
    return ""


def _path(name: str) -> Path:
    return state_folder() / "sessions" / f"{name}.json"


def write(path: Path, text: str) -> None:
    """Write a file at once, for its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(
        os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", errors="surrogateescape"
    ) as file:
        file.write(text)
    beside.replace(path)
