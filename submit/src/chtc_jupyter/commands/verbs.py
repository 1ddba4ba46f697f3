"""The verbs that ask something about a session, or tell it something, and exit."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from rich.table import Table

from chtc_condor.notebook_look import clean
from chtc_jupyter import messages, queue, store
from chtc_jupyter.commands import past, session_status
from chtc_jupyter.commands.past import EndedError
from chtc_jupyter.commands.queries import explain_queued, find, raise_if_over, run_inside, stream_inside
from chtc_jupyter.condor import job_ads
from chtc_jupyter.condor.job_ads import Ad
from chtc_jupyter.durations import format_duration, validate_duration
from chtc_jupyter.errors import FailedError, LauncherError, PolicyError, UnreachableError
from chtc_jupyter.ssh import entry, openssh, search_path
from chtc_jupyter.ssh.agent_client import HERE, AgentClient, LinkLostError
from chtc_jupyter.ssh.login import choose_share, connected
from chtc_jupyter.terminal import SLOW, Terminal, make_cell

_log = logging.getLogger(__name__)
#: Characters of an answer.
_LONGEST = 1000


@dataclass
class _Found:
    """What was found on the access points, and why on some nothing was. `last` is the last session that has ended."""

    rows: list[tuple[str, job_ads.Row]] = field(default_factory=list)
    over: list[past.Past] = field(default_factory=list)
    last: past.Past | None = None
    failed: list[tuple[str, LauncherError]] = field(default_factory=list)


async def show_list(aps: Sequence[str], terminal: Terminal) -> int:
    """Print all sessions of the user, and how those ended that have ended since the last time.

    Raises LauncherError if an access point can't be asked, after those of the others.
    """
    found = _Found()
    for ap in aps:
        await _look_for_sessions(ap, terminal, found)
    rows, over, last, failed = found.rows, found.over, found.last, found.failed
    for ap, row in [*rows, *((end.record.ap, _build_ended_row(end)) for end in over)]:
        terminal.report({"ap": ap, **asdict(row)})
    if rows and not terminal.as_json:
        terminal.print_table(_build_table([row for _, row in rows]))
    elif not rows and not over and not failed:
        terminal.say(
            f"There are no sessions. {f'The last one: {last}' if last else '`chtc-jupyter start` starts one.'}"
        )
    for end in over:
        store.end(end.record.name)
        terminal.say(str(end))
    for ap, why in failed[:-1]:
        terminal.say(f"The sessions on {ap} are not listed: {why}")
    if failed:
        raise failed[-1][1]
    return 0


async def _look_for_sessions(ap: str, terminal: Terminal, found: _Found) -> None:
    """Add what there is on an access point."""
    try:
        async with connected(ap, terminal) as link, terminal.explaining(SLOW, f"{ap}: asking the queue"):
            remembered = [record for record in store.load_records() if record.ap == ap]
            ads = await queue.find_jobs(link, job_ads.PRESENT)
            found.rows += [(ap, job_ads.build_row(ad, link.hello["clock"])) for ad in ads]
            jobs = {job_ads.get_job_id(ad) for ad in ads}
            gone = [record for record in remembered if record.job not in jobs]
            found.over += [end for record in gone if (end := await past.find_end(link, record))]
            if not found.rows and not found.over and not terminal.as_json:
                found.last = await past.find_past(link, None) or found.last
    except LauncherError as error:
        found.failed.append((ap, error))
    except LinkLostError:
        found.failed.append((ap, UnreachableError(f"Lost the connection to {ap}. Run the command again.")))


def _build_ended_row(end: past.Past) -> job_ads.Row:
    return job_ads.build_ended_row(end.record, messages.describe_end(end.progress))


def _build_table(rows: Sequence[job_ads.Row]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("NAME", "JOB", "STATE", "MACHINE", "GPUS", "RUNNING", "STOPS", "WHY"):
        table.add_column(column, overflow="fold")
    for row in rows:
        cells = (
            row.name,
            row.job,
            row.state,
            f"{row.machine} ({row.arch})".strip() if row.arch not in ("", "X86_64") else row.machine,
            str(row.gpus),
            "" if row.running is None else format_duration(row.running),
            session_status.describe_stops(row),
            row.why or (f"`chtc-jupyter status {row.job}` says why" if row.state == "queued" else ""),
        )
        table.add_row(*map(make_cell, cells))
    return table


async def show_status(ap: str, name: str | None, terminal: Terminal) -> int:
    """Print what a session does, or why it isn't running."""
    async with connected(ap, terminal) as link, terminal.explaining(SLOW, f"{ap}: asking the queue and the session"):
        try:
            ad = await find(link, name)
        except EndedError as end:
            looked = end.past.looked
            files = None if looked is None else asdict(looked)
            terminal.report({**asdict(_build_ended_row(end.past)), "ap": ap, "files": files, "message": str(end)})
            if not terminal.as_json:
                terminal.print_result(str(end))
            return 0
        if job_ads.is_over(ad):
            await _show_job(link, ad, terminal)
        elif job_ads.is_running(ad) and ad.get("JupyterState"):
            await _show_session(link, ad, terminal)
        elif not job_ads.is_running(ad) or not await _show_mute_session(link, ad, terminal):
            await _show_job(link, ad, terminal)
    return 0


