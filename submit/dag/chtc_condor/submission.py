"""Review a submission as HTCondor reads it: does it keep what a session promises, and if not, which lines are missing.

A session promises that its notebooks come back however it ends, that they are saved while it runs, and that the
launcher learns where it runs and why it ends. The stock submit file has the lines for that; a user's own file may not.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from chtc_condor import conflicts
from chtc_condor.dry_run import Ad, Expression, parse_dry_run, split_list
from chtc_condor.exit_rules import is_true_after_success
from chtc_condor.notebook_folder import find_folder, find_name, is_spread, list_words
from chtc_condor.ownership import quote_string

__all__ = [
    "SCRIPT_BYTES",
    "Review",
    "describe_missing",
    "find_script",
    "is_session",
    "override",
    "parse_dry_run",
    "review",
]

_RUN = re.compile(r"jupyter-session['\"]?\s+run\b")
_FOLDER = re.compile(r"(?:--notebooks[ =]+|JUPYTER_SESSION_NOTEBOOKS=)['\"]?([\w./-]+)")
#: The same with a value that only the script knows.
_OPEN_FOLDER = re.compile(r"(?:--notebooks[ =]+|JUPYTER_SESSION_NOTEBOOKS=)['\"]?[$`]")
_PASSES = re.compile(r"\$[@*1]|\$\{[@*1]")
_EXEC = re.compile(r"\bexec\b[^\n]*\bjupyter-session\b")
_NO_EXEC = (
    "runs a script that is ended first when the job is removed, and the session with it instead of in order: write "
    "`exec jupyter-session run` there"
)
#: Bytes of a program that are looked into.
SCRIPT_BYTES = 65536
_OUTPUTS = "transfer_output_files"
_IMAGES = ("containerimage", "dockerimage", "singularityimage")
_ORDERLY = ("SIGTERM", "SIGINT", "SIGHUP", 15, 2, 1, None)
#: Seconds that an orderly end may take.
_VACATE_TIME = 30

#: What goes wrong without a line, by its key.
REASONS: Mapping[str, str] = {
    "transfer_output_files": "what is not in it does not come back",
    "transfer_input_files": "else the session starts without your notebooks, and its own files replace them",
    "should_transfer_files": "else nothing is transferred between machines that share a file system",
    "when_to_transfer_output": "else nothing comes back from a session that is removed or evicted",
    "My.SpoolOnEvict": "else what an eviction brings back is thrown away when the job is removed",
    "want_io_proxy": "else the session can't save its notebooks while it runs, nor say that it is ready",
    "My.WantRemoteUpdates": "else the session can't say that it is ready",
    "log": "the launcher follows the session by it",
    "log_xml": "the launcher can't read a log in XML",
    "skip_if_dataflow": "else HTCondor takes the job for done before it has run",
    "max_transfer_output_mb": "else larger notebooks put the job on hold instead of coming back",
    "on_exit_remove": "else the session starts again when it has ended",
    "on_exit_hold": "else the job is on hold when the session has ended",
    "success_exit_code": "else the session starts again when it has ended",
    "kill_sig": "else the session is killed instead of ending in order",
    "remove_kill_sig": "else the session is killed instead of ending in order",
    "hold_kill_sig": "else the session is killed instead of ending in order",
    "want_graceful_removal": "else the session is killed instead of ending in order",
    "job_max_vacate_time": "an orderly end takes up to 30 s",
}
#: The attributes that the keys stand for, with which a line overrides `+NAME = ...` and `My.NAME = ...` of the file.
_ATTRIBUTES: Mapping[str, str] = {
    "transfer_output_files": "TransferOutput",
    "should_transfer_files": "ShouldTransferFiles",
    "when_to_transfer_output": "WhenToTransferOutput",
    "want_io_proxy": "WantIOProxy",
    "log": "UserLog",
    "log_xml": "UserLogUseXML",
    "skip_if_dataflow": "SkipIfDataflow",
    "max_transfer_output_mb": "MaxTransferOutputMB",
    "on_exit_remove": "OnExitRemove",
    "on_exit_hold": "OnExitHold",
    "success_exit_code": "JobSuccessExitCode",
    "kill_sig": "KillSig",
    "remove_kill_sig": "RemoveKillSig",
    "hold_kill_sig": "HoldKillSig",
    "want_graceful_removal": "WantGracefulRemoval",
    "job_max_vacate_time": "JobMaxVacateTime",
}
_BARE = re.compile(r"true|false|-?\d+")


@dataclass(frozen=True)
class Review:
    """What a review found: lines to add, what to say, and why nothing may be submitted (a sentence each).

    `references` are additions by which a list of the file's own is named instead of copied: it may have macros such as
    `$(Cluster)`, which only have their value when the job is submitted. `notes` tells of the additions, too.
    `notebooks` is the folder on the access point that the notebooks come back to, "" if there is none.
    """

    additions: Mapping[str, str] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    refusals: Sequence[str] = ()
    notebooks: str = ""


def review(
    ads: Sequence[Ad],
    *,
    what: str = "The submit file",
    script: str = "",
    notebooks_exist: bool = True,
    interactive: bool = False,
    log: str = "",
) -> Review:
    """Review the ads of a submission, as `parse_dry_run` returns them.

    `what` names the submission at the beginning of a sentence, `script` is the text of its executable, as far as that
    is text, `notebooks_exist` says whether the folder that the notebooks come back to exists, and `log` is where the
    job event log must be, with `$(Cluster)` in it ("" for anywhere).
    """
    if len(ads) != 1:
        lines = "write one `queue` line, without a number or a list"
        return Review(refusals=[f"{what} describes {len(ads)} jobs, but a session is one job: {lines}."])
    ad = {name.lower(): value for name, value in ads[0].items()}
    name = find_name(ad)
    refusals = list(conflicts.find(ad, name))
    if not interactive and not is_session(ad, script):
        refusals.append(_explain_no_session(ad))
    elif interactive and not any(ad.get(image) for image in _IMAGES):
        refusals.append(_explain_no_session({**ad, "cmd": ""}))
    commands = _strip_comments(script)
    refusals += _review_script(commands, list_words(ad), name)
    additions = {} if refusals else dict(_complete(ad, name, notebooks_exist=notebooks_exist, log=log))
    return Review(
        additions=additions,
        references=_refer(ad, name) if _OUTPUTS in additions else {},
        notes=[
            *(
                f"Added `{key} = {value}` to what is submitted: {_give_reason(ad, key)}."
                for key, value in additions.items()
                if key != "log" or ad.get("userlog")  # nobody misses one that they didn't name
            ),
            *(f"{what} {note}." for note in conflicts.find_limits(ad)),
            *([f"{what} {_NO_EXEC}."] if _RUN.search(commands) and not _EXEC.search(commands) else []),
        ],
        refusals=[f"{what} {refusal}." for refusal in refusals],
        notebooks=posixpath.join(str(ad.get("iwd") or ""), find_folder(ad)),
    )


def _give_reason(ad: Ad, key: str) -> str:
    """Return why a line was added. With a list of outputs, HTCondor brings back no file that isn't in it."""
    if key == _OUTPUTS and ad.get("transferoutput") is None:
        return f"{REASONS[key]}, such as new files beside the notebooks; list them there, or save them in the notebooks"
    return REASONS[key]


