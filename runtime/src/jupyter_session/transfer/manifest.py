"""The list of what was set aside at the end of a session, for the next one. It comes back with the notebooks."""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from jupyter_session.files import write_atomically
from jupyter_session.saveback.saver import LIST
from jupyter_session.transfer import own_folder

NAME = LIST

_LOG = logging.getLogger(__name__)
_LARGEST = 32 << 20  # bytes
_LONGEST = 4095  # bytes of a path, or of a link's text
_MOST = 100_000
_ALL = 0o777


class Mode(NamedTuple):
    """The permissions that a file had, and those with which HTCondor carried it."""

    before: int
    sent: int


@dataclass(frozen=True)
class Manifest:
    """What was set aside: links, with their texts, and permissions. Paths are relative to the job's folder."""

    links: Mapping[str, str] = field(default_factory=dict)
    modes: Mapping[str, Mode] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.links or self.modes)


class DamagedError(Exception):
    """There is a list, but it can't be used."""


def read_manifest(notebooks: Path) -> Manifest:
    """Read the list in a notebook folder; it is empty if there is none. Raises DamagedError."""
    path = notebooks / own_folder.NAME / NAME
    try:
        if not stat.S_ISDIR(path.parent.lstat().st_mode):
            return Manifest()
        if stat.S_ISDIR(path.lstat().st_mode):
            raise DamagedError("it is a folder")
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return Manifest()
    except OSError as error:
        raise DamagedError(str(error.strerror)) from error
    with open(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_size > _LARGEST:
            raise DamagedError("it is not a file, or too large")
        return parse_manifest(file.read(_LARGEST))


def make_room(notebooks: Path) -> None:
    """Give all that is in the place of the list another name. Raises OSError if that can't be done."""
    path = own_folder.ensure(notebooks) / NAME
    if path.is_symlink():
        path.unlink()
    own_folder.clear_name(path)


def shorten(manifest: Manifest) -> Manifest:
    """Return as much of a list as will be read again."""
    most = _MOST
    while True:
        links = dict(sorted(manifest.links.items())[:most])
        short = Manifest(links, dict(sorted(manifest.modes.items())[: most - len(links)]))
        if len(render_manifest(short)) <= _LARGEST:
            return short
        most //= 2


def write_manifest(notebooks: Path, manifest: Manifest) -> None:
    """Write the list into a notebook folder; an empty one only over another. Raises OSError."""
    path = notebooks / own_folder.NAME / NAME
    if not manifest and not os.path.lexists(path):
        return
    make_room(notebooks)
    write_atomically(path, render_manifest(manifest))


def render_manifest(manifest: Manifest) -> str:
    """Return the list as JSON. Bytes that aren't UTF-8 are escaped as Python's surrogates."""
    return json.dumps({"version": 1, "links": manifest.links, "modes": manifest.modes}, indent=1, sort_keys=True) + "\n"


def parse_manifest(text: bytes) -> Manifest:
    """Parse a list, whoever wrote it: only what is safe to put back is in the result. Raises DamagedError."""
    try:
        found = json.loads(text)
        links, modes = found["links"], found["modes"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedError(repr(error)) from error
    if not (isinstance(links, dict) and isinstance(modes, dict)) or len(links) + len(modes) > _MOST:
        raise DamagedError("it is not such a list, or too long")
    return Manifest(
        {path: text for path, text in links.items() if is_safe_path(path) and _is_text(text)},
        {path: Mode(*mode) for path, mode in modes.items() if is_safe_path(path) and _is_mode(mode)},
    )


def is_safe_path(path: str) -> bool:
    """Return whether a path leads down from the job's folder, and not to the session's own files."""
    parts = path.split(os.sep)
    return _is_text(path) and not {"", ".", "..", own_folder.NAME} & set(parts)


def _is_text(text: Any) -> bool:
    if not isinstance(text, str) or not text or "\0" in text:
        return False
    try:
        return len(os.fsencode(text)) <= _LONGEST
    except UnicodeEncodeError as error:
        _LOG.debug("not a name: %s", error)
        return False


def _is_mode(mode: Any) -> bool:
    return (
        isinstance(mode, list)
        and len(mode) == len(Mode._fields)
        and all(isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= _ALL for number in mode)
        and not mode[0] & ~mode[1]  # what was set aside had fewer permissions
    )
