"""The verb `image build`: build an image in a job, and put it to its place on the access point."""

from __future__ import annotations

import base64
import io
import logging
import posixpath
import secrets
import tarfile
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import dataclass
from pathlib import Path

from chtc_jupyter import messages
from chtc_jupyter.commands.start import FOLDER
from chtc_jupyter.condor.job_progress import JobProgress, Phase
from chtc_jupyter.condor.submit import quote_arguments, validate_amount, validate_path
from chtc_jupyter.errors import (
    FailedError,
    HeldError,
    MissingError,
    RemovedError,
    SubmitError,
    UsageError,
)
from chtc_jupyter.last_words import choose_line
from chtc_jupyter.printable import make_printable
from chtc_jupyter.session import follow_log
from chtc_jupyter.ssh import openssh
from chtc_jupyter.ssh.agent_client import AgentClient, LinkLostError
from chtc_jupyter.ssh.login import open_link
from chtc_jupyter.ssh.reconnecting import reconnect
from chtc_jupyter.store import Record
from chtc_jupyter.terminal import Terminal

_log = logging.getLogger(__name__)
#: What an image is made of.
_SOURCES = ("Apptainer.def", "runtime")
_NOT_SENT = {"__pycache__", "node_modules", "lib"}
#: Build arguments whose value is a file here.
_FILES = ("REQUIREMENTS", "ENVIRONMENT")
#: Characters of a piece of the sources: a line to the agent has an end.
_PIECE = 600_000
_SUBMITTING = 60  # seconds
#: Moves the image to its place, unless that was done before the connection was lost.
_MOVE = '[ -e moved ] || { mv -f -- "$1" "$2" && : >moved; }'
#: Runs on the machine that builds, and writes to the folder of the job alone, which is as large as was asked for.
_SCRIPT = """#!/bin/sh
set -eu
trap '[ -e image.sif ] || : >image.sif' EXIT # HTCondor holds a job whose output isn't there
PATH=${PATH:+$PATH:}/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin # a job may have none
export PATH
command -v apptainer >/dev/null || { echo "This machine has no apptainer." >&2; exit 1; }
tar -xzf source.tar.gz
mkdir -p tmp cache
APPTAINER_TMPDIR=$PWD/tmp APPTAINER_CACHEDIR=$PWD/cache HOME=$PWD
export APPTAINER_TMPDIR APPTAINER_CACHEDIR HOME
apptainer build "$@" </dev/null
"""


@dataclass(frozen=True, kw_only=True)
class Build:
    """What to build: `arguments` are NAME=VALUE, `inputs` and `to` are paths on the access point."""

    definition: str
    arguments: Sequence[str]
    inputs: Sequence[str]
    to: str
    disk: str
    folder: Path


def list_sources(build: Build) -> list[Path]:
    """Return the files to send, below the project's folder. Raises UsageError or MissingError if one isn't there."""
    root = build.folder
    if not all((root / name).exists() for name in _SOURCES):
        raise UsageError(f"There is no Apptainer.def and runtime in {root}. Run this in the folder that has them.")
    named = [build.definition]
    for argument in build.arguments:
        name, separator, value = argument.partition("=")
        if not separator or not name:
            raise UsageError(f"Invalid build argument {argument!r}. Use NAME=VALUE.")
        named += [value] if name in _FILES else []
    found = []
    for name in (*_SOURCES, *named):
        path = (root / name).resolve()
        if not path.exists():
            raise MissingError(f"There is no file {name} in {root}.")
        if not path.is_relative_to(root.resolve()):
            raise UsageError(f"{name} must be in {root} or below it, so that it can be sent along.")
        inner = path.rglob("*") if path.is_dir() else [path]
        found += [each for each in inner if each.is_file() and not _NOT_SENT & set(each.relative_to(path).parts[:-1])]
    return sorted(set(found))


