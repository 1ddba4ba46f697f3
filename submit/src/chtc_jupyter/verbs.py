"""The verbs that ask or tell something of a session, and end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import posixpath
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict

from rich.table import Table

from chtc_jupyter import ads, records, sharing, ssh, tunnel, words
from chtc_jupyter.errors import LauncherError, UsageError
from chtc_jupyter.link import HERE, Link
from chtc_jupyter.login import connected, open_link
from chtc_jupyter.queries import find, inside, why_queued
from chtc_jupyter.records import Record
from chtc_jupyter.session import follow
from chtc_jupyter.ui import Terminal

_DURATION = re.compile(r"(\d+(\.\d+)?[smhd])+")
_RUNNING = 2


async def show_list(aps: Sequence[str], terminal: Terminal) -> int:
    """Show all sessions of the user."""
    rows = []
    for ap in aps:
        async with connected(ap, terminal) as link:
            found = ads.parse(await link.run(ads.query("-constraint", ads.SESSIONS)))
            rows += [(ap, ads.row(ad, link.hello["clock"])) for ad in found]
    if terminal.as_json:
        print(json.dumps([{"ap": ap, **asdict(row)} for ap, row in rows], indent=2))
    elif not rows:
        terminal.say("There are no sessions: `chtc-jupyter start` makes one.")
    else:
        terminal.table(_table([row for _, row in rows]))
    return 0


def _table(rows: Sequence[ads.Row]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("NAME", "JOB", "STATE", "MACHINE", "GPUS", "RUNNING", "STOPS", "WHY"):
        table.add_column(column, overflow="fold")
    for row in rows:
        stops = time.strftime("%a %H:%M", time.localtime(row.stops)) if row.stops else ""
        table.add_row(
            row.name, row.job, row.state, row.machine, str(row.gpus), words.duration(row.running), stops, row.why
        )
    return table


async def status(ap: str, name: str | None, terminal: Terminal) -> int:
    """Say what a session does, or why it does not run."""
    async with connected(ap, terminal) as link:
        ad = await find(link, name)
        job = ads.job_of(ad)
        if ad.get("JobStatus") == _RUNNING and ad.get("JupyterState"):
            text = await inside(link, job, "status", *(["--json"] if terminal.as_json else []))
            terminal.result(text.rstrip())
            return 0
        row = ads.row(ad, link.hello["clock"])
        reason = row.why or (await why_queued(link, job) if row.state == "queued" else "")
        if terminal.as_json:
            print(json.dumps({**asdict(row), "why": reason}, indent=2))
        else:
            found = ads.record(ad, ap)
            terminal.result(f"{row.state}: {reason}" if reason else row.state)
            if row.state == "held" and found:
                terminal.say(words.hold_advice(reason, found))
    return 0


async def stop(ap: str, name: str | None, terminal: Terminal) -> int:
    """Remove a session's job, and wait until its notebooks are back."""
    async with connected(ap, terminal) as link:
        ad = await find(link, name)
        job, record = ads.job_of(ad), ads.record(ad, ap)
        done = await link.run(["condor_rm", job])
        if done["status"]:
            raise LauncherError(f"HTCondor did not remove job {job}: {done['err'].strip() or done['out'].strip()}")
        terminal.wait(f"job {job}: ending; the notebooks are on their way back")
        if record and ad.get("JobStatus") == _RUNNING:
            await asyncio.wait_for(_ended(link, record), 180)
        if record:
            records.forget(record.name)
        where = f"; the notebooks are on {ap}, in {record.notebooks}" if record else ""
        terminal.report({"job": job, "stopped": True, "notebooks": record.notebooks if record else None})
        if not terminal.as_json:
            terminal.result(f"Job {job} has ended{where}.")
    return 0


async def _ended(link: Link, record: Record) -> None:
    async for _ in follow(link, record):
        pass


async def extend(ap: str, name: str | None, duration: str, terminal: Terminal) -> int:
    """Keep a session for so long, whatever it does."""
    if not _DURATION.fullmatch(duration):
        raise UsageError(f"{duration!r} is no duration: write it like 90m, 2h or 1h30m.")
    async with connected(ap, terminal) as link:
        job = ads.job_of(await find(link, name))
        said = (await inside(link, job, "extend", duration)).strip()
        terminal.report({"job": job, "message": said})
        if not terminal.as_json:
            terminal.result(said)
    return 0


