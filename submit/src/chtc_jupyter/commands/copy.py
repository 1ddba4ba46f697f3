"""The verbs that copy files: into a session and out of it, and an image to the access point."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import posixpath
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from chtc_condor.codes import JobStatus
from chtc_jupyter import store
from chtc_jupyter.commands import past, queries
from chtc_jupyter.commands.access_point import choose_access_point
from chtc_jupyter.condor import job_ads
from chtc_jupyter.copying.progress import CopyProgress
from chtc_jupyter.copying.reach import PAUSE, AccessPointReach, Reach, SessionReach
from chtc_jupyter.copying.remote import BrokenError, Remote
from chtc_jupyter.copying.transfer import Download, Upload
from chtc_jupyter.errors import MissingError, NoSuchSessionError, UsageError
from chtc_jupyter.names import is_name
from chtc_jupyter.proxy import control
from chtc_jupyter.sizes import format_size
from chtc_jupyter.ssh import openssh
from chtc_jupyter.ssh.agent_client import HERE, AgentClient
from chtc_jupyter.ssh.login import open_link
from chtc_jupyter.store import Record
from chtc_jupyter.terminal import SLOW, Terminal

_log = logging.getLogger(__name__)
_THERE = re.compile(r"([^/\\:]*):(.*)", re.DOTALL)
#: Seconds between two lines of progress, on a terminal and elsewhere.
_TICK, _TICK_IN_LOG = 0.5, 15.0
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Copy:
    """What to copy: `paths` here to `there` in a session, or, if not `into`, `paths` of the session to `there` here."""

    session: str | None
    paths: Sequence[str]
    there: str
    into: bool


def parse_copy(sources: Sequence[str], target: str) -> Copy:
    """Return what is meant. Raises UsageError if it isn't one way between here and one session."""
    ends = [split_end(word) for word in (*sources, target)]
    away = {end[0] for end in ends if end}
    if ends[-1] and not any(ends[:-1]):
        return Copy(ends[-1][0] or None, sources, ends[-1][1], into=True)
    if ends[-1] is None and all(ends[:-1]) and len(away) == 1:
        return Copy(away.pop() or None, [end[1] for end in ends if end], target, into=False)
    raise UsageError("One end must be a session and the other one here: `cp data.csv lab:`, or `cp lab:data.csv .`.")


def split_end(word: str) -> tuple[str, str] | None:
    """Return the session, "" if it is the only one, and the path in it; None for a path here."""
    found = _THERE.fullmatch(word)
    if not found or (os.name == "nt" and len(found[1]) == 1) or (found[1] and not is_name(found[1])):
        return None
    return found[1], found[2]


async def copy(sources: Sequence[str], target: str, ap: str | None, terminal: Terminal) -> int:
    """Copy files into a running session, or out of it."""
    asked = parse_copy(sources, target)
    if asked.into:
        for path in asked.paths:
            _check_local(path)
    else:
        for path in asked.paths:
            _place(path, target, several=len(asked.paths) > 1)
    async with _reach_session(asked.session, ap, terminal) as (reach, record):
        for path in asked.paths:
            if asked.into:
                into_folder = asked.there.endswith("/") or len(asked.paths) > 1
                size, there = await _send(reach, Path(path), asked.there, terminal, into_folder=into_folder)
                _say_copied(terminal, path, size, f"{record.name}:{there}")
            else:
                await _copy_out(reach, record, path, _place(path, target), terminal)
    return 0


def _place(source: str, target: str, *, several: bool = False) -> Path:
    """Return the path here of a file of a session. Raises LauncherError if it can't be there."""
    name, to = posixpath.basename(source), Path(target)
    if name in ("", ".", ".."):
        raise UsageError(f"{source or 'The notebook folder'} is no file. Name the file to copy.")
    if several and not to.is_dir():
        raise UsageError(f"{target} must be a folder for several files.")
    to = to / name if to.is_dir() else to
    if not to.parent.is_dir():
        raise MissingError(f"There is no folder {to.parent} here.")
    return to


def _check_local(path: str) -> None:
    if Path(path).is_dir():
        raise UsageError(f"{path} is a folder. Make one file of it with `tar`, or use `scp -r`: see docs/ssh.md.")
    if not Path(path).is_file():
        raise MissingError(f"There is no file {path} here.")


