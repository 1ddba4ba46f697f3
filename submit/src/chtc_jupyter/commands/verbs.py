"""The verbs that ask or tell something of a session, and end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import posixpath
import re
import time
from collections.abc import Sequence
from dataclasses import asdict

from rich.table import Table

from chtc_condor.codes import JobStatus
from chtc_jupyter import messages, store
from chtc_jupyter.commands.queries import EndedError, end_of, find, inside, lines_inside, why_queued
from chtc_jupyter.condor import job_ads
from chtc_jupyter.condor.job_progress import JobProgress
from chtc_jupyter.errors import DiskError, LauncherError, UsageError
from chtc_jupyter.session import follow
from chtc_jupyter.ssh import multiplexing, openssh, tunnel
from chtc_jupyter.ssh.agent_client import HERE, AgentClient
from chtc_jupyter.ssh.login import connected
from chtc_jupyter.store import Record
from chtc_jupyter.terminal import Terminal

_DURATION = re.compile(r"(\d+(\.\d+)?[smhd])+")
#: Seconds within which a job has ended, its files back, after it was removed.
_PATIENCE = 180


async def show_list(aps: Sequence[str], terminal: Terminal) -> int:
    """Show all sessions of the user."""
    rows, over = [], []
    for ap in aps:
        async with connected(ap, terminal) as link:
            remembered = [record for record in store.all_records() if record.ap == ap]
            found = job_ads.parse(await link.run(job_ads.query("-constraint", job_ads.SESSIONS)))
            rows += [(ap, job_ads.row(ad, link.hello["clock"])) for ad in found]
            jobs = {job_ads.job_of(ad) for ad in found}
            gone = [record for record in remembered if record.job not in jobs]
            over += [(record, course) for record in gone if (course := await end_of(link, record))]
    if terminal.as_json:
        ended = [(record.ap, job_ads.ended(record, messages.describe_end(course))) for record, course in over]
        print(json.dumps([{"ap": ap, **asdict(row)} for ap, row in [*rows, *ended]], indent=2))
    elif rows:
        terminal.table(_table([row for _, row in rows]))
    elif not over:
        terminal.say("There are no sessions: `chtc-jupyter start` makes one.")
    for record, course in over:
        store.forget(record.name)
        terminal.say(messages.describe_past_session(record, course))
    return 0


def _table(rows: Sequence[job_ads.Row]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("NAME", "JOB", "STATE", "MACHINE", "GPUS", "RUNNING", "STOPS", "WHY"):
        table.add_column(column, overflow="fold")
    for row in rows:
        stops = time.strftime("%a %H:%M", time.localtime(row.stops)) if row.stops else ""
        table.add_row(
            row.name,
            row.job,
            row.state,
            row.machine,
            str(row.gpus),
            messages.format_duration(row.running),
            stops,
            row.why,
        )
    return table


async def status(ap: str, name: str | None, terminal: Terminal) -> int:
    """Say what a session does, or why it does not run."""
    async with connected(ap, terminal) as link:
        try:
            ad = await find(link, name)
        except EndedError as end:
            row = job_ads.ended(end.record, messages.describe_end(end.course))
            terminal.result(json.dumps(asdict(row), indent=2) if terminal.as_json else str(end))
            return 0
        job = job_ads.job_of(ad)
        if ad.get("JobStatus") == JobStatus.RUNNING and ad.get("JupyterState"):
            text = await inside(link, job, "status", *(["--json"] if terminal.as_json else []))
            terminal.result(text.rstrip())
            return 0
        row = job_ads.row(ad, link.hello["clock"])
        reason = row.why or (await why_queued(link, job) if row.state == "queued" else "")
        if terminal.as_json:
            print(json.dumps({**asdict(row), "why": reason}, indent=2))
        else:
            found = job_ads.record(ad, ap)
            terminal.result(f"{row.state}: {reason}" if reason else row.state)
            if row.state == "held" and found:
                terminal.say(messages.hold_advice(reason, found, ad.get("HoldReasonCode")))
    return 0


async def stop(ap: str, name: str | None, terminal: Terminal, *, force: bool = False) -> int:
    """Remove a session's job, and wait until its notebooks are back; raises DiskError where they can't come."""
    async with connected(ap, terminal) as link:
        ad = await find(link, name)
        job, record = job_ads.job_of(ad), job_ads.record(ad, ap)
        if ad.get("JobStatus") == JobStatus.RUNNING and ad.get("JupyterState") and not force:
            await _see_to_room(link, job)
        done = await link.run(["condor_rm", job])
        if done["status"]:
            raise LauncherError(f"HTCondor did not remove job {job}: {done['err'].strip() or done['out'].strip()}")
        terminal.wait(f"job {job}: ending; the notebooks are on their way back")
        course = JobProgress()
        if record and ad.get("JobStatus") == JobStatus.RUNNING:
            try:
                course = await asyncio.wait_for(_end(link, record), _PATIENCE)
            except asyncio.TimeoutError:
                raise LauncherError(f"Job {job} has not ended yet: `chtc-jupyter list` shows when it has.") from None
        if record:
            store.forget(record.name)
        if record and course.lost:
            raise DiskError(f"Job {job} has ended. {messages.describe_notebooks(record, course)}")
        terminal.report({"job": job, "stopped": True, "notebooks": record.notebooks if record else None})
        if not terminal.as_json:
            terminal.result(
                f"Job {job} has ended.{' ' + messages.describe_notebooks(record, course) if record else ''}"
            )
    return 0


async def _see_to_room(link: AgentClient, job: str) -> None:
    """Raise DiskError where the session says that files of it find no room on the access point."""
    try:
        told = json.loads(await inside(link, job, "status", "--json"))
        names = [name for name, why in told["save"]["left_out"].items() if "no space" in why]
    except (LauncherError, ValueError, KeyError, TypeError, AttributeError):
        return  # it can't be asked: it is ended as it is
    if names:
        some = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        raise DiskError(
            f"There is no space on {link.ap} for {some}: make room there, and stop it again; with --force it ends "
            "without."
        )


async def _end(link: AgentClient, record: Record) -> JobProgress:
    return [course async for course in follow(link, record)][-1]


async def extend(ap: str, name: str | None, duration: str, terminal: Terminal) -> int:
    """Keep a session for so long, whatever it does."""
    if not _DURATION.fullmatch(duration):
        raise UsageError(f"{duration!r} is no duration: write it like 90m, 2h or 1h30m.")
    async with connected(ap, terminal) as link:
        job = job_ads.job_of(await find(link, name))
        said = (await inside(link, job, "extend", duration)).strip()
        terminal.report({"job": job, "message": said})
        if not terminal.as_json:
            terminal.result(said)
    return 0


async def logs(ap: str, name: str | None, lines: int, terminal: Terminal, *, follow: bool) -> int:
    """Print the server's log, and with `follow` what comes."""
    async with connected(ap, terminal) as link:
        ad = await find(link, name)
        if ad.get("JobStatus") != JobStatus.RUNNING:
            for attribute in ("Out", "Err"):
                path = posixpath.join(str(ad.get("Iwd", "")), str(ad.get(attribute, "")))
                with contextlib.suppress(LauncherError):
                    terminal.result((await link.ask("read", path=path))["text"].rstrip())
            return 0
        told = lines_inside(link, job_ads.job_of(ad), "logs", "-n", str(lines), *(["-f"] if follow else []))
        async with contextlib.aclosing(told):
            async for line in told:
                terminal.result(line)
    return 0


def attach_command(ap: str, job: str) -> list[str]:
    """Return the words that land in the session's tmux."""
    argv = tunnel.attach(job)
    if ap == HERE:
        return argv
    remote = " ".join(f'"{word}"' if " " in word else word for word in argv)
    return openssh.build_command(ap, remote, tty=True, share=multiplexing.find(ap))


async def see_that_it_is_there(ap: str, job: str, terminal: Terminal) -> None:
    """Raise NoSuchSessionError, with how it ended, where a job has left the queue."""
    async with connected(ap, terminal) as link:
        await find(link, job)


async def job_named(ap: str, name: str | None, terminal: Terminal) -> str:
    """Return the job of a session; a job's id is taken as it is."""
    if name and re.fullmatch(r"\d+(\.\d+)?", name):
        return name
    async with connected(ap, terminal) as link:
        return job_ads.job_of(await find(link, name))