def describe_missing(additions: Mapping[str, str], what: str) -> str:
    """Return which lines a submit file lacks, where nothing can be added to it; "" if it lacks none."""
    lacks = [f"`{key} = {value}` ({REASONS[key]})" for key, value in additions.items()]
    return f"{what} lacks {', '.join(lacks)}: write {'them' if len(lacks) > 1 else 'it'} there" if lacks else ""


def override(additions: Mapping[str, str]) -> dict[str, str]:
    """Return lines that set the attributes themselves, as `+NAME = ...` and `My.NAME = ...` do: the last one counts."""
    return {
        f"My.{_ATTRIBUTES[key]}" if key in _ATTRIBUTES else key: value
        if key not in _ATTRIBUTES or _BARE.fullmatch(value)
        else quote_string(value)
        for key, value in additions.items()
    }


def is_session(ad: Mapping[str, Any], script: str = "") -> bool:
    """Return whether a job runs a session: an image without an executable, or `jupyter-session run`.

    `script` is the text of the executable, as far as that is text. The shell of an interactive job may run one.
    """
    ad = {name.lower(): value for name, value in ad.items()}
    command = str(ad.get("cmd") or "")
    words = f"{command} {ad.get('arguments') or ad.get('args') or ''}"
    if _RUN.search(words.replace("'", "")) or "jupyter-session" in script or ad.get("interactivejob") is True:
        return True
    return not command and any(ad.get(image) for image in _IMAGES)


def find_script(ads: Sequence[Ad]) -> str:
    """Return the path of the job's program if only its text tells whether it runs a session; otherwise ""."""
    return str(ads[0].get("cmd") or "") if len(ads) == 1 and not is_session(ads[0]) else ""


def _strip_comments(script: str) -> str:
    return "\n".join(line for line in script.splitlines() if not line.lstrip().startswith("#"))


def _review_script(commands: str, arguments: Sequence[str], name: str) -> Iterator[str]:
    """Yield why a script of the user's own would open another notebook folder than the one that comes back."""
    instead = '"$@" in the script instead'
    if _OPEN_FOLDER.search(commands):
        yield (
            "runs a script that chooses the notebook folder itself, so that it can't be seen whether it comes back: "
            f"write `arguments = --notebooks NAME` in the submit file, and {instead}"
        )
    elif (own := _FOLDER.search(commands)) and posixpath.normpath(own[1]) != name:
        yield (
            f"runs a script that names the notebook folder {own[1]!r} itself, but {name!r} comes back: write "
            f"`arguments = --notebooks {own[1]}` in the submit file, and {instead}"
        )
    elif _RUN.search(commands) and not own and not _PASSES.search(commands) and _names_folder(arguments):
        yield 'gives `--notebooks` to a script that doesn\'t pass it on: write `jupyter-session run "$@"` there'