@contextlib.asynccontextmanager
async def _reach_session(name: str | None, ap: str | None, terminal: Terminal) -> AsyncIterator[tuple[Reach, Record]]:
    """Yield the way to a session. Raises NoSuchSessionError if it isn't there, or doesn't run."""
    record = store.look_up(name, ap)
    opened = store.load_opened(record.name) if record else None
    link: AgentClient | None = None
    if record is None or opened is None or await control.ask(opened, control.NOTHING) is None:
        where = record.ap if record else choose_access_point(ap, terminal)
        link = await open_link(where, terminal, forward=where != HERE)
        try:
            async with terminal.explaining(SLOW, f"{where}: asking the queue"):
                record = await _find_running(link, record, name)
        except BaseException:
            await link.close()
            raise
    links = [link] if link else []

    async def connect() -> AgentClient:
        return links.pop() if links else await open_link(record.ap, terminal, forward=record.ap != HERE)

    reach = SessionReach(record, connect, terminal.need_person)
    try:
        yield reach, record
    finally:
        await reach.close()
        for link in links:
            await link.close()


async def _find_running(link: AgentClient, record: Record | None, name: str | None) -> Record:
    ad = await queries.find(link, record.job if record else name)
    queries.raise_if_over(ad)
    if not job_ads.is_running(ad) and ad.get("JobStatus") != JobStatus.SUSPENDED:
        job = job_ads.get_job_id(ad)
        raise NoSuchSessionError(
            f"Job {job} isn't running, so nothing can be copied. `chtc-jupyter status {job}` says why."
        )
    found = record or job_ads.build_record(ad, link.ap)
    if found is None:
        raise NoSuchSessionError("That job has no event log to follow. Add a `log = ...` line to its submit file.")
    await past.raise_if_another(link, found)
    return found


async def _send(reach: Reach, path: Path, to: str, terminal: Terminal, *, into_folder: bool) -> tuple[int, str]:
    """Copy a file to a path of the other end, or into the folder that it is; return its size and its path there."""
    progress = CopyProgress(path.name)
    upload: Upload | None = None
    there = ""

    async def work(remote: Remote) -> int:
        nonlocal upload, there
        if upload is None:
            entry = await remote.look(to)
            if entry.kind == "folder":
                entry = await remote.look(f"{entry.path}/{path.name}")
            elif into_folder:
                raise MissingError(f"There is no folder {entry.path} there.")
            if entry.kind not in ("file", "none"):
                raise UsageError(f"{entry.path} is no file there.")
            there = entry.path
            upload = Upload(path, there, progress)
        return await upload.run(remote)

    return await _keep_on(reach, work, progress, terminal), there


async def _copy_out(reach: Reach, record: Record, source: str, to: Path, terminal: Terminal) -> None:
    progress = CopyProgress(posixpath.basename(source))
    download = Download(source, to, progress)
    size = await _keep_on(reach, download.run, progress, terminal)
    _say_copied(terminal, f"{record.name}:{source}", size, str(to))


async def push_image(path: str, to: str, ap: str, terminal: Terminal) -> int:
    """Copy an image to the access point."""
    _check_local(path)
    to = to.removeprefix("~/")
    if ap == HERE:
        raise UsageError(f"This machine is the access point: `cp {path} ~/{to}` copies the image.")
    link = await open_link(ap, terminal, forward=True)
    reach = AccessPointReach(link, terminal.need_person)
    try:
        folder, name = posixpath.split(to)
        await _make_folder(link, folder)
        size, there = await _send(reach, Path(path), to, terminal, into_folder=not name)
    finally:
        await reach.close()
    _say_copied(terminal, path, size, f"{ap}:{there}")
    return 0


async def _make_folder(link: AgentClient, folder: str) -> None:
    """Make a folder on the access point, relative to the home folder. Raises LauncherError if it can't be made."""
    made = await link.run(["mkdir", "-p", "--", folder or "."])
    if made["status"]:
        full = "space" in made["err"] or "quota" in made["err"]
        raise openssh.build_file_error(link.ap, errno.ENOSPC if full else 0, made["err"].strip())


async def _keep_on(
    reach: Reach, work: Callable[[Remote], Awaitable[_Found]], progress: CopyProgress, terminal: Terminal
) -> _Found:
    """Return what the work returns, begun again over each new way after one has broken."""
    showing = asyncio.create_task(_show(progress, terminal))
    try:
        while True:
            try:
                return await work(await reach.open())
            except BrokenError as broken:
                _log.debug("The way has broken, or there is none: %s", broken)
                progress.wait(str(broken))
            await asyncio.sleep(PAUSE)
    except asyncio.CancelledError:
        terminal.say("The rest isn't copied. The same command goes on where this one ended.")
        raise
    finally:
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
        terminal.quiet()


async def _show(progress: CopyProgress, terminal: Terminal) -> None:
    while True:
        await asyncio.sleep(_TICK if terminal.err.is_terminal else _TICK_IN_LOG)
        terminal.wait(progress.describe())


def _say_copied(terminal: Terminal, what: str, size: int, to: str) -> None:
    terminal.report({"event": "copied", "from": what, "to": to, "size": size})
    if not terminal.as_json:
        terminal.say(f"{what}: {format_size(size)} copied to {to}, the same at both ends by SHA-256.")
