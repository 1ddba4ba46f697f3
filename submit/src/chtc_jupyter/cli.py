"""The command `chtc-jupyter`: its verbs and their arguments."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from chtc_jupyter import errors, store
from chtc_jupyter.commands import queries, verbs
from chtc_jupyter.commands import start as starting
from chtc_jupyter.commands.doctor import Doctor
from chtc_jupyter.commands.open_session import OpenOptions, OpenSession, is_open, submit_only
from chtc_jupyter.commands.start import StartOptions
from chtc_jupyter.condor import submit
from chtc_jupyter.condor.submit import Request
from chtc_jupyter.errors import LauncherError, NoSuchSessionError, UsageError
from chtc_jupyter.ssh import openssh, ssh_config
from chtc_jupyter.ssh.agent_client import HERE, LinkLostError
from chtc_jupyter.ssh.login import open_link
from chtc_jupyter.store import Record
from chtc_jupyter.terminal import Terminal

_HELP = """JupyterLab as an HTCondor job, from the laptop: one command, one login.

`chtc-jupyter config ap USER@HOST` once, then `chtc-jupyter start --gpus 1`, and the browser opens. With one session
no other verb needs its name.
"""
_EPILOG = "**Exit status**\n\n" + "\n\n".join(f"- `{code}` {meaning}" for code, meaning in errors.table())
app = typer.Typer(
    help=_HELP,
    epilog=_EPILOG,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false", "yes", "no"):
        raise UsageError(f"{text!r} is neither true nor false.")
    return text.lower() in ("true", "yes")


def _number(text: str) -> int:
    if not text.isdecimal():
        raise UsageError(f"{text!r} is no whole number.")
    return int(text)


#: What `config` can set: the defaults of `start`.
DEFAULTS: dict[str, Callable[[str], Any]] = {
    "ap": openssh.validate_access_point, "image": str, "notebooks": str, "gpus": _number, "gpu_memory": str,
    "cpus": _number,
    "memory": str, "disk": str, "idle_timeout": str, "max_runtime": str, "browser": _truth, "notify": _truth,
}  # fmt: skip

Name = Annotated[Optional[str], typer.Argument(help="The session's name, or its job.", metavar="[NAME]")]
Ap = Annotated[Optional[str], typer.Option(metavar="USER@HOST", help="The access point.")]
Json = Annotated[bool, typer.Option("--json", help="For programs: one JSON object a line.")]


@app.command()
def start(
    name: Annotated[str, typer.Argument(help="What to call the session.")] = "lab",
    ap: Ap = None,
    gpus: Annotated[Optional[int], typer.Option(min=0, help="How many GPUs.")] = None,
    gpu_memory: Annotated[Optional[str], typer.Option(metavar="SIZE", help="Least memory of a GPU: 20GB.")] = None,
    cpus: Annotated[Optional[int], typer.Option(min=1, help="How many cores.")] = None,
    memory: Annotated[Optional[str], typer.Option(metavar="SIZE", help="Memory: 16GB.")] = None,
    disk: Annotated[Optional[str], typer.Option(metavar="SIZE", help="Disk, image and notebooks in it.")] = None,
    image: Annotated[
        Optional[str], typer.Option(metavar="PATH|URL", help="The image, on the access point or elsewhere.")
    ] = None,
    idle_timeout: Annotated[
        Optional[str], typer.Option(metavar="DURATION", help="End after so long without activity: 2h, never.")
    ] = None,
    max_runtime: Annotated[
        Optional[str], typer.Option(metavar="DURATION", help="End after so long, whatever works.")
    ] = None,
    submit_file: Annotated[
        Optional[str], typer.Option(metavar="FILE", help="A submit file of yours, on the access point.")
    ] = None,
    set_: Annotated[
        Optional[list[str]], typer.Option("--set", metavar="'KEY = VALUE'", help="One more line of the submit file.")
    ] = None,
    notebooks: Annotated[
        Optional[str], typer.Option(metavar="DIR", help="Your folder on the access point that travels with the job.")
    ] = None,
    browser: Annotated[Optional[bool], typer.Option(help="Open the browser when it is ready.")] = None,
    notify: Annotated[Optional[bool], typer.Option(help="Ring when it is ready.")] = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", help="Where a pool lets you into interactive jobs only: see below.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the submit description, and no more.")] = False,
    as_json: Json = False,
) -> None:
    """Submit a session, show what happens, and open it in the browser.

    Stays, as the way to the session: Ctrl-C closes it, and the session goes on. After a cut it connects again by
    itself, at the same address. Paths are the access point's, below your home unless they begin with a slash.

        chtc-jupyter start --ap USER@HOST
        chtc-jupyter start --gpus 1 --gpu-memory 20GB --memory 32GB training
        chtc-jupyter start --notebooks projects/cells --idle-timeout 2h
        chtc-jupyter start --set 'requirements = OpSysMajorVer == 9'

    With --interactive the job is a shell in which the session is started. It lives no longer than the connection that
    started it: Ctrl-C or a cut ends it, and the notebooks come back as they were saved.
    """
    values = store.load_config()
    request = Request(
        name=submit.validate_name(name),
        folder="",
        notebooks=notebooks or values.get("notebooks", ""),
        image=image or values.get("image", ""),
        gpus=values.get("gpus") if gpus is None else gpus,
        gpu_memory=gpu_memory or values.get("gpu_memory"),
        cpus=cpus or values.get("cpus"),
        memory=memory or values.get("memory"),
        disk=disk or values.get("disk"),
        idle_timeout=idle_timeout or values.get("idle_timeout"),
        max_runtime=max_runtime or values.get("max_runtime"),
        settings=set_ or (),
    )
    wish, terminal = (
        StartOptions(request=request, submit_file=submit_file, interactive=interactive),
        Terminal(as_json=as_json),
    )
    plan = starting.plan_submission(wish, "~")  # what is wrong with it is told before anybody logs in
    if dry_run:
        terminal.result(plan.rstrip())
        return
    manner = OpenOptions(
        browser=values.get("browser", True) if browser is None else browser,
        notify=values.get("notify", False) if notify is None else notify,
    )
    where = access_point(ap)
    if where == HERE and interactive:
        raise UsageError("--interactive is for the laptop: on the access point itself it has no connection to live by.")
    _finish(_start(where, wish, terminal, manner))


async def _start(ap: str, wish: StartOptions, terminal: Terminal, manner: OpenOptions) -> int:
    link = await open_link(ap, terminal, forward=ap != HERE)
    try:
        record = await starting.launch(link, wish, store.all_records())
    except BaseException:
        await link.close()
        raise
    store.save(record)
    if ap == HERE:
        return await submit_only(link, record, terminal)
    return await OpenSession(record, terminal, manner).run(link)


@app.command()
def connect(
    name: Name = None,
    ap: Ap = None,
    browser: Annotated[bool, typer.Option(help="Open the browser too.")] = True,
    notify: Annotated[bool, typer.Option(help="Ring when it is open.")] = False,
    as_json: Json = False,
) -> None:
    """Open a session that runs, from this machine or from another one."""
    _finish(_connect(name, ap, Terminal(as_json=as_json), OpenOptions(browser, notify)))


async def _connect(name: str | None, ap: str | None, terminal: Terminal, manner: OpenOptions) -> int:
    known: Record | None = None
    with contextlib.suppress(NoSuchSessionError):
        known = store.find(name, ap)
    where = known.ap if known else access_point(ap)
    link = await open_link(where, terminal, forward=True)
    try:
        record = known or await queries.record_of(link, name)
    except BaseException:
        await link.close()
        raise
    return await OpenSession(record, terminal, manner).run(link)


@app.command("list")
def list_(ap: Ap = None, as_json: Json = False) -> None:
    """Show all your sessions, on every access point that this machine knows."""
    known = dict.fromkeys([*([access_point(ap)] if ap or not store.all_records() else []),
                           *(record.ap for record in store.all_records() if not ap)])  # fmt: skip
    _finish(verbs.show_list(list(known), Terminal(as_json=as_json)))


@app.command()
def status(name: Name = None, ap: Ap = None, as_json: Json = False) -> None:
    """Say what a session does and when it would end, or why it is not running."""
    _finish(verbs.status(*_target(name, ap), Terminal(as_json=as_json)))


@app.command()
def stop(
    name: Name = None,
    ap: Ap = None,
    force: Annotated[bool, typer.Option("--force", help="Also where some notebooks find no room there.")] = False,
    as_json: Json = False,
) -> None:
    """End a session in order: its notebooks come back."""
    _finish(verbs.stop(*_target(name, ap), Terminal(as_json=as_json), force=force))


@app.command()
def extend(
    duration: Annotated[str, typer.Argument(help="Like 90m or 2h, from now on.")],
    name: Name = None,
    ap: Ap = None,
    as_json: Json = False,
) -> None:
    """Keep a session for so long, whatever it does; 0s ends that."""
    _finish(verbs.extend(*_target(name, ap), duration, Terminal(as_json=as_json)))


@app.command()
def logs(
    name: Name = None,
    ap: Ap = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as the log grows.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="How many of the last lines.")] = 50,
) -> None:
    """Print the log of a session's server."""
    _finish(verbs.logs(*_target(name, ap), lines, Terminal(), follow=follow))


