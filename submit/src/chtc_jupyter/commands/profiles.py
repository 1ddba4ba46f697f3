"""Named sets of defaults, such as the lines that the GPU machines of a pool want: `start --profile NAME`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chtc_jupyter.commands import config
from chtc_jupyter.errors import UsageError
from chtc_jupyter.names import is_name
from chtc_jupyter.ssh import search_path


def list_profiles(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the profiles in the user's defaults. Raises UsageError if the file has something else in their place."""
    found = values.get(config.PROFILES, {})
    if not isinstance(found, dict) or not all(isinstance(profile, dict) for profile in found.values()):
        raise UsageError(f"Can't read the profiles in {config.get_path()}. Correct the file or remove it.")
    return found


def apply_profile(values: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    """Return the user's defaults, with those of a profile before the general ones; `set` lines are added.

    Raises UsageError if there is no such profile.
    """
    known = list_profiles(values)
    general = {key: found for key, found in values.items() if key != config.PROFILES}
    if name is None:
        return general
    if name not in known:
        there = f"The profiles are {', '.join(sorted(known))}." if known else "There is none yet."
        raise UsageError(
            f"There is no profile {name!r}. {there} `chtc-jupyter config --profile NAME KEY VALUE` makes one."
        )
    lines = config.merge_settings(general.get("set", ()), known[name].get("set", ()))
    return {**general, **known[name], **({"set": lines} if lines else {})}


def update_profile(values: Mapping[str, Any], name: str, key: str, text: str) -> dict[str, Any]:
    """Return the defaults with one of a profile changed, or removed if the text is empty.

    A profile that has nothing any more is removed, too. Raises UsageError if the name, the key, or the value is
    invalid.
    """
    if not is_name(name):
        raise UsageError(f"Invalid profile name {name!r}. Use at most 41 letters, digits, '.', '_', and '-'.")
    if key == search_path.KEY:
        raise UsageError(f"{key} can't be in a profile: it counts for every command. Set it without --profile.")
    known = list_profiles(values)
    changed = {**known, name: config.update(known.get(name, {}), key, text)}
    kept = {one: found for one, found in changed.items() if found}
    others = {key: found for key, found in values.items() if key != config.PROFILES}
    return {**others, **({config.PROFILES: kept} if kept else {})}
