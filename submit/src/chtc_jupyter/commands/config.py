"""The user's defaults for `start`, which `chtc-jupyter config` shows and sets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chtc_jupyter import defaults, paths
from chtc_jupyter.condor import settings
from chtc_jupyter.condor.architecture import parse_architecture
from chtc_jupyter.condor.submit import validate_amount
from chtc_jupyter.durations import validate_duration
from chtc_jupyter.errors import UsageError
from chtc_jupyter.ssh import openssh, search_path


@dataclass(frozen=True)
class Key:
    """A default that the user can set. `builtin` says what applies while it isn't set."""

    parse: Callable[[str], Any]
    builtin: str
    help: str


def parse_bool(text: str) -> bool:
    """Return a truth value; raises UsageError if the text is not one."""
    if text.lower() not in ("true", "false", "yes", "no", "on", "off"):
        raise UsageError(f"Invalid value {text!r}. Use true or false.")
    return text.lower() in ("true", "yes", "on")


def parse_count(text: str) -> int:
    """Return a whole number; raises UsageError if the text is not one."""
    if not (text.isascii() and text.isdecimal()):
        raise UsageError(f"Invalid value {text!r}. Use a whole number.")
    return int(text)


def parse_cpus(text: str) -> int:
    """Return a number of CPU cores; raises UsageError if the text is not one, or is 0."""
    if (cpus := parse_count(text)) == 0:
        raise UsageError("Invalid value '0'. A session needs at least 1 core.")
    return cpus


def parse_text(text: str) -> str:
    """Return a text of one line; raises UsageError if it has a control character."""
    if not text.isprintable():
        raise UsageError(f"Invalid value {text!r}. Write it on one line, without control characters.")
    return text


def _parse_timeout(text: str) -> str:
    return validate_duration(text, never=True)


def _parse_memory(text: str) -> str:
    return validate_amount(text, "memory")


def _parse_gpu_memory(text: str) -> str:
    return validate_amount(text, "GPU memory")


def _parse_disk(text: str) -> str:
    return validate_amount(text, "disk")


def parse_settings(text: str) -> list[str]:
    """Return the settings of a list such as `+A = true; B = 2`; raises UsageError if one isn't a setting."""
    parts = [part.strip() for part in _SEPARATOR.split(text) if part.strip()]
    settings.parse_settings(parts)
    return parts


def merge_settings(kept: Sequence[str], given: Sequence[str]) -> list[str]:
    """Return the settings of the config and those of the command line, which win."""
    keys = set(map(get_setting_key, given))
    return [*(setting for setting in kept if get_setting_key(setting) not in keys), *given]


def get_setting_key(setting: str) -> str:
    """Return the key of a setting `KEY = VALUE`, the same for all of its names."""
    return settings.identify(setting.partition("=")[0].strip())


#: A semicolon that is in no string.
_SEPARATOR = re.compile(r';(?=(?:[^"]*"[^"]*")*[^"]*$)')
#: The table of the file that has the profiles, by name.
PROFILES = "profiles"
#: What `config` can set.
KEYS: dict[str, Key] = {
    "ap": Key(openssh.validate_access_point, "none", "Access point, as USER@HOST or a Host of ~/.ssh/config."),
    search_path.KEY: Key(
        search_path.parse_folders,
        "where they usually are",
        "Folders on the access point that have python3 or HTCondor's commands: /opt/condor/bin:~/python/bin.",
    ),
    "image": Key(parse_text, "~/jupyter/jupyter.sif", "Container image: a path on the access point, or a URL."),
    "arch": Key(parse_architecture, "that of the image", "Architecture of the machine: x86_64 or aarch64 (ARM)."),
    "notebooks": Key(parse_text, "~/jupyter/NAME/notebooks", "Notebooks folder on the access point."),
    "gpus": Key(parse_count, "0", "Number of GPUs."),
    "gpu_memory": Key(_parse_gpu_memory, "any", "Minimum memory of each GPU, such as 20GB."),
    "cpus": Key(parse_cpus, "1", "Number of CPU cores."),
    "memory": Key(_parse_memory, "4GB", "Memory, such as 16GB."),
    "disk": Key(_parse_disk, "8GB", "Disk, including the image and the notebooks."),
    "idle_timeout": Key(_parse_timeout, "30m", "Inactivity after which the session shuts down, or never."),
    "max_runtime": Key(_parse_timeout, "never", "Time after which the session shuts down, even if it is in use."),
    "set": Key(parse_settings, "none", "Lines to add to the submit file: 'KEY = VALUE; KEY = VALUE'."),
    "browser": Key(parse_bool, "true", "Whether to open the browser when the session is ready."),
    "notify": Key(parse_bool, "false", "Whether to notify you when the session is ready."),
    "early_entry": Key(
        parse_bool,
        "true",
        "Whether to suspend the job for a moment at its start, so that its page is there seconds sooner.",
    ),
    "keep_address": Key(
        parse_bool,
        "true unless others have an account on this machine",
        "Whether a session keeps its address, so that an open tab and the browser's cache go on with the next start.",
    ),
    "host_name": Key(
        parse_bool, "true", "Whether addresses have a name of their own, such as lab-1a2b3c.localhost, or 127.0.0.1."
    ),
}  # fmt: skip


get_path, load = defaults.get_path, defaults.load


def save(values: Mapping[str, Any]) -> None:
    """Write the user's defaults, and their profiles.

    Values are strings without control characters, lists of such, numbers, and truth values.
    """
    general = {key: found for key, found in values.items() if key != PROFILES}
    tables = [
        f"\n[{PROFILES}.{json.dumps(name)}]\n{_render(profile)}"
        for name, profile in sorted(values.get(PROFILES, {}).items())
    ]
    paths.write_private(get_path(), "".join([_render(general), *tables]))


def _render(values: Mapping[str, Any]) -> str:
    # Such a string is the same in JSON and in TOML, as long as JSON leaves what isn't ASCII as it is.
    return "".join(f"{key} = {json.dumps(found, ensure_ascii=False)}\n" for key, found in sorted(values.items()))


def check_key(key: str) -> None:
    """Raise UsageError if there is no such key."""
    if key not in KEYS:
        raise UsageError(f"There is no setting {key!r}. The settings are {', '.join(KEYS)}.")


def update(values: Mapping[str, Any], key: str, text: str) -> dict[str, Any]:
    """Return the values with one changed, or removed if the text is empty.

    Raises UsageError if there is no such key or the value is invalid.
    """
    check_key(key)
    others = {name: found for name, found in values.items() if name != key}
    return {**others, key: KEYS[key].parse(text)} if text else others


def describe_value(key: str, values: Mapping[str, Any]) -> str:
    """Return a line that shows a key and its value, or what applies while it isn't set."""
    if key not in values:
        return f"{key} is not set (default: {KEYS[key].builtin})"
    found = values[key]
    if isinstance(found, list):
        return f"{key} = {'; '.join(map(str, found))}"
    return f"{key} = {json.dumps(found) if isinstance(found, bool) else found}"


def render_help() -> str:
    """Return the list of keys for the help, in Markdown."""
    return "**Settings**\n\n" + "\n\n".join(
        f"- `{name}`: {key.help} Default: {key.builtin}." for name, key in KEYS.items()
    )