async def _show_mute_session(link: AgentClient, ad: Ad, terminal: Terminal) -> bool:
    """Print what a session says that can't announce itself; return False if the job doesn't answer like one."""
    try:
        await _show_session(link, ad, terminal)
    except (FailedError, PolicyError) as error:
        _log.debug("job %s is asked in vain: %s", job_ads.get_job_id(ad), error)
        return False
    return True


async def _show_session(link: AgentClient, ad: Ad, terminal: Terminal) -> None:
    """Print what a running session says of itself."""
    job = job_ads.get_job_id(ad)
    said = await run_inside(link, job, "status", "--json")
    try:
        facts = session_status.parse_facts(said)
        name = str(ad.get("JupyterName") or job)
        lines = [session_status.describe_session(facts, name), *session_status.describe_saving(facts["save"])]
        table = session_status.build_sources_table(facts["sources"]) if facts["sources"] else None
        lines += [str(facts["problem"])] if facts["problem"] else []
        lines += [f"Warning: {sentence}" for sentence in facts.get("warnings", [])]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        _log.debug("job %s said %r of its state: %r", job, said[:1000], error)
        raise FailedError(
            f"The session in job {job} told its state in words that this version of chtc-jupyter doesn't know. Use "
            f"the version of its image; `chtc-jupyter logs {job}` works all the same."
        ) from None
    terminal.report(facts)
    if not terminal.as_json:
        terminal.print_result(lines[0])
        if table:
            terminal.print_table(table)
        for line in lines[1:]:
            terminal.print_result(line)


async def _show_job(link: AgentClient, ad: Ad, terminal: Terminal) -> None:
    """Print why a job runs no session now, and what to do if it is held."""
    job, row = job_ads.get_job_id(ad), job_ads.build_row(ad, link.hello["clock"])
    reason = row.why or (await explain_queued(link, job) if row.state == "queued" else "")
    terminal.report({**asdict(row), "why": reason})
    if not terminal.as_json:
        terminal.print_result(f"{row.state.capitalize()}: {reason}" if reason else f"{row.state.capitalize()}.")
        record = job_ads.build_record(ad, link.ap)
        if row.state == "held" and record:
            terminal.say(messages.get_hold_advice(reason, record, ad.get("HoldReasonCode")))


