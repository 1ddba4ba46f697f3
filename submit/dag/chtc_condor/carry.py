"""Find what HTCondor can't transfer in a job's input: links to folders, and what can't be read. Stands alone.

`PYTHON -I -c SOURCE PATH...` prints `{"obstacles": {"PATH": "why"}, "complete": true}` on the access point, where PATH
is as it stands in transfer_input_files. Tried with HTCondor 25.14:

- A link to a folder holds the job (13/21), anywhere in a folder and as the folder itself; with a slash at the end of
  the name, HTCondor follows the link.
- A file that can't be read holds the job (13/13), also by way of a link. Of a folder that can't be read, an empty one
  arrives, in silence.
- A folder that its owner can't write holds the job if something is in it (13/13): it is made with that mode first.
- A broken link, a pipe, or a socket within a folder is left out in silence.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from collections.abc import Iterator, Mapping

LINK = "a link to a folder"
UNREADABLE = "unreadable"
READ_ONLY = "a read-only folder with files in it"
MISSING = "missing"
#: Seconds after which the rest is taken for well.
PATIENCE = 20.0


def find_obstacles(folder: str, seconds: float = PATIENCE) -> dict[str, str]:
    """Return what HTCondor can't transfer of a file or folder, by its path relative to that, and why.

    What it is itself is under ".". What is not seen within `seconds` is not in it.
    """
    return inspect([folder], seconds)[0].get(folder, {})


def inspect(paths: list[str], seconds: float = PATIENCE) -> tuple[dict[str, dict[str, str]], bool]:
    """Return for each path what HTCondor can't transfer of it, and whether all of it was seen within `seconds`."""
    deadline = time.monotonic() + seconds
    found: dict[str, dict[str, str]] = {}
    try:
        for path in paths:
            for relative, why in _look_at(path, deadline):
                found.setdefault(path, {})[relative] = why
    except TimeoutError:
        return found, False
    return found, True


def list_obstacles(paths: list[str], seconds: float = PATIENCE) -> tuple[dict[str, str], bool]:
    """Return what HTCondor can't transfer, by its whole path, and whether all was seen within `seconds`."""
    found, complete = inspect(paths, seconds)
    return {
        os.path.normpath(os.path.join(path, relative)): why
        for path, obstacles in found.items()
        for relative, why in obstacles.items()
    }, complete


def describe_obstacles(obstacles: Mapping[str, str]) -> str:
    """Return what can't be transferred (full paths and why) and what to do, as a sentence or two; "" if nothing."""
    if not obstacles:
        return ""
    named = [f"{path if path.isprintable() else ascii(path)} ({why})" for path, why in sorted(obstacles.items())]
    more = f", and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    whys = set(obstacles.values())
    steps = [step for why, step in _STEPS.items() if why in whys]
    return f"HTCondor can't transfer {', '.join(named[:_NAMED])}{more}. {' '.join(steps)}"


_NAMED = 3
_STEPS = {
    MISSING: "Create what is missing, or take it out of transfer_input_files.",
    LINK: "Remove the link with `rm` (the folder that it leads to stays), or replace it with a copy of that folder.",
    UNREADABLE: "Make it readable with `chmod u+rX`, or move it elsewhere.",
    READ_ONLY: "Make the folder writable with `chmod u+w`.",
}


def _look_at(path: str, deadline: float) -> Iterator[tuple[str, str]]:
    """Yield what is in the way in what a path names; raises TimeoutError at the deadline."""
    if os.path.islink(path) and os.path.isdir(path):
        yield ".", LINK
    elif not os.path.exists(path):
        yield ".", MISSING
    elif not _is_readable(path):
        yield ".", UNREADABLE
    elif os.path.isdir(path):
        yield from _look_into(path, deadline)


def _look_into(folder: str, deadline: float) -> Iterator[tuple[str, str]]:
    waiting = [""]
    while waiting:
        within = waiting.pop()
        try:
            entries = list(os.scandir(os.path.join(folder, within)))
        except OSError as error:  # changed meanwhile
            entries = []
            if not isinstance(error, FileNotFoundError):
                yield within or ".", UNREADABLE
        if entries and not os.stat(os.path.join(folder, within)).st_mode & stat.S_IWUSR:
            yield within or ".", READ_ONLY
        for entry in entries:
            if time.monotonic() > deadline:
                raise TimeoutError
            name = os.path.join(within, entry.name)
            is_folder = os.path.isdir(entry.path)  # at the end of a link, too
            if is_folder and entry.is_symlink():
                yield name, LINK
            elif (is_folder or os.path.isfile(entry.path)) and not _is_readable(entry.path):
                yield name, UNREADABLE
            elif is_folder:
                waiting.append(name)


def _is_readable(path: str) -> bool:
    return os.access(path, os.R_OK | os.X_OK if os.path.isdir(path) else os.R_OK)


def main(paths: list[str]) -> None:
    """Print what is in the way in the paths, as JSON."""
    obstacles, complete = list_obstacles(paths)
    json.dump({"obstacles": obstacles, "complete": complete}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
