"""The submit description as data, and how a value is written in it."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chtc_jupyter.durations import validate_duration
from chtc_jupyter.errors import UsageError

_KEY = re.compile(r"\+?[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,40}")
_AMOUNT = re.compile(r"\d+(\.\d+)?\s*([KMGT]i?B?)?", re.IGNORECASE)
_PATH = re.compile(r"[\w./@+=:~ -]+")
#: What `--set` may not touch: the session is found by it, or it is no key.
_OURS = {"log", "queue", "initialdir", "iwd", "initial_dir", "executable", "universe", "include", "if", "else", "endif"}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a session is asked to be. None: as the submit file or the runtime has it. Paths are the access point's."""

    name: str
    folder: str
    notebooks: str
    image: str
    gpus: int | None = None
    gpu_memory: str | None = None
    cpus: int | None = None
    memory: str | None = None
    disk: str | None = None
    idle_timeout: str | None = None
    max_runtime: str | None = None
    settings: Sequence[str] = field(default=())


def quote_value(text: str) -> str:
    """Write a literal value of a submit description; raises UsageError where that can't be done.

    A value goes from the first to the last character of its line that is not a space; `$(NAME)` is replaced in it, so
    that `$` itself is written `$(DOLLAR)`; a backslash at the end would take the next line in.
    """
    if not text.isprintable():
        raise UsageError(f"{text!r} has a line break or a control character in it: write it on one line.")
    if text != text.strip() or text.endswith("\\"):
        raise UsageError(f"{text!r} begins or ends with a space, or ends with a backslash: HTCondor would drop it.")
    return text.replace("$", "$(DOLLAR)")


def quote_arguments(words: Sequence[str]) -> str:
    """Write an `arguments` line in HTCondor's new syntax: words with spaces or quotes in single quotes."""

    def quoted(word: str) -> str:
        inner = word.replace('"', '""').replace("'", "''")
        return f"'{inner}'" if not word or re.search(r"[\s']", word) else inner

    return '"' + " ".join(quote_value(quoted(word)) for word in words) + '"'


def quote_string(text: str) -> str:
    """Write a ClassAd string."""
    return '"' + quote_value(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def validate_name(text: str) -> str:
    """Return a session's name; raises UsageError where it is none."""
    if not _NAME.fullmatch(text):
        raise UsageError(f"{text!r} is no name for a session: use letters, digits, '.', '_', '-', at most 41 of them.")
    return text


def validate_path(text: str, what: str) -> str:
    """Return a path on the access point; raises UsageError where HTCondor's lists could not hold it."""
    if not _PATH.fullmatch(text) or text.startswith("-") or text != text.strip() or not text.isprintable():
        raise UsageError(
            f"{text!r} can't be {what}: HTCondor has it in a list, so use letters, digits, spaces and . / _ - @ + = :"
        )
    return text


def parse_setting(text: str) -> tuple[str, str]:
    """Return key and value of a `--set 'key = value'`; raises UsageError where it is none, or one of ours.

    The value is the user's own submit language: `$(Cluster)` and the like mean in it what they mean in a submit file.
    """
    key, equals, found = (part.strip() for part in text.partition("="))
    if not equals or not _KEY.fullmatch(key):
        raise UsageError(f"--set {text!r} is no `key = value`.")
    if not found.isprintable() or found.endswith("\\"):
        raise UsageError(f"--set {key}: a value is one line, and does not end with a backslash.")
    if key.lower() in _OURS:
        raise UsageError(f"--set {key}: the launcher sets that itself; use --submit-file for a job of your own.")
    return key, found


def _checked(text: str, pattern: re.Pattern[str], what: str) -> str:
    if not pattern.fullmatch(text):
        raise UsageError(f"{text!r} is no {what}.")
    return quote_value(text)


def render_request(request: Request) -> dict[str, str]:
    """Return the lines for what was asked for, and nothing else."""
    lines: dict[str, str] = {}
    if request.cpus is not None:
        lines["request_cpus"] = str(request.cpus)
    if request.memory is not None:
        lines["request_memory"] = _checked(request.memory, _AMOUNT, "amount of memory, like 16GB")
    if request.disk is not None:
        lines["request_disk"] = _checked(request.disk, _AMOUNT, "amount of disk, like 20GB")
    if request.gpus:
        lines["request_gpus"] = str(request.gpus)
    if request.gpu_memory is not None:
        lines["gpus_minimum_memory"] = _checked(request.gpu_memory, _AMOUNT, "amount of GPU memory, like 20GB")
        lines.setdefault("request_gpus", "1")
    if words := build_session_arguments(request):
        lines["arguments"] = quote_arguments(words)
    lines["My.JupyterName"] = quote_string(request.name)
    return lines | dict(parse_setting(text) for text in request.settings)


def build_session_arguments(request: Request) -> list[str]:
    """Return the words after `jupyter-session run` for what was asked for."""
    words = []
    for flag, duration in (("--idle-timeout", request.idle_timeout), ("--max-runtime", request.max_runtime)):
        if duration is not None:
            words += [flag, validate_duration(duration, never=True)]
    base = posixpath.basename(request.notebooks)
    if base != "notebooks":
        words += ["--notebooks", base]
    return words


def build_description(request: Request) -> dict[str, str]:
    """Return the whole submit description, as keys and values: submit/jupyter.sub with what was asked for."""
    notebooks, base = posixpath.split(request.notebooks)
    logs = f"{request.folder}/jupyter-$(Cluster)"
    return {
        "container_image": quote_value(request.image),
        "initialdir": quote_value(notebooks),
        "transfer_input_files": quote_value(base),
        "transfer_output_files": quote_value(base),
        "when_to_transfer_output": "ON_EXIT_OR_EVICT",
        "My.SpoolOnEvict": "false",
        "should_transfer_files": "yes",
        "want_io_proxy": "true",
        "periodic_hold": "NumVacatesByReason.SingularityTestFailed >= 3",
        "periodic_hold_reason": quote_string("The image could not be started three times: the log says why"),
        "request_cpus": "1",
        "request_memory": "4GB",
        "request_disk": "8GB",
        **render_request(request),
        "log": f"{logs}.log",
        "output": f"{logs}.out",
        "error": f"{logs}.err",
    }


def render_submit_file(lines: Mapping[str, str]) -> str:
    """Return a submit file."""
    return "".join([*(f"{key} = {found}\n" for key, found in lines.items()), "queue\n"])


def append_arguments(lines: Mapping[str, str]) -> list[str]:
    """Return the words that add lines to a submit file of the user's."""
    return [word for key, found in lines.items() for word in ("-append", f"{key} = {found}")]


def shell_line(request: Request) -> str:
    """Return what starts the session in the shell of an interactive job, whose runscript does not run."""
    return f"exec jupyter-session run {shlex.join(build_session_arguments(request))} </dev/null\n"


def quote_shell(words: Sequence[str]) -> str:
    """Return words as a line to paste into a shell."""
    return shlex.join(words)