@app.command()
def attach(name: Name = None, ap: Ap = None) -> None:
    """Open a session's tmux: the server's log, and a shell."""
    where, what = _target(name, ap)
    job = asyncio.run(verbs.job_named(where, what, Terminal()))
    status = subprocess.call(verbs.attach_command(where, job))
    if status not in (0, 255):  # 255 is ssh's own: then another login would fail too
        asyncio.run(verbs.see_that_it_is_there(where, job, Terminal()))
    raise typer.Exit(status)


@app.command("ssh-config")
def ssh_config_(
    write: Annotated[bool, typer.Option("--write", help="Put it into ~/.ssh, and say what was done.")] = False,
) -> None:
    """Print what ~/.ssh/config needs for `ssh jupyter-NAME`: scp, rsync, VS Code and the like in a session."""
    terminal = Terminal()
    for line in ssh_config.install(Path.home()) if write else [ssh_config.block().rstrip()]:
        terminal.result(line)


@app.command("ssh-proxy", hidden=True)
def ssh_proxy(host: Annotated[str, typer.Argument(help="The host, as ssh has it.")]) -> None:
    """Be the ProxyCommand of `ssh jupyter-NAME`."""
    where, what = _target(ssh_config.session_of(host), None)
    raise typer.Exit(ssh_config.proxy(host, where, asyncio.run(verbs.job_named(where, what, Terminal()))))


