"""Build a submit description as data, and quote the values in it."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from chtc_jupyter.condor import architecture, promises, settings
from chtc_jupyter.durations import validate_duration
from chtc_jupyter.errors import UsageError
from chtc_jupyter.names import is_name

#: The job attributes that stand for arguments of `jupyter-session run`, which count before them.
SETTINGS: Mapping[str, str] = {
    "--idle-timeout": "My.JupyterIdleTimeout",
    "--max-runtime": "My.JupyterMaxRuntime",
    "--notebooks": "My.JupyterNotebooks",
}
_AMOUNT = re.compile(r"\d+(\.\d+)?\s*([KMGT]i?B?)?", re.IGNORECASE)
#: Whether the image can't be started. Apptainer looks for binfmt_misc if the image is for another architecture.
_UNSTARTABLE = (
    "NumVacatesByReason.SingularityTestFailed >= "
    'ifThenElse(regexp("binfmt_misc|architecture", VacateReason) =?= true, 1, 3)'
)
_UNSTARTABLE_REASON = (
    'ifThenElse(NumVacatesByReason.SingularityTestFailed < 3, "The image is for machines of another architecture", '
    '"The image could not be started three times: see the job\'s event log")'
)
_PATH = re.compile(r"[\w./@+=:~ -]+")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asks for. None is the default of the submit file or the runtime. Paths are the access point's."""

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
    arch: str | None = None
    inputs: Sequence[str] = field(default=())
    settings: Sequence[str] = field(default=())


def quote_value(text: str) -> str:
    """Return a literal value for a submit description. Raises UsageError if it can't be written.

    HTCondor strips spaces at both ends of a value, and expands `$(NAME)` in it, so that `$` itself is written
    `$(DOLLAR)`. A backslash at the end would continue the value on the next line.
    """
    if not text.isprintable():
        raise UsageError(f"{text!r} contains a line break or a control character. Write it on one line.")
    if text != text.strip() or text.endswith("\\"):
        raise UsageError(f"{text!r} begins or ends with a space, or ends with a backslash, which HTCondor would drop.")
    return text.replace("$", "$(DOLLAR)")


def quote_arguments(arguments: Sequence[str]) -> str:
    """Return a value for `arguments` in HTCondor's new syntax, with single quotes where spaces or quotes need them."""

    def quote(argument: str) -> str:
        inner = argument.replace('"', '""').replace("'", "''")
        return f"'{inner}'" if not argument or re.search(r"[\s']", argument) else inner

    return '"' + " ".join(quote_value(quote(argument)) for argument in arguments) + '"'