async def logs(ap: str, name: str | None, lines: int, terminal: Terminal, *, follow: bool) -> int:
    """Print the server's log, and with `follow` what comes."""
    async with connected(ap, terminal) as link:
        ad = await find(link, name)
        if ad.get("JobStatus") != _RUNNING:
            for attribute in ("Out", "Err"):
                path = posixpath.join(str(ad.get("Iwd", "")), str(ad.get(attribute, "")))
                with contextlib.suppress(LauncherError):
                    terminal.result((await link.ask("read", path=path))["text"].rstrip())
            return 0
        argv = tunnel.inside(ads.job_of(ad), ["jupyter-session", "logs", "-n", str(lines), *(["-f"] if follow else [])])
        async with contextlib.aclosing(link.stream("follow", argv=argv)) as answers:
            async for answer in answers:
                if "line" in answer:
                    terminal.result(answer["line"])
    return 0


def attach_command(ap: str, job: str) -> list[str]:
    """Return the words that land in the session's tmux."""
    argv = tunnel.inside(job, ["jupyter-session", "attach"], tty=True)
    if ap == HERE:
        return argv
    remote = " ".join(f'"{word}"' if " " in word else word for word in argv)
    return ssh.command(ap, remote, tty=True, share=sharing.find(ap))


async def job_named(ap: str, name: str | None, terminal: Terminal) -> str:
    """Return the job of a session; a job's id is taken as it is."""
    if name and re.fullmatch(r"\d+\.\d+", name):
        return name
    async with connected(ap, terminal) as link:
        return ads.job_of(await find(link, name))


async def doctor(ap: str, image: str, terminal: Terminal) -> int:
    """Check the whole chain, and say what to mend; 1 where something is."""
    checks: list[tuple[str, bool, str]] = []

    def check(what: str, good: bool, advice: str = "") -> bool:  # noqa: FBT001
        checks.append((what, good, "" if good else advice))
        if not terminal.as_json:
            terminal.result(f"{'ok  ' if good else 'FAIL'}  {what}" + ("" if good else f": {advice}"))
        return good

    if ap != HERE and not check("ssh is installed", bool(shutil.which("ssh")), "install OpenSSH's client"):
        return _doctored(checks, terminal)
    try:
        link = await open_link(ap, terminal, forward=True)
    except LauncherError as error:
        check(f"login to {ap}", False, str(error))
        return _doctored(checks, terminal)
    try:
        check(f"login to {ap}, which has Python {link.hello['python']}", True)
        if check("HTCondor is there", bool(link.hello["condor"]), str(ssh.no_condor(ap))):
            asked = await link.run(["condor_q", "-totals"])
            check("its queue answers", asked["status"] == 0, asked["err"].strip() or "try again in some minutes")
            listed = await link.run(["condor_status", "-total"])
            check("the pool answers", listed["status"] == 0, listed["err"].strip() or "ask its operators")
        there = await link.run(["test", "-e", image.replace("~", link.hello["home"], 1)])
        good = "://" in image or there["status"] == 0
        check(f"the image {image} is there", good, "copy jupyter.sif there, or `chtc-jupyter config image PATH`")
        probe = f"{link.hello['home']}/jupyter/.chtc-jupyter-doctor"
        try:
            await link.ask("write", path=probe, text="x" * 65536)
            check("the home folder can be written", True)
        except LauncherError as error:
            check("the home folder can be written", False, str(error))
        await link.run(["rm", "-f", probe])
        if ap != HERE:
            check(
                "ssh may forward to a socket there",
                await link.may_forward(),
                "ask the operators to allow it (AllowStreamLocalForwarding in sshd_config)",
            )
    finally:
        await link.close()
    return _doctored(checks, terminal)


def _doctored(checks: Sequence[tuple[str, bool, str]], terminal: Terminal) -> int:
    if terminal.as_json:
        print(json.dumps([{"check": what, "ok": good, "advice": advice} for what, good, advice in checks], indent=2))
    return 0 if all(good for _, good, _ in checks) else 1