@app.command()
def url(name: Name = None, as_json: Json = False) -> None:
    """Print the address of a session that is open on this machine, the token in it."""
    record = store.find(name)
    found = store.opened_url(record.name)
    if not found or not asyncio.run(is_open(record)):
        raise NoSuchSessionError(f"{record.name} is not open here: `chtc-jupyter connect {record.name}` opens it.")
    Terminal().result(json.dumps({"name": record.name, "url": found}) if as_json else found)


@app.command()
def forget(name: Name = None) -> None:
    """Forget a session on this machine; nothing happens to its job."""
    record = store.find(name)
    store.forget(record.name)
    Terminal().say(f"{record.name} is forgotten here. If its job {record.job} runs, it goes on.")


@app.command()
def config(
    key: Annotated[Optional[str], typer.Argument(help="What to set.")] = None,
    value: Annotated[Optional[str], typer.Argument(help="Its new default; empty for none.")] = None,
    as_json: Json = False,
) -> None:
    """Show the defaults of `start`, or set one."""
    values = store.load_config()
    if key is not None and key not in DEFAULTS:
        raise UsageError(f"There is no default {key!r}: there are {', '.join(DEFAULTS)}.")
    if key is not None and value is not None:
        values.pop(key, None)
        if value:
            values[key] = DEFAULTS[key](value)
        store.save_config(values)
        return
    shown = {name: values[name] for name in ([key] if key else DEFAULTS) if name in values}
    terminal = Terminal()
    if as_json:
        terminal.result(json.dumps(shown))
    else:
        for name, found in shown.items():
            terminal.result(f"{name} = {found}")
        terminal.say(f"({store.config_file()})")