async def extend(ap: str, name: str | None, duration: str, terminal: Terminal) -> int:
    """Keep a session alive for at least this long, even if it is idle."""
    duration = validate_duration(duration)
    async with connected(ap, terminal) as link, terminal.explaining(SLOW, f"{ap}: asking the session"):
        ad = await find(link, name)
        raise_if_over(ad)
        job = job_ads.get_job_id(ad)
        said = clean(await run_inside(link, job, "extend", duration), _LONGEST)
        terminal.report({"job": job, "message": said})
        if not terminal.as_json:
            terminal.print_result(said)
    return 0


async def show_logs(ap: str, name: str | None, options: Sequence[str], terminal: Terminal) -> int:
    """Print what `jupyter-session logs` prints with these options; of a job that doesn't run, its output."""
    async with connected(ap, terminal) as link:
        try:
            async with terminal.explaining(SLOW, f"{ap}: asking the queue"):
                ad = await find(link, name)
        except EndedError as end:
            await _print_files(link, end.past.output, terminal)
            terminal.say(str(end))
            return 0
        job = job_ads.get_job_id(ad)
        raise_if_over(ad)
        if not job_ads.is_running(ad):
            state, wrote = job_ads.build_row(ad, 0).state, await _print_files(link, job_ads.list_output(ad), terminal)
            terminal.say(
                f"Job {job} is {state} and {'has no log of its own now' if wrote else 'has written nothing yet'}. "
                f"`chtc-jupyter status {job}` says why."
            )
            return 0
        output = stream_inside(link, job, "logs", *options)
        async with contextlib.aclosing(output), contextlib.AsyncExitStack() as until_first:
            await until_first.enter_async_context(terminal.explaining(SLOW, f"job {job}: waiting for its log"))
            try:
                async for line in output:
                    await until_first.aclose()
                    terminal.print_result(line)
            except (FailedError, PolicyError):
                if not (ended := await _describe_end(link, job)):
                    raise
                terminal.say(ended)
    return 0


async def _describe_end(link: AgentClient, job: str) -> str:
    """Return that a session ends or has ended, and why; "" if it goes on, or if that isn't known."""
    try:
        ad = await find(link, job)
    except EndedError as end:
        return str(end)
    except LauncherError as error:
        _log.debug("The queue doesn't say whether job %s has ended: %s", job, error)
        return ""
    row = job_ads.build_row(ad, 0)
    return f"{row.state.capitalize()}: {row.why}" if row.state in ("stopping", *job_ads.SESSION_ENDED) else ""


async def _print_files(link: AgentClient, paths: Sequence[str], terminal: Terminal) -> bool:
    """Print the files that can be read; return True if there was anything in them."""
    printed = False
    for path in paths:
        try:
            async with terminal.explaining(SLOW, f"{link.ap}: reading {path}"):
                text = str((await link.ask("read", path=path))["text"]).rstrip()
        except LauncherError as error:
            _log.debug("Can't read %s: %s", path, error)
            continue
        if text:
            terminal.print_result(text)
            printed = True
    return printed


def build_attach_command(ap: str, job: str) -> list[str]:
    """Return the command that opens the session's tmux."""
    if ap == HERE:
        return ["sh", "-c", entry.ATTACH_JOB, job, *search_path.list_folders()]
    return openssh.build_command(ap, entry.build_attach_command(job), tty=True, share=choose_share(ap))


async def raise_if_gone(ap: str, job: str, terminal: Terminal) -> None:
    """Raise NoSuchSessionError, with how it ended, if a job has left the queue, or its session has ended."""
    async with connected(ap, terminal) as link, terminal.explaining(SLOW, f"{ap}: asking the queue"):
        raise_if_over(await find(link, job))


async def find_job(ap: str, name: str | None, terminal: Terminal) -> str:
    """Return the job of a session; a job ID is returned as it is, and whose it is the access point then sees."""
    if name and past.JOB.fullmatch(name):
        return name
    async with connected(ap, terminal) as link, terminal.explaining(SLOW, f"{ap}: asking the queue"):
        return job_ads.get_job_id(await find(link, name))