def quote_string(text: str) -> str:
    """Return a text as a ClassAd string."""
    return '"' + quote_value(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def validate_name(text: str) -> str:
    """Return a session's name. Raises UsageError if it is invalid."""
    if not is_name(text):
        raise UsageError(f"Invalid session name {text!r}. Use at most 41 letters, digits, '.', '_', and '-'.")
    return text


def validate_path(text: str, what: str) -> str:
    """Return a path on the access point. Raises UsageError if HTCondor's lists can't contain it."""
    if not _PATH.fullmatch(text) or text.startswith("-") or text != text.strip() or not text.isprintable():
        raise UsageError(
            f"{text!r} can't be {what}. In HTCondor's lists, use only letters, digits, spaces, and . / _ - @ + = :"
        )
    return text


def validate_input(text: str) -> str:
    """Return a file, a folder, or a URL that goes along with the job. Raises UsageError if HTCondor can't take it."""
    if "://" in text:
        if not text.isprintable() or re.search(r"[\s,]", text) or text.endswith("/"):
            raise UsageError(f"{text!r} can't be an input: a URL names one file, and has neither spaces nor commas.")
        return text
    validate_path(text, "an input")
    if name_input(text) in ("", ".", "..", "~"):
        raise UsageError(f"{text!r} can't be an input. Name a file or a folder.")
    return text


def name_input(text: str) -> str:
    """Return the name that an input has in the session."""
    return posixpath.basename((urlsplit(text).path if "://" in text else text).rstrip("/"))


def add_inputs(lines: dict[str, str], request: Request) -> None:
    """Add to a description what goes along with the job. Raises UsageError if two things have one name."""
    taken = {
        posixpath.basename(request.notebooks): "the notebook folder",
        posixpath.basename(request.image): "the image",
    }
    for path in request.inputs:
        name = name_input(validate_input(path))
        if name in taken:
            raise UsageError(f"The input {path} would have the name of {taken[name]}. Rename one of them.")
        taken[name] = path
    key = next((key for key in lines if key.lower() == "transfer_input_files"), "transfer_input_files")
    # With a slash at its end, HTCondor would bring what is in a folder without it.
    inputs = [quote_value(path.rstrip("/")) for path in request.inputs]
    lines[key] = ", ".join([*filter(None, [lines.get(key, "")]), *inputs])


def validate_amount(text: str, what: str) -> str:
    """Return an amount of `what`, such as 16GB, for a submit description; raises UsageError if it isn't one."""
    if not _AMOUNT.fullmatch(text):
        raise UsageError(f"Invalid amount of {what} {text!r}. Use a value such as 16GB.")
    return quote_value(text)


def render_request(request: Request) -> dict[str, str]:
    """Return the lines for what the user asks for, and nothing else."""
    lines: dict[str, str] = {}
    if request.cpus is not None:
        lines["request_cpus"] = str(request.cpus)
    if request.memory is not None:
        lines["request_memory"] = validate_amount(request.memory, "memory")
    if request.disk is not None:
        lines["request_disk"] = validate_amount(request.disk, "disk")
    if request.gpus:
        lines["request_gpus"] = str(request.gpus)
    if request.gpu_memory is not None:
        lines["gpus_minimum_memory"] = validate_amount(request.gpu_memory, "GPU memory")
        lines.setdefault("request_gpus", "1")
    if arguments := build_session_arguments(request):
        lines["arguments"] = quote_arguments(arguments)
    lines["My.JupyterName"] = quote_string(request.name)
    own = settings.parse_settings(request.settings)
    if request.arch:
        name = next((key for key in own if key.lower() == "requirements"), "requirements")
        own[name] = architecture.combine(own.get(name), request.arch)
    return lines | own


def render_own_request(request: Request) -> dict[str, str]:
    """Return the lines for what the user asks for that are added to a submit file of their own: it has arguments."""
    lines = render_request(
        replace(request, idle_timeout=None, max_runtime=None, notebooks="notebooks", arch=None, settings=())
    )
    own = {SETTINGS[flag]: quote_string(value) for flag, value in _list_session_settings(request)}
    return lines | own | settings.parse_settings(request.settings)


def build_session_arguments(request: Request) -> list[str]:
    """Return the arguments of `jupyter-session run` for what the user asks for."""
    return [word for setting in _list_session_settings(request) for word in setting]


def _list_session_settings(request: Request) -> Iterator[tuple[str, str]]:
    """Yield the settings of the session that the user asks for: the flags of SETTINGS, and their values."""
    for flag, duration in (("--idle-timeout", request.idle_timeout), ("--max-runtime", request.max_runtime)):
        if duration is not None:
            yield flag, validate_duration(duration, never=True)
    base = posixpath.basename(request.notebooks)
    if base != "notebooks":
        yield "--notebooks", base


def build_description(request: Request) -> dict[str, str]:
    """Return the whole submit description: that of submit/jupyter.sub, with what the user asks for.

    Raises UsageError if a setting takes away what a session promises.
    """
    notebooks, base = posixpath.split(request.notebooks)
    logs = f"{request.folder}/jupyter-$(Cluster)"
    lines = {
        "container_image": quote_value(request.image),
        "initialdir": quote_value(notebooks),
        "transfer_input_files": quote_value(base),
        "transfer_output_files": quote_value(base),
        "when_to_transfer_output": "ON_EXIT_OR_EVICT",
        "My.SpoolOnEvict": "false",
        "should_transfer_files": "yes",
        "want_io_proxy": "true",
        "periodic_hold": _UNSTARTABLE,
        "periodic_hold_reason": _UNSTARTABLE_REASON,
        "request_cpus": "1",
        "request_memory": "4GB",
        "request_disk": "8GB",
        "output": f"{logs}.out",
        "error": f"{logs}.err",
        **render_request(request),
        "log": f"{logs}.log",
    }
    if request.inputs:
        add_inputs(lines, request)
    # HTCondor takes it from want_io_proxy, which a machine with ENABLE_CHIRP_IO = false makes false.
    return {"My.WantRemoteUpdates": "true", **promises.keep_promises(lines, base)}


def render_submit_file(lines: Mapping[str, str]) -> str:
    """Return the text of a submit file."""
    return "".join([*(f"{key} = {found}\n" for key, found in lines.items()), "queue\n"])


def append_arguments(lines: Mapping[str, str]) -> list[str]:
    """Return the arguments of condor_submit that add lines to the user's own submit file."""
    return [argument for key, value in lines.items() for argument in ("-append", f"{key} = {value}")]


def build_shell_line(request: Request) -> str:
    """Return the line that starts the session in the shell of an interactive job, whose runscript does not run."""
    return f"exec jupyter-session run {shlex.join(build_session_arguments(request))} </dev/null\n"


def quote_shell(argv: Sequence[str]) -> str:
    """Return a command as a line to paste into a shell."""
    return shlex.join(argv)
