"""Which files and folders HTCondor brings back, and to where, as the job ad says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Output:
    """A file or a folder that HTCondor brings back.

    `path` is relative to the job's folder. `there` is its path on the access point, relative to the folder of the
    submit file; None if it goes to another place. `is_folder` is True if the submit file names something in it.
    """

    path: str
    there: str | None
    is_folder: bool = False


def list_outputs(attributes: Mapping[str, object]) -> tuple[Output, ...] | None:
    """Return what the job ad says comes back; None if it doesn't say, so that HTCondor takes the files that changed.

    https://htcondor.readthedocs.io/en/latest/users-manual/file-transfer.html
    """
    listed = attributes.get("transferoutput")
    if listed is None:
        return None
    remaps = _parse_remaps(str(attributes.get("transferoutputremaps", "")))
    found: dict[str, Output] = {}
    for item in str(listed).split(","):
        path = os.path.normpath(item.strip()) if item.strip() else ""
        if path and "://" not in item:
            is_folder = any(key.startswith(path + os.sep) for key in remaps)
            found[path] = Output(path, _find_place(path, remaps, attributes), is_folder)
    return tuple(found.values())


def find_output(outputs: tuple[Output, ...], path: str) -> Output | None:
    """Return the output that `path`, relative to the job's folder, is or lies in."""
    for output in outputs:
        if path == output.path or path.startswith(output.path + os.sep):
            return output
    return None


def locate_there(outputs: tuple[Output, ...], path: str) -> str | None:
    """Return the path on the access point of what is at `path` in the job's folder; None if it isn't known."""
    output = find_output(outputs, path)
    if output is None or output.there is None:
        return None
    inside = os.path.relpath(path, output.path)
    return output.there if inside == "." else os.path.join(output.there, inside)


def _find_place(path: str, remaps: Mapping[str, str], attributes: Mapping[str, object]) -> str | None:
    if attributes.get("outputdestination") or attributes.get("outputdirectory"):
        return None
    place = remaps.get(path) or (path if attributes.get("preserverelativepaths") else os.path.basename(path))
    return None if "://" in place or any(key.startswith(path + os.sep) for key in remaps) else os.path.normpath(place)


def _parse_remaps(text: str) -> dict[str, str]:
    """Parse `NAME = NEW NAME; ...`."""
    pairs = (part.partition("=") for part in text.strip('"').split(";") if "=" in part)
    return {os.path.normpath(name.strip()): new.strip() for name, _, new in pairs if name.strip() and new.strip()}