@app.command()
def doctor(ap: Ap = None, as_json: Json = False) -> None:
    """Check the whole way from here to the pool, and say what to mend."""
    image = str(store.load_config().get("image", f"~/{starting.FOLDER}/jupyter.sif"))
    _finish(Doctor(access_point(ap), image, Terminal(as_json=as_json)).run())


@app.command()
def admin(
    ap: Ap = None,
    since: Annotated[str, typer.Option(metavar="DURATION", help="How far back ended sessions count.")] = "7d",
    user: Annotated[Optional[str], typer.Option(metavar="USER", help="Only this user's sessions.")] = None,
    ceiling: Annotated[
        Optional[str], typer.Option(metavar="DURATION", help="The longest that this pool lets a job run.")
    ] = None,
    prometheus: Annotated[
        Optional[Path], typer.Option(metavar="FILE", help="Write Prometheus text there, and print nothing.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one JSON object.")] = False,
) -> None:
    """For operators: everyone's sessions, their hours, and how they ended, from job ads alone.

    Takes no more than a user's rights. Those count that are in the queue, and those that have ended since, with all
    their hours. IDLE HOURS are those in which nothing worked, as each session last told: at its end, and when it was
    about to stop. SAVED HOURS are at most: from each idle stop to the session's own deadline, or to --ceiling.

        chtc-jupyter admin --since 30d --ceiling 72h
        chtc-jupyter admin --since 1d --prometheus /var/lib/node_exporter/chtc_jupyter.prom
    """
    from chtc_jupyter.admin import verb  # noqa: PLC0415 - prometheus_client need not be waited for by the others

    terminal = Terminal(as_json=as_json)
    _finish(verb.admin(access_point(ap), terminal, since=since, user=user, ceiling=ceiling, prometheus=prometheus))


def _target(name: str | None, ap: str | None) -> tuple[str, str | None]:
    """Return the access point of the session that is meant, and its job, or what it is called there."""
    with contextlib.suppress(NoSuchSessionError):
        record = store.find(name, ap)
        return record.ap, record.job
    aps = {record.ap for record in store.all_records()}
    return (aps.pop() if len(aps) == 1 and ap is None else access_point(ap)), name


def access_point(given: str | None) -> str:
    """Return the access point: as given, of the defaults, or this machine."""
    if found := given or store.load_config().get("ap"):
        return str(found)
    if shutil.which("condor_submit"):
        return HERE
    raise UsageError("Which access point? Give --ap USER@HOST, or set it for good: chtc-jupyter config ap USER@HOST")


def _finish(work: Coroutine[Any, Any, int]) -> None:
    """Run a verb, and exit with its status."""
    raise typer.Exit(asyncio.run(work))


def main() -> None:
    """Run the command."""
    try:
        app()
    except LauncherError as error:
        Terminal().say(f"chtc-jupyter: {error}")
        sys.exit(error.exit_code)
    except LinkLostError:
        Terminal().say("chtc-jupyter: The connection to the access point was lost: say it again.")
        sys.exit(10)
    except KeyboardInterrupt:
        sys.exit(130)
