"""Have the access point's HTCondor read a submission before it is submitted, and complete or refuse it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import posixpath
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chtc_condor import carry, submission, suspension
from chtc_condor.dry_run import split_list
from chtc_condor.notebook_folder import list_words
from chtc_jupyter.commands import images
from chtc_jupyter.condor import submit
from chtc_jupyter.errors import DiskError, LauncherError, MissingError, SubmitError, UsageError
from chtc_jupyter.json_text import load_json
from chtc_jupyter.ssh.agent_client import AgentClient, run_module

_log = logging.getLogger(__name__)
_UNUSED = re.compile(r"WARNING: the line '(.*)' was unused by condor_submit")
#: What condor_submit says of a second `queue`, or of an `else`, after the first one, if lines are added.
_SECOND_QUEUE = "extra data found after queue statement"
#: Seconds after which a look into the folders is announced.
_LONG = 5
#: Seconds for a look into the folders, which gives up before by itself.
_CARRY = int(carry.PATIENCE) + 5


@dataclass(frozen=True)
class Reviewed:
    """A submission that keeps a session's promises: the lines to add, what to say, where the notebooks come back to.

    `cwd` is the folder to submit it in. With `early_entry`, the job may be suspended for a moment, to get in sooner.
    """

    lines: Mapping[str, str]
    notes: Sequence[str]
    notebooks: str
    cwd: str
    early_entry: bool = False


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What is to be submitted: lines added to a submit file, of which `settings` are keys that the user typed.

    `what` names it at the beginning of a sentence, and `log` is where its event log must be.
    """

    file: str
    lines: Mapping[str, str]
    cwd: str
    what: str
    log: str
    settings: Sequence[str] = ()
    interactive: bool = False
    early_entry: bool = False


async def review(link: AgentClient, asked: Submission, say: Callable[[str], None]) -> Reviewed:
    """Return a submission with what it lacks. Raises UsageError, MissingError, or SubmitError if it can't be submitted.

    What counts is what HTCondor reads, so it reads what was added, too.
    """
    lines, notes = dict(asked.lines), []
    outputs: set[str] = set()
    named: dict[str, str] = {}  # what the first addition named instead of copying it
    for complete in (dict, submission.override, None):
        ads, unused = await _read(link, asked, lines)
        if named and not outputs <= _list_outputs(ads):  # what was named isn't what HTCondor takes for the list
            lines |= named
            ads, unused = await _read(link, asked, lines)
        named = {}
        found = await _review(link, asked, ads)
        if complete is dict:
            own = _list_own_arguments(asked, ads[0]) if ads else []
            notes = [*found.notes, *own, *_judge_unused(asked, unused)]
            outputs, named = _list_outputs(ads), {key: found.additions[key] for key in found.references}
        if found.refusals:
            raise UsageError(_clean(found.refusals[0]))
        if not found.additions:
            await images.ensure_kind(link, ads[0])
            await _ensure_carried(link, ads[0], found.notebooks, say)
            early = asked.early_entry and suspension.may_suspend(ads[0])
            lines |= {f"My.{suspension.ALLOWED}": "true"} if early else {}
            return Reviewed(lines, [_clean(note) for note in notes], found.notebooks, asked.cwd, early_entry=early)
        if complete is None:
            break
        lines |= {**found.additions, **found.references} if complete is dict else complete(found.additions)
    key, value = next(iter(found.additions.items()))
    raise UsageError(
        _clean(f"{asked.what} doesn't let `{key} = {value}` be added ({submission.REASONS[key]}): write it there.")
    )


