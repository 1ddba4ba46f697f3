"""Finds what HTCondor can't carry, or would carry wrongly, in what it brings back.

Tried with HTCondor 25.14: a link to a folder, and a file that its owner can't read, put the job on hold, or arrive as
an empty file after condor_rm. So does a folder that its owner can't write, and a file where the access point has a
folder. The contents of a folder that its owner can't read, and a link to nothing, are left out in silence.
"""

from __future__ import annotations

import logging
import os
import stat
import time
from dataclasses import dataclass, field

from jupyter_session.transfer.manifest import Mode
from jupyter_session.transfer.received import Received, read_version
from jupyter_session.units.printable import escape_name

#: Folders within each other. HTCondor gives up at about 128 ("remaps resulted in a cycle").
DEEPEST = 120

_LOG = logging.getLogger(__name__)
_READ, _WRITE, _SEE = 0o400, 0o200, 0o500


@dataclass
class Obstacles:
    """What is in the way. Paths are relative to the job's folder.

    `links` are to be removed, with their texts; `modes` are to be changed; `left_out` can't be made readable; `no_file`
    are files where the access point has a folder; `read_only` are the files over which HTCondor can't write, with
    whether they are as they came. `why` says what each is; `followed` are links whose contents HTCondor carries.
    """

    links: dict[str, str] = field(default_factory=dict)
    modes: dict[str, Mode] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    no_file: list[str] = field(default_factory=list)
    read_only: dict[str, bool] = field(default_factory=dict)
    followed: list[str] = field(default_factory=list)
    why: dict[str, str] = field(default_factory=dict)
    complete: bool = True


def find_obstacles(root: str, start: str, received: Received, found: Obstacles, *, until: float) -> None:
    """Look at everything at and below `start`, and add what is in the way to `found`; stop at `until` (monotonic).

    A folder is made readable at once, for what is in it.
    """
    todo = [start]
    while todo:
        if time.monotonic() > until:
            found.complete = False
            return
        path = todo.pop()
        full = os.path.join(root, path)
        try:
            about = os.lstat(full)
            if stat.S_ISLNK(about.st_mode):
                _look_at_link(root, path, received, found)
            elif stat.S_ISDIR(about.st_mode):
                todo += _look_at_folder(full, path, about, found)
            elif stat.S_ISREG(about.st_mode):
                _look_at_file(full, path, about, received, found)
        except FileNotFoundError:  # something still runs, and has removed it
            _LOG.debug("%s is gone", escape_name(path))
        except OSError as error:
            _LOG.debug("%s is left out: %s", escape_name(path), error)
            found.left_out.append(path)
            found.why[path] = f"it can't be read ({error.strerror})"


def explain_link(root: str, path: str) -> str:
    """Return why HTCondor can't carry the link at `path`, or "" if it carries the contents of a file."""
    full = os.path.join(root, path)
    try:
        about = os.stat(full)
    except OSError as error:
        _LOG.debug("%s leads nowhere: %s", escape_name(path), error)
        return "a link to nothing"
    if stat.S_ISDIR(about.st_mode):
        return "a link to a folder"
    if not stat.S_ISREG(about.st_mode):
        return "a link to something that is not a file"
    if not os.path.realpath(full).startswith(os.path.realpath(root) + os.sep):
        return "a link out of the job's folder"
    return "" if os.access(full, os.R_OK) else "a link to an unreadable file"


def read_link(root: str, path: str) -> str:
    """Return the text of a link; a whole path into the job's folder is made relative: the next job has another one."""
    text = os.readlink(os.path.join(root, path))
    return os.path.relpath(text, os.path.join(root, os.path.dirname(path))) if text.startswith(root + os.sep) else text


def _look_at_link(root: str, path: str, received: Received, found: Obstacles) -> None:
    why = explain_link(root, path)
    if not why and (path in received.folders or path in received.read_only):
        why = "a link where the access point has something else"
    if why:
        found.links[path] = read_link(root, path)
        found.why[path] = why
    else:
        found.followed.append(path)


def _look_at_folder(full: str, path: str, about: os.stat_result, found: Obstacles) -> list[str]:
    if path.count(os.sep) >= DEEPEST:
        found.left_out.append(path)
        found.why[path] = "a folder in too many folders"
        return []
    mode = stat.S_IMODE(about.st_mode) & 0o777
    if about.st_uid == os.getuid() and mode & stat.S_IRWXU != stat.S_IRWXU:
        os.chmod(full, mode | stat.S_IRWXU)
        found.modes[path] = Mode(mode, mode | stat.S_IRWXU)
        found.why[path] = "read-only" if mode & _SEE == _SEE else "unreadable"
    return [os.path.join(path, name) for name in os.listdir(full)]


def _look_at_file(full: str, path: str, about: os.stat_result, received: Received, found: Obstacles) -> None:
    mode = stat.S_IMODE(about.st_mode) & 0o777
    if path in received.read_only:
        found.read_only[path] = received.read_only[path] == read_version(about)
    elif path in received.folders:
        found.no_file.append(path)
        found.why[path] = "a file where the access point has a folder"
    if about.st_uid == os.getuid():
        if not mode & _READ:
            found.modes[path] = Mode(mode, mode | _READ | _WRITE)
            found.why[path] = "unreadable"
    elif not os.access(full, os.R_OK):
        found.left_out.append(path)
        found.why[path] = "unreadable"