def _names_folder(arguments: Sequence[str]) -> bool:
    return any(word.partition("=")[0] == "--notebooks" for word in arguments)


def _explain_no_session(ad: Ad) -> str:
    if command := ad.get("cmd"):
        return (
            f"runs {command}, which is not a session: remove `executable`, so that the image of `container_image = "
            "jupyter.sif` runs it"
        )
    return "has no image, so it is not a session: write `container_image = jupyter.sif`"


def _complete(ad: Ad, name: str, *, notebooks_exist: bool, log: str) -> Iterator[tuple[str, str]]:
    """Yield the lines that are missing for what a session promises."""
    outputs = split_list(ad.get("transferoutput"))
    same = [part for part in outputs if posixpath.normpath(part) == name]
    if name not in outputs or any(is_spread(ad, part) for part in same):
        others = [part for part in outputs if posixpath.normpath(part) != name]
        yield "transfer_output_files", _escape(", ".join([name, *others]))
    if notebooks_exist and (inputs := _complete_inputs(ad, name)):
        yield "transfer_input_files", _escape(inputs)
    wanted = log.replace("$(Cluster)", str(ad.get("clusterid", "")))
    rules = (
        (ad.get("shouldtransferfiles") != "YES", "should_transfer_files", "YES"),
        (ad.get("whentotransferoutput") != "ON_EXIT_OR_EVICT", "when_to_transfer_output", "ON_EXIT_OR_EVICT"),
        (ad.get("spoolonevict") is not False, "My.SpoolOnEvict", "false"),
        # With WantRemoteUpdates alone, the session has no access to files on purpose: see docs/saving.md.
        (not (ad.get("wantioproxy") is True or ad.get("wantremoteupdates") is True), "want_io_proxy", "true"),
        (ad.get("wantremoteupdates") not in (None, True), "My.WantRemoteUpdates", "true"),
        (log and _resolve(ad, ad.get("userlog")) != wanted, "log", log),
        (ad.get("userlogusexml") not in (None, False), "log_xml", "false"),
        (ad.get("skipifdataflow") not in (None, False), "skip_if_dataflow", "false"),
        (not _is_unlimited(ad.get("maxtransferoutputmb")), "max_transfer_output_mb", "-1"),
        (
            ad.get("onexitremove") is not None and not is_true_after_success(ad["onexitremove"]),
            "on_exit_remove",
            "true",
        ),
        (is_true_after_success(ad.get("onexithold")) is True, "on_exit_hold", "false"),
        (ad.get("jobsuccessexitcode") not in (None, 0), "success_exit_code", "0"),
        (ad.get("killsig") not in _ORDERLY, "kill_sig", "SIGTERM"),
        (ad.get("removekillsig") not in _ORDERLY, "remove_kill_sig", "SIGTERM"),
        (ad.get("holdkillsig") not in _ORDERLY, "hold_kill_sig", "SIGTERM"),
        (ad.get("wantgracefulremoval") not in (None, True), "want_graceful_removal", "true"),
        (_is_below(ad.get("jobmaxvacatetime"), _VACATE_TIME), "job_max_vacate_time", str(_VACATE_TIME)),
    )
    yield from ((key, value) for is_missing, key, value in rules if is_missing)


def _refer(ad: Ad, name: str) -> dict[str, str]:
    """Return the output files as the file's own list and the notebooks before it; nothing if that has to change."""
    outputs = split_list(ad.get("transferoutput"))
    changes = any(posixpath.normpath(part) == name for part in outputs)
    return {_OUTPUTS: f"{_escape(name)}, $({_OUTPUTS})"} if outputs and not changes else {}


def _complete_inputs(ad: Ad, name: str) -> str:
    """Return what transfer_input_files must be for the notebooks to arrive as their folder; "" if they do."""
    if isinstance(ad.get("transferinput"), Expression):
        return ""
    image = str(ad.get("containerimagefullpath") or "")
    entries = [entry for entry in split_list(ad.get("transferinput")) if entry != image]
    if any(arrived and f"{name}/".startswith(f"{arrived}/") for arrived in map(partial(conflicts.arrive, ad), entries)):
        return ""
    # With a slash at its end, a folder's contents arrive without it.
    own = posixpath.normpath(_resolve(ad, name))
    return ", ".join([name, *(entry for entry in entries if posixpath.normpath(_resolve(ad, entry)) != own)])


def _is_unlimited(size: object) -> bool:
    return size is None or (isinstance(size, (int, float)) and size < 0)


def _is_below(value: object, least: int) -> bool:
    return isinstance(value, (int, float)) and value < least


def _resolve(ad: Ad, path: object) -> str:
    return posixpath.join(str(ad.get("iwd") or ""), str(path or ""))


def _escape(text: str) -> str:
    """Return a literal value for a submit description."""
    return text.replace("$", "$(DOLLAR)")
