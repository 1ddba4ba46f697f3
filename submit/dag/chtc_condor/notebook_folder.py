"""Find a session's notebook folder from its job's ad: in the job, and on the access point, through remaps."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Mapping
from typing import Any

from chtc_condor.dry_run import split_list, split_remaps, split_words


def find_name(ad: Mapping[str, Any]) -> str:
    """Return the notebook folder, relative to the job's, as the session itself finds its setting."""
    ad = {name.lower(): value for name, value in ad.items()}
    found = str(ad.get("jupyternotebooks") or "notebooks")
    for word in split_words(str(ad.get("environment") or "")):
        variable, equals, value = word.partition("=")
        if variable == "JUPYTER_SESSION_NOTEBOOKS" and equals:
            found = value
    words = list_words(ad)
    for word, following in zip(words, [*words[1:], ""]):
        if word.startswith("--notebooks="):
            found = word.partition("=")[2]
        elif word == "--notebooks":
            found = following
    return posixpath.normpath(found or "notebooks")


def list_words(ad: Mapping[str, Any]) -> list[str]:
    """Return the arguments of a job; a command for a shell among them (`-c COMMAND`) as its words."""
    words = split_words(str(ad.get("arguments") or ad.get("args") or ""))
    return [part for word in words for part in (_split_command(word) if "jupyter-session" in word else [word])]


def _split_command(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # a quote that nothing closes
        return command.split()


def find_folder(ad: Mapping[str, Any]) -> str:
    """Return where the notebooks come back to on the access point: relative to Iwd, or absolute.

    With a slash at the end of its name, what is in the folder comes back to Iwd itself.
    """
    ad = {name.lower(): value for name, value in ad.items()}
    wanted = find_name(ad)
    remaps = split_remaps(ad.get("transferoutputremaps"))
    outputs = split_list(ad.get("transferoutput"))
    same = [output for output in outputs if posixpath.normpath(output) == wanted]
    if same and all(is_spread(ad, output) for output in same):
        return str(ad.get("iwd") or ".")
    home = come_back(ad, wanted)
    place = follow_remaps(home, remaps) or home
    return place if "://" in place else posixpath.normpath(place)


def is_spread(ad: Mapping[str, Any], output: str) -> bool:
    """Return whether what is in an output comes back without its folder, as HTCondor takes `NAME/` and `NAME/.`.

    Tried with HTCondor 25.14: remaps don't change that. The ad's names are in lower case.
    """
    return output.endswith(("/", "/.")) and ad.get("preserverelativepaths") is not True


def follow_remaps(place: str, remaps: Mapping[str, str]) -> str | None:
    """Return where a name leads: HTCondor remaps it, or a folder of it, again and again; None if that has no end.

    Tried with HTCondor 25.14: names are compared as they are written, and `a = a` and `a = a/` have no end, for which
    it puts the job on hold at its end.
    """
    for _ in range(2 * len(remaps) + 2):
        folders = [place[:at] for at in range(len(place), 0, -1) if place[at : at + 1] in ("", "/")]
        folder = next((folder for folder in folders if remaps.get(folder)), None)
        if folder is None or "://" in place:
            return place
        place = remaps[folder] + place[len(folder) :]
    return None


def come_back(ad: Mapping[str, Any], output: str) -> str:
    """Return where an output comes back to, relative to Iwd, if no remap names it; the ad's names in lower case."""
    return output if ad.get("preserverelativepaths") is True else posixpath.basename(output)