def pack(files: Iterable[Path], root: Path) -> bytes:
    """Return an archive of files, by their paths below `root`."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        for file in files:
            archive.add(file, file.relative_to(root.resolve()).as_posix())
    return written.getvalue()


def quote_build_argument(argument: str) -> str:
    """Return a build argument as Apptainer wants it on its command line, where commas separate several.

    >>> quote_build_argument("PACKAGES=numpy>=1,<3")
    '"PACKAGES=numpy>=1,<3"'
    """
    return '"' + argument.replace('"', '""') + '"' if set(argument) & set(',"\n') else argument


def render_submit_file(build: Build, home: str) -> str:
    """Return the submit file of the job that builds."""
    words = [word for each in build.arguments for word in ("--build-arg", quote_build_argument(each))]
    inputs = [validate_path(_expand(path, home), "an input of a build") for path in build.inputs]
    built = f"{_expand(build.to, home)}.built"
    lines = {
        "executable": "build.sh",
        "arguments": quote_arguments([*words, "image.sif", build.definition]),
        "transfer_input_files": ", ".join(["source.tar.gz", *inputs]),
        "transfer_output_files": "image.sif",
        "transfer_output_remaps": f'"image.sif = {validate_path(built, "the place of an image")}"',
        "should_transfer_files": "yes",
        "when_to_transfer_output": "ON_EXIT",
        "requirements": "HasSingularity =?= true",
        "request_cpus": "2",
        "request_memory": "4GB",
        "request_disk": validate_amount(build.disk, "disk"),
        "log": "build.log",
        "output": "build.out",
        "error": "build.err",
    }
    return "".join([*(f"{key} = {value}\n" for key, value in lines.items()), "queue\n"])


async def build_image(build: Build, ap: str, terminal: Terminal) -> int:
    """Build an image in a job; return the exit status. Raises LauncherError if it isn't built."""
    sources = pack(list_sources(build), build.folder)
    async with AsyncExitStack() as links:
        link = await open_link(ap, terminal)
        links.push_async_callback(link.close)
        if not link.hello["condor"]:
            raise openssh.build_no_condor_error(ap, link.hello["looked"])
        home = link.hello["home"]
        folder = f"{home}/{FOLDER}/build-{secrets.token_hex(4)}"
        await _send(link, folder, sources)
        await link.ask("write", path=f"{folder}/build.sub", text=render_submit_file(build, home))
        await link.ask("write", path=f"{folder}/build.sh", text=_SCRIPT)
        done = await link.run(["condor_submit", "-terse", "build.sub"], timeout=_SUBMITTING, cwd=folder)
        if done["status"]:
            raise SubmitError(f"HTCondor rejected the job: {choose_line(str(done['err']))}")
        job = str(done["out"]).split()[0]
        terminal.say(f"Job {job} builds the image. It goes on if you leave; its files are in {folder}.")
        to, record = _expand(build.to, home), Record("build", ap, job, f"{folder}/build.log", folder)

        def show(why: str, asks: bool) -> None:  # noqa: FBT001 - a callback
            _log.debug("can't connect again (a login is needed: %s): %s", asks, why)
            terminal.wait(f"no connection to {ap}; trying again. Job {job} goes on. {why}")

        while True:
            try:
                await _finish(link, record, to, terminal)
                break
            except LinkLostError:
                terminal.wait(f"lost the connection to {ap}; connecting again. Job {job} goes on")
            link = await reconnect(ap, show, terminal.need_person)
            links.push_async_callback(link.close)
    terminal.report({"event": "built", "image": to, "ap": ap})
    terminal.say(f"The image is at {to} on {ap}.")
    return 0


async def _send(link: AgentClient, folder: str, data: bytes) -> None:
    text = base64.b64encode(data).decode()
    for number, at in enumerate(range(0, len(text), _PIECE)):
        await link.ask("write", path=f"{folder}/source.{number:04}", text=text[at : at + _PIECE])
    script = "cat source.???? | base64 -d >source.tar.gz && rm source.????"
    done = await link.run(["sh", "-c", script], cwd=folder)
    if done["status"]:
        raise FailedError(f"The sources can't be written on {link.ap}: {choose_line(str(done['err']))}")


async def _finish(link: AgentClient, record: Record, to: str, terminal: Terminal) -> None:
    """Wait for the image, and move it to its place. Raises LauncherError if there is none, and LinkLostError."""
    built = f"{to}.built"
    if (await link.run(["test", "-e", record.log]))["status"]:
        raise FailedError(f"The files of job {record.job} are gone: there is no {record.log} on {link.ap}.")
    await _follow(link, record, built, terminal)
    moved = await link.run(["sh", "-c", _MOVE, "sh", built, to], cwd=record.notebooks)
    if moved["status"]:
        raise FailedError(f"The image is {built}, but it can't be moved to {to}: {choose_line(str(moved['err']))}")
    with suppress(LinkLostError):
        await link.run(["rm", "-rf", "--", record.notebooks])


async def _follow(link: AgentClient, record: Record, built: str, terminal: Terminal) -> None:
    """Say what the job does, until it has built the image; raises LauncherError if it doesn't, and LinkLostError."""
    progress = JobProgress()
    try:
        async with aclosing(follow_log(link, record)) as states:
            async for progress in states:
                if progress.phase is Phase.HELD:
                    raise HeldError(
                        f"Job {record.job} is on hold: {make_printable(progress.why)}. Mend that and run "
                        f"condor_release {record.job} on {record.ap}, or condor_rm {record.job}."
                    )
                terminal.wait(f"job {record.job}: {_describe(progress)}")
    finally:
        terminal.quiet()
    if progress.removed:
        raise RemovedError(f"Job {record.job} was removed before the image was built.")
    if progress.exit_status != 0:  # None: a signal has ended it
        await link.run(["rm", "-f", "--", built])
        errors = str((await link.ask("read", path=f"{record.notebooks}/build.err"))["text"])
        raise FailedError(
            f"Job {record.job} {messages.describe_end(progress)}. It says: {choose_line(errors)} There is more in "
            f"{record.notebooks}/build.err on {record.ap}."
        )


def _describe(progress: JobProgress) -> str:
    if progress.phase is Phase.QUEUED:
        return "waits in the queue"
    return progress.doing or f"builds on {make_printable(progress.host)}"


def _expand(path: str, home: str) -> str:
    """Return a path of the access point in full."""
    return posixpath.join(home, path.removeprefix("~/"))
