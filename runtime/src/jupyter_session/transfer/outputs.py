"""Which files and folders HTCondor brings back, and to where, as the job ad says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Output:
    """A file or a folder that HTCondor brings back.

    `path` is relative to the job's folder. `there` is its path on the access point, relative to the folder of the
    submit file; None if it goes to another place. `is_folder` is True if the submit file says that it is a folder. What
    is in one that is `spread` comes back without it, to the folder of the submit file itself.
    """

    path: str
    there: str | None
    is_folder: bool = False
    spread: bool = False


def list_outputs(attributes: Mapping[str, object]) -> tuple[Output, ...] | None:
    """Return what the job ad says comes back; None if it doesn't say, so that HTCondor takes the files that changed.

    https://htcondor.readthedocs.io/en/latest/users-manual/file-transfer.html
    """
    listed = attributes.get("transferoutput")
    if listed is None:
        return None
    remaps = _parse_remaps(str(attributes.get("transferoutputremaps", "")))
    found: dict[str, Output] = {}
    for item in split_list(listed):
        path = os.path.normpath(item)
        if "://" in item:
            continue
        if is_spread(item, attributes):
            found.setdefault(path, Output(path, os.curdir, is_folder=True, spread=True))
        else:
            is_folder = item.endswith("/") or any(_is_below(key, path) for key in remaps)
            found[path] = Output(path, _find_place(path, remaps, attributes), is_folder)
    return tuple(found.values())


def split_list(listed: object) -> list[str]:
    """Return the items of a list such as transfer_output_files."""
    return [item.strip() for item in str(listed or "").split(",") if item.strip()]


def is_spread(item: str, attributes: Mapping[str, object]) -> bool:
    """Return whether what is in an output comes back without its folder, as HTCondor takes `NAME/` and `NAME/.`.

    Tried with HTCondor 25.14: remaps don't change that, and with preserve_relative_paths the folder comes back.
    """
    return item.endswith(("/", "/.")) and attributes.get("preserverelativepaths") is not True


def find_output(outputs: tuple[Output, ...], path: str) -> Output | None:
    """Return the output that `path`, relative to the job's folder, is or lies in."""
    for output in outputs:
        if output.path in (path, os.curdir) or path.startswith(output.path + os.sep):
            return output
    return None


def locate_there(outputs: tuple[Output, ...], path: str) -> str | None:
    """Return the path on the access point of what is at `path` in the job's folder; None if it isn't known."""
    output = find_output(outputs, path)
    if output is None or output.there is None:
        return None
    return os.path.normpath(os.path.join(output.there, os.path.relpath(path, output.path)))


def find_cycle(attributes: Mapping[str, object]) -> str:
    """Return a name that transfer_output_remaps leads back to itself, or ""; HTCondor brings nothing back then."""
    remaps = _parse_remaps(str(attributes.get("transferoutputremaps", "")))
    return next((name for name in remaps if _follow(name, remaps) is None), "")


def _find_place(path: str, remaps: Mapping[str, str], attributes: Mapping[str, object]) -> str | None:
    if attributes.get("outputdestination") or attributes.get("outputdirectory"):
        return None
    name = path if attributes.get("preserverelativepaths") else os.path.basename(path)
    place = _follow(name, remaps)
    if place is None or "://" in place or any(_is_below(key, name) for key in remaps):
        return None
    return os.path.normpath(place)


def _is_below(key: str, name: str) -> bool:
    return key.rstrip("/") != name and key.startswith(name + os.sep)


def _follow(place: str, remaps: Mapping[str, str]) -> str | None:
    """Return where a name leads: HTCondor remaps it, or a folder of it, again and again; None if that has no end.

    Tried with HTCondor 25.14: names are compared as they are written, and `a = a` and `a = a/` have no end.
    """
    for _ in range(2 * len(remaps) + 2):
        folders = [place[:at] for at in range(len(place), 0, -1) if place[at : at + 1] in ("", "/")]
        folder = next((folder for folder in folders if folder in remaps), None)
        if folder is None or "://" in place:
            return place
        place = remaps[folder] + place[len(folder) :]
    return None


def _parse_remaps(text: str) -> dict[str, str]:
    """Parse `NAME = NEW NAME; ...`."""
    pairs = (part.partition("=") for part in text.strip('"').split(";") if "=" in part)
    return {name.strip(): new.strip() for name, _, new in pairs if name.strip() and new.strip()}