def _list_outputs(ads: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the output files of the first job."""
    return set(split_list(ads[0].get("transferoutput"))) if ads else set()


async def _review(link: AgentClient, asked: Submission, ads: Sequence[Mapping[str, Any]]) -> submission.Review:
    """Review the ads; ask the access point for what they don't tell."""
    script = ""
    if path := submission.find_script(ads):
        script = str((await link.run(["head", "-c", str(submission.SCRIPT_BYTES), path], cwd=asked.cwd))["out"])
    review_ads = functools.partial(
        submission.review, ads, what=asked.what, script=script, interactive=asked.interactive, log=asked.log
    )
    found = review_ads()
    if "transfer_input_files" in found.additions and (await link.run(["test", "-d", found.notebooks]))["status"]:
        found = review_ads(notebooks_exist=False)
    return found


async def _read(
    link: AgentClient, asked: Submission, lines: Mapping[str, str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the ads that HTCondor reads, and the lines that it doesn't use."""
    argv = ["condor_submit", "-dry-run", "-", *submit.append_arguments(lines), asked.file]
    done = await link.run(argv, cwd=asked.cwd, timeout=25)
    if done["status"]:
        said = done["err"] or done["out"]
        if _SECOND_QUEUE in said.lower():
            raise UsageError(
                f"{asked.what} goes on after its first `queue` line, but a session is one job: write one `queue` "
                "line, as the last line."
            )
        raise build_submit_error(link.ap, said)
    return submission.parse_dry_run(done["out"]), _UNUSED.findall(done["out"] + done["err"])


def _list_own_arguments(asked: Submission, ad: Mapping[str, Any]) -> list[str]:
    """Return what to say of options that the submit file has in its arguments, which count before what is added."""
    given = {word.partition("=")[0] for word in list_words({name.lower(): value for name, value in ad.items()})}
    return [
        f"{asked.what} has {flag} in its arguments, so that is what counts."
        for flag, key in submit.SETTINGS.items()
        if flag in given and key in asked.lines
    ]


def _judge_unused(asked: Submission, unused: Sequence[str]) -> list[str]:
    """Return what to say of lines that HTCondor doesn't use. Raises UsageError if the user typed one."""
    typed = {key.lower() for key in asked.settings}
    for line in unused:
        if line.partition("=")[0].strip().lower() in typed:
            raise UsageError(_clean(f"HTCondor doesn't know --set '{line}'. Is it a typo?"))
    return [f"{asked.what} has a line that HTCondor doesn't use: `{line}`. Is it a typo?" for line in unused]


async def _ensure_carried(link: AgentClient, ad: Mapping[str, Any], notebooks: str, say: Callable[[str], None]) -> None:
    """Raise MissingError if HTCondor can't transfer the job's input."""
    # What has `$$(` in it is named only once the job has a machine.
    paths = [entry for entry in split_list(ad.get("transferinput")) if "://" not in entry and "$$(" not in entry]
    async with _announce(say, f"Looking through the folders on {link.ap} for what HTCondor can't transfer."):
        try:
            done = await run_module(link, "carry", *paths, cwd=str(ad.get("iwd") or "~"), timeout=_CARRY)
            found = load_json(done["out"])
        except (LauncherError, ValueError) as error:
            _log.debug("can't look through the input: %r", error)
            found = {"obstacles": {}, "complete": False}
    if found["obstacles"]:
        iwd = str(ad.get("iwd") or "")
        whole = {posixpath.normpath(posixpath.join(iwd, path)): why for path, why in found["obstacles"].items()}
        if whole.get(notebooks) == carry.LINK:
            real = str((await link.run(["readlink", "-f", notebooks]))["out"]).strip()
            raise MissingError(_clean(f"{notebooks} is a link to a folder, which HTCondor can't transfer: use {real}."))
        raise MissingError(carry.describe_obstacles(whole))
    if not found["complete"]:
        say("The folders are too large to be looked through now: a link to a folder in them would put the job on hold.")


async def find_obstacles(link: AgentClient, folders: Sequence[str]) -> dict[str, str]:
    """Return what HTCondor can't transfer of folders on the access point, by its path, and why."""
    done = await run_module(link, "carry", *folders, timeout=_CARRY)
    return {path: why for path, why in load_json(done["out"])["obstacles"].items() if why != carry.MISSING}


def build_submit_error(ap: str, said: str) -> LauncherError:
    """Return the error for a condor_submit that failed, by what it printed."""
    lines = [
        _clean(line.strip()) for line in said.splitlines() if line.strip() and not line.startswith("Submitting job")
    ]
    what = " ".join(line.removeprefix("ERROR:").strip() for line in lines) or "condor_submit gave no reason"
    low = what.lower()
    if "quota" in low or "no space" in low:
        return DiskError(f"The disk or your quota on {ap} is full ({what}). Free some space there, then try again.")
    if "max_jobs" in low or "maximum" in low:
        return SubmitError(f"Your queue on {ap} is full ({what}). Remove a job there or wait for one, then try again.")
    if "can't find address of" in low or "failed to connect" in low:
        return SubmitError(f"The schedd on {ap} doesn't answer ({what}). Try again in a few minutes.")
    return SubmitError(f"HTCondor rejected the job: {what}")


@contextlib.asynccontextmanager
async def _announce(say: Callable[[str], None], sentence: str) -> AsyncIterator[None]:
    """Say a sentence if the block takes long."""

    async def wait() -> None:
        await asyncio.sleep(_LONG)
        say(sentence)

    waiting = asyncio.create_task(wait())
    try:
        yield
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


def _clean(text: str) -> str:
    """Return a text without what would move a terminal's cursor."""
    return "".join(character if character.isprintable() else "?" for character in text)
