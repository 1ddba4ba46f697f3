"""Read the settings that a user adds to the submit description by `--set`, whatever name HTCondor has for a key."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chtc_condor.dry_run import Expression, parse_value
from chtc_jupyter.errors import UsageError

_KEY = re.compile(r"\+?[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")
_ATTRIBUTE = re.compile(r"(?:\+|my\.)(\w+)", re.IGNORECASE)
#: What `--set` must not change: the launcher finds the session by it, or it is not a key.
_OURS = {
    "log", "userlog", "initialdir", "initial_dir", "iwd", "job_iwd", "executable", "cmd", "universe", "jobuniverse",
    "jupytername", "include", "use", "if", "elif", "else", "endif",
}  # fmt: skip
#: The keys of the description, by other names that condor_submit has for them, in lower case. It takes an attribute's
#: name for its key (but drops that without an error if the key is there, too), and `+NAME` and `My.NAME` before both.
_ALIASES = {
    "transferoutput": "transfer_output_files",
    "transferinput": "transfer_input_files",
    "transferoutputremaps": "transfer_output_remaps",
    "outputdestination": "output_destination",
    "outputdirectory": "output_directory",
    "whentotransferoutput": "when_to_transfer_output",
    "shouldtransferfiles": "should_transfer_files",
    "wantioproxy": "want_io_proxy",
    "wantremoteupdates": "My.WantRemoteUpdates",
    "spoolonevict": "My.SpoolOnEvict",
    "containerimage": "container_image",
    "periodichold": "periodic_hold",
    "periodicholdreason": "periodic_hold_reason",
    "requestcpus": "request_cpus",
    "requestmemory": "request_memory",
    "requestdisk": "request_disk",
    "requestgpus": "request_gpus",
    "out": "output",
    "stdout": "output",
    "err": "error",
    "stderr": "error",
    "args": "arguments",
}


def parse_settings(texts: Sequence[str]) -> dict[str, str]:
    """Return the lines of `--set 'key = value'`, each key in its usual form; of two with one key the last counts.

    Raises UsageError if one is invalid, or not the user's to set.
    """
    found = {identify(key): (key, value) for key, value in map(parse_setting, texts)}
    return dict(found.values())


def identify(key: str) -> str:
    """Return the same text for the names of one key."""
    attribute = _ATTRIBUTE.fullmatch(key)
    return f"my.{attribute[1].lower()}" if attribute else key.lower()


def parse_setting(text: str) -> tuple[str, str]:
    """Return the key and value of `--set 'key = value'`. Raises UsageError if it is invalid, or not the user's to set.

    The value is in submit language: `$(Cluster)` and other macros work as in a submit file.
    """
    key, equals, found = (part.strip() for part in text.partition("="))
    if not equals or not _KEY.fullmatch(key):
        raise UsageError(f"Invalid setting {text!r}. Use --set 'key = value'.")
    if not found.isprintable() or found.endswith("\\"):
        raise UsageError(f"Invalid value for --set {key}. Use one line that doesn't end with a backslash.")
    attribute = _ATTRIBUTE.fullmatch(key)
    name = (attribute[1] if attribute else key).lower()
    if name in _OURS or name.startswith("queue"):
        raise UsageError(f"The launcher sets {key} itself. To use a submit file of your own, use --submit-file.")
    usual = _ALIASES.get(name, "")
    if attribute and usual and not usual.startswith("My."):
        value = parse_value(found)
        if isinstance(value, Expression) or value is None:
            raise UsageError(f"Invalid value for --set {key}. Use --set '{usual} = VALUE'.")
        return usual, str(value)
    return usual or (key if attribute else name), found
