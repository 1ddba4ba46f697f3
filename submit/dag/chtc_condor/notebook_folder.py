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
    """Return where the notebooks come back to on the access point: relative to Iwd, or absolute."""
    ad = {name.lower(): value for name, value in ad.items()}
    wanted = find_name(ad)
    outputs = split_list(ad.get("transferoutput"))
    given = next((name for name in outputs if posixpath.normpath(name) == wanted), wanted)
    remaps = split_remaps(ad.get("transferoutputremaps"))
    return remaps.get(given) or remaps.get(given.rstrip("/")) or come_back(ad, wanted)


def come_back(ad: Mapping[str, Any], output: str) -> str:
    """Return where an output comes back to, relative to Iwd, if no remap names it; the ad's names in lower case."""
    return output if ad.get("preserverelativepaths") is True else posixpath.basename(output)
