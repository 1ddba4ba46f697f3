"""The command `chtc-jupyter`: its verbs and their arguments."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from chtc_jupyter import __version__, store
from chtc_jupyter.commands import config, image_build, past, profiles, queries, verbs
from chtc_jupyter.commands import copy as copying
from chtc_jupyter.commands import start as starting
from chtc_jupyter.commands import stop as stopping
from chtc_jupyter.commands.access_point import choose_access_point, choose_target
from chtc_jupyter.commands.doctor import Doctor
from chtc_jupyter.commands.open_session import OpenOptions, OpenSession
from chtc_jupyter.commands.start import StartOptions
from chtc_jupyter.commands.submit_only import submit_only
from chtc_jupyter.commands.typer_classes import Verb, Verbs
from chtc_jupyter.condor import submit
from chtc_jupyter.condor.architecture import parse_architecture
from chtc_jupyter.condor.submit import Request
from chtc_jupyter.errors import MEANINGS, ExitStatus, FailedError, LauncherError, NoSuchSessionError, UsageError
from chtc_jupyter.proxy import control
from chtc_jupyter.ssh import ssh_config
from chtc_jupyter.ssh.agent_client import HERE, LinkLostError
from chtc_jupyter.ssh.login import connected, open_link
from chtc_jupyter.terminal import SLOW, Terminal

_log = logging.getLogger(__name__)
_HELP = """Run JupyterLab as an HTCondor job and open it in the browser on your laptop.

Set your access point once with `chtc-jupyter config ap USER@HOST`; then `chtc-jupyter start` is all that you need.
If you have only one session, no command needs its name.
"""
_EXIT_STATUSES = "**Exit statuses**\n\n" + "\n\n".join(f"- `{code:d}` {text}" for code, text in MEANINGS.items())
_SESSIONS, _INSIDE, _SETUP, _OPERATORS = "Sessions", "Inside a session", "Setup", "For operators"
app = typer.Typer(
    cls=Verbs,
    help=_HELP,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
image_app = typer.Typer(cls=Verbs, help="Bring an image to the access point.", no_args_is_help=True)
app.add_typer(image_app, name="image", rich_help_panel=_SETUP)

Name = Annotated[str | None, typer.Argument(help="Session name or job ID.", metavar="[NAME]")]
Ap = Annotated[str | None, typer.Option(metavar="USER@HOST", help="Access point.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line, for programs.")]


def _print_version(asked: bool) -> None:
    if asked:
        Terminal().print_result(f"chtc-jupyter {__version__}")
        raise typer.Exit


@app.callback()
def _take_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@app.command(cls=Verb, rich_help_panel=_SESSIONS, epilog=_EXIT_STATUSES)
def start(
    name: Annotated[str, typer.Argument(help="Name for the session.")] = "lab",
    ap: Ap = None,
    gpus: Annotated[int | None, typer.Option(min=0, help="Number of GPUs.")] = None,
    gpu_memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Minimum memory of each GPU, such as 20GB.")
    ] = None,
    cpus: Annotated[int | None, typer.Option(min=1, help="Number of CPU cores.")] = None,
    memory: Annotated[str | None, typer.Option(metavar="SIZE", help="Memory, such as 16GB.")] = None,
    disk: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Disk, including the image and the notebooks.")
    ] = None,
    image: Annotated[
        str | None, typer.Option(metavar="PATH|URL", help="Container image: a path on the access point, or a URL.")
    ] = None,
    arch: Annotated[
        str | None, typer.Option(metavar="ARCH", help="Architecture of the machine: x86_64 or aarch64 (ARM).")
    ] = None,
    idle_timeout: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Shut down after this much inactivity: 2h, never.")
    ] = None,
    max_runtime: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Shut down after this time, even if in use.")
    ] = None,
    submit_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="Your own submit file on the access point.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="'KEY = VALUE'", help="Add a line to the submit file; the last of a key counts."),
    ] = None,
    input_: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="PATH|URL",
            help="File or folder on the access point, or URL, to have beside the notebooks; can be repeated.",
        ),
    ] = None,
    notebooks: Annotated[str | None, typer.Option(metavar="DIR", help="Notebooks folder on the access point.")] = None,
    browser: Annotated[bool | None, typer.Option(help="Open the browser when the session is ready.")] = None,
    notify: Annotated[bool | None, typer.Option(help="Notify you when the session is ready.")] = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", help="Use an interactive job, for pools that require one.")
    ] = False,
    profile: Annotated[
        str | None, typer.Option(metavar="PROFILE", help="Use the defaults of this profile, too (see `config`).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be submitted and exit.")] = False,
    as_json: Json = False,
) -> None:
    """Start a session and open it in the browser.

    This command stays: it is your connection to the session. Ctrl-C disconnects; the session keeps running. After a
    network outage it reconnects by itself, at the same address. Paths are on the access point, relative to your home
    folder there.

        chtc-jupyter start --ap USER@HOST
        chtc-jupyter start --gpus 1 --gpu-memory 20GB --memory 32GB training
        chtc-jupyter start --notebooks projects/cells --idle-timeout 2h
        chtc-jupyter start --input data/cells.h5 --input osdf:///my-pool/images.tar --disk 50GB
        chtc-jupyter start --arch aarch64 --gpus 1
        chtc-jupyter start --set 'requirements = OpSysMajorVer == 9'

    With --interactive, the session lives only as long as this connection: if you press Ctrl-C or the network fails,
    the session ends, and you have the notebooks as they were last saved.
    """
    values = profiles.apply_profile(config.load(), profile)
    if arch and submit_file:
        raise UsageError("--arch can't change the submit file: write `requirements = Arch == ...` there.")
    if input_ and submit_file:
        raise UsageError("--input can't change the submit file: write `transfer_input_files = ...` there.")
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
        arch=parse_architecture(arch) if arch else None if submit_file else values.get("arch"),
        inputs=tuple(input_ or ()),
        settings=config.merge_settings(values.get("set", ()), set_ or ()),
    )
    options = StartOptions(
        request=request,
        submit_file=submit_file,
        interactive=interactive,
        early_entry=values.get("early_entry", True) is True,
    )
    terminal = Terminal(as_json=as_json)
    starting.validate_options(options)  # before anybody logs in
    if dry_run and not submit_file:
        terminal.print_result(starting.plan_submission(options.resolve("~")).rstrip())
        return
    open_options = OpenOptions(
        browser=values.get("browser", True) if browser is None else browser,
        notify=values.get("notify", False) if notify is None else notify,
    )
    where = choose_access_point(ap or values.get("ap"), terminal)
    if where == HERE and interactive:
        raise UsageError("--interactive works from your laptop only: on the access point there is no ssh connection.")
    if dry_run:
        _finish(_plan_own_file(where, options, terminal))
    _finish(_start(where, options, terminal, open_options))


async def _plan_own_file(ap: str, options: StartOptions, terminal: Terminal) -> int:
    async with connected(ap, terminal) as link, terminal.explaining(SLOW, f"{ap}: asking HTCondor what it reads"):
        terminal.print_result(await starting.plan_own_file(link, options, terminal.say))
    return 0


async def _start(ap: str, options: StartOptions, terminal: Terminal, open_options: OpenOptions) -> int:
    link = await open_link(ap, terminal, forward=ap != HERE)
    try:
        async with terminal.explaining(SLOW, f"{ap}: checking and submitting the job"):
            record = await starting.launch(link, options, store.load_records(), terminal.say)
    except BaseException:
        await link.close()
        raise
    store.save(record)
    if ap == HERE:
        return await submit_only(link, record, terminal)
    return await OpenSession(record, terminal, open_options).run(link)


@app.command(cls=Verb, rich_help_panel=_SESSIONS)
def connect(
    name: Name = None,
    ap: Ap = None,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
    notify: Annotated[bool, typer.Option(help="Notify you when the session is open.")] = False,
    as_json: Json = False,
) -> None:
    """Open a session that is running, from this machine or another one."""
    _finish(_connect(name, ap, Terminal(as_json=as_json), OpenOptions(browser, notify)))


async def _connect(name: str | None, ap: str | None, terminal: Terminal, open_options: OpenOptions) -> int:
    known = store.look_up(name, ap)
    where = known.ap if known else choose_access_point(ap, terminal)
    link = await open_link(where, terminal, forward=True)
    try:
        async with terminal.explaining(SLOW, f"{where}: asking the queue"):
            record = known or await queries.find_record(link, name)
            await past.raise_if_another(link, record)
    except BaseException:
        await link.close()
        raise
    return await OpenSession(record, terminal, open_options).run(link)


@app.command("list", cls=Verb, rich_help_panel=_SESSIONS)
def list_(ap: Ap = None, as_json: Json = False) -> None:
    """List your sessions on every access point that you have used."""
    terminal = Terminal(as_json=as_json)
    known = [] if ap else [record.ap for record in store.load_records()]
    _finish(verbs.show_list(list(dict.fromkeys(known or [choose_access_point(ap, terminal)])), terminal))


@app.command(cls=Verb, rich_help_panel=_SESSIONS)
def status(name: Name = None, ap: Ap = None, as_json: Json = False) -> None:
    """Show what a session is doing and when it ends, or why it isn't running."""
    terminal = Terminal(as_json=as_json)
    _finish(verbs.show_status(*choose_target(name, ap, terminal), terminal))


@app.command(cls=Verb, rich_help_panel=_SESSIONS)
def stop(
    name: Name = None,
    ap: Ap = None,
    force: Annotated[bool, typer.Option("--force", help="Stop even if some files don't fit (they are lost).")] = False,
    as_json: Json = False,
) -> None:
    """Stop a session after saving its notebooks."""
    terminal = Terminal(as_json=as_json)
    _finish(stopping.stop(*choose_target(name, ap, terminal), terminal, force=force))


@app.command(cls=Verb, rich_help_panel=_SESSIONS)
def extend(
    duration: Annotated[str, typer.Argument(help="Time from now, such as 90m, 2h, or 1h30m.")],
    name: Name = None,
    ap: Ap = None,
    as_json: Json = False,
) -> None:
    """Keep a session alive for at least this long, even if idle (0s cancels)."""
    terminal = Terminal(as_json=as_json)
    _finish(verbs.extend(*choose_target(name, ap, terminal), duration, terminal))


@app.command(cls=Verb, rich_help_panel=_INSIDE)
def logs(
    name: Name = None,
    ap: Ap = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Print new lines as they are written.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="Number of lines to print.")] = 50,
    supervisor: Annotated[
        bool, typer.Option("--supervisor", help="Print the log of the session's supervisor instead.")
    ] = False,
) -> None:
    """Print the log of a session's Jupyter server."""
    terminal = Terminal()
    options = ["-n", str(lines), *(["-f"] if follow else []), *(["--supervisor"] if supervisor else [])]
    _finish(verbs.show_logs(*choose_target(name, ap, terminal), options, terminal))


@app.command(cls=Verb, rich_help_panel=_INSIDE)
def attach(name: Name = None, ap: Ap = None) -> None:
    """Open a session's tmux: a shell, and the server's log."""
    terminal = Terminal()
    where, what = choose_target(name, ap, terminal)
    job = asyncio.run(verbs.find_job(where, what, terminal))
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("attach needs a terminal. Run it in one, or read the log with `chtc-jupyter logs`.")
    status = subprocess.call(verbs.build_attach_command(where, job))
    if status not in (0, 255):  # 255 is ssh's own: then another login would fail too
        asyncio.run(verbs.raise_if_gone(where, job, terminal))
    raise typer.Exit(status)


@app.command(cls=Verb, rich_help_panel=_INSIDE)
def url(
    name: Name = None,
    as_json: Json = False,
    program: Annotated[
        bool,
        typer.Option(
            "--program", help="Print an address with a token for a program, such as VS Code, in place of a browser."
        ),
    ] = False,
) -> None:
    """Print a new address of a session that is open on this machine. A browser can use it once."""
    record = store.find(name)
    opened = store.load_opened(record.name)
    found = asyncio.run(control.ask(opened, control.PROGRAM if program else control.BROWSER)) if opened else None
    if not found:
        raise NoSuchSessionError(
            f"The session {record.name} isn't open here. `chtc-jupyter connect {record.name}` opens it."
        )
    Terminal().print_result(json.dumps({"name": record.name, "url": found}) if as_json else found)


@app.command(cls=Verb, rich_help_panel=_INSIDE)
def cp(
    sources: Annotated[list[str], typer.Argument(help="Files to copy.", metavar="FILE...")],
    target: Annotated[str, typer.Argument(help="Where to: NAME:[PATH] in a session, or a path here.")],
    ap: Ap = None,
    as_json: Json = False,
) -> None:
    """Copy files into a running session, or out of it.

    A path in a session is relative to the notebook folder. If the connection breaks, the copy goes on once it is back,
    or when you run the same command again; at the end, both ends are compared by SHA-256.

        chtc-jupyter cp data.h5 lab:
        chtc-jupyter cp data.h5 lab:../data.h5
        chtc-jupyter cp lab:results/model.pt .
    """
    _finish(copying.copy(sources, target, ap, Terminal(as_json=as_json)))


@app.command("ssh-config", cls=Verb, rich_help_panel=_INSIDE)
def ssh_config_(
    write: Annotated[bool, typer.Option("--write", help="Write the lines into ~/.ssh.")] = False,
) -> None:
    """Print the lines that ~/.ssh/config needs for `ssh jupyter-NAME`, scp, rsync, and VS Code."""
    terminal = Terminal()
    for line in ssh_config.install(Path.home()) if write else [ssh_config.print_block(Path.home()).rstrip()]:
        terminal.print_result(line)


@app.command("ssh-proxy", cls=Verb, hidden=True)
def ssh_proxy(host: Annotated[str, typer.Argument(help="Host name, as ssh has it.")]) -> None:
    """Run as the ProxyCommand of `ssh jupyter-NAME`."""
    terminal = Terminal()
    where, what = choose_target(ssh_config.parse_host(host), None, terminal)
    job = asyncio.run(verbs.find_job(where, what, terminal))
    try:
        status = ssh_config.run_proxy(host, where, job)
    except FailedError:
        asyncio.run(verbs.raise_if_gone(where, job, terminal))
        raise
    raise typer.Exit(status)


@app.command(cls=Verb, rich_help_panel=_SETUP)
def doctor(ap: Ap = None, as_json: Json = False) -> None:
    """Check everything from this machine to the pool, and say what to fix."""
    terminal = Terminal(as_json=as_json)
    _finish(Doctor(choose_access_point(ap, terminal), config.load(), terminal).run())


@app.command("config", cls=Verb, rich_help_panel=_SETUP, epilog=config.render_help())
def config_(
    key: Annotated[str | None, typer.Argument(help="Setting to show or to set.", metavar="[KEY]")] = None,
    value: Annotated[str | None, typer.Argument(help="New value; '' removes the setting.", metavar="[VALUE]")] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="PROFILE", help="Show or set the defaults of this profile.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show or set the defaults of `start`.

    A profile is a set of defaults with a name, for `start --profile NAME`: its settings count before the general ones,
    and its lines for the submit file are added to the general ones.

        chtc-jupyter config ap USER@HOST
        chtc-jupyter config --profile gpu gpus 1
        chtc-jupyter config --profile gpu set '+WantGPULab = true; +GPUJobLength = "short"'
    """
    values = config.load()
    key = key and key.replace("-", "_")
    if key is not None and value is not None:
        changed = profiles.update_profile(values, profile, key, value) if profile else config.update(values, key, value)
        config.save(changed)
        return
    if key is not None:
        config.check_key(key)
    terminal = Terminal(as_json=as_json)
    keys = [key] if key else list(config.KEYS)
    shown = profiles.apply_profile(values, profile)
    terminal.report({name: shown[name] for name in keys if name in shown})
    if not as_json:
        for name in keys:
            terminal.print_result(config.describe_value(name, shown))
        if key is None:
            terminal.say(f"These are in {config.get_path()}. Set one with `chtc-jupyter config KEY VALUE`.")
            if known := profiles.list_profiles(values):
                terminal.say(f"Profiles: {', '.join(sorted(known))}. `chtc-jupyter config --profile NAME` shows one.")


@image_app.command(cls=Verb)
def push(
    file: Annotated[str, typer.Argument(help="Image to copy.")],
    to: Annotated[str, typer.Argument(help="Path on the access point.")] = f"{starting.FOLDER}/{starting.IMAGE}",
    ap: Ap = None,
    as_json: Json = False,
) -> None:
    """Copy an image to the access point, where `start` finds it.

    If the connection breaks, the copy goes on once it is back, or when you run the same command again; at the end, both
    ends are compared by SHA-256. Sessions that run keep the image that they started with.

        chtc-jupyter image push jupyter.sif
    """
    terminal = Terminal(as_json=as_json)
    _finish(copying.push_image(file, to, choose_access_point(ap, terminal), terminal))


@image_app.command("build", cls=Verb)
def build_image(
    definition: Annotated[str, typer.Argument(help="Definition file.")] = "Apptainer.def",
    argument: Annotated[
        list[str] | None,
        typer.Option("--build-arg", metavar="NAME=VALUE", help="Build argument. Can be repeated."),
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--input", metavar="PATH", help="Image on the access point that the build needs. Can be repeated."
        ),
    ] = None,
    to: Annotated[
        str, typer.Option(metavar="PATH", help="Path of the image on the access point.")
    ] = f"{starting.FOLDER}/{starting.IMAGE}",
    disk: Annotated[str, typer.Option(metavar="SIZE", help="Disk that the build may use.")] = "20GB",
    ap: Ap = None,
    as_json: Json = False,
) -> None:
    """Build an image in a job of the pool, and put it to its place on the access point.

    Run it in the folder of Apptainer.def. Nothing is needed on this machine, nor on the access point; the machine that
    runs the job needs Apptainer, and a network for what it downloads.

        chtc-jupyter image build --build-arg REQUIREMENTS=requirements.txt
    """
    terminal = Terminal(as_json=as_json)
    asked = image_build.Build(
        definition=definition, arguments=argument or [], inputs=given or [], to=to, disk=disk, folder=Path.cwd()
    )
    _finish(image_build.build_image(asked, choose_access_point(ap, terminal), terminal))


@app.command(cls=Verb, rich_help_panel=_SETUP)
def forget(name: Name = None) -> None:
    """Remove a session from this machine's records; its job isn't touched."""
    record = store.find(name)
    store.forget(record.name)
    Terminal().say(
        f"Removed {record.name} from this machine's records. If its job {record.job} runs, it keeps running."
    )


@app.command(cls=Verb, rich_help_panel=_OPERATORS)
def admin(
    ap: Ap = None,
    since: Annotated[str, typer.Option(metavar="DURATION", help="How far back to include ended sessions.")] = "7d",
    user: Annotated[str | None, typer.Option(metavar="USER", help="Include this user's sessions only.")] = None,
    ceiling: Annotated[
        str | None, typer.Option(metavar="DURATION", help="The longest time that a job may run in this pool.")
    ] = None,
    prometheus: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write Prometheus text to this file instead of a table.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")] = False,
) -> None:
    """Report everyone's sessions, their hours, and how they ended, from job ads alone.

    Needs no special privileges. Covers sessions now queued or running, and those that ended within --since, with all
    of their hours. IDLE HOURS is the time in which nothing ran, as each session last reported it. SAVED HOURS is an
    upper bound: the time from each idle stop to the session's own deadline, or to --ceiling.

        chtc-jupyter admin --since 30d --ceiling 72h
        chtc-jupyter admin --since 1d --prometheus /var/lib/node_exporter/chtc_jupyter.prom
    """
    from chtc_jupyter.admin import verb  # noqa: PLC0415 - the other verbs don't wait for prometheus_client

    terminal = Terminal(as_json=as_json)
    where = choose_access_point(ap, terminal)
    _finish(verb.admin(where, terminal, since=since, user=user, ceiling=ceiling, prometheus=prometheus))


def _finish(work: Coroutine[Any, Any, int]) -> None:
    """Run a verb, and exit with its status."""
    raise typer.Exit(asyncio.run(work))


def main() -> None:
    """Run the command."""
    try:
        app()
    except LauncherError as error:
        _log.debug("Where it came from:", exc_info=True)
        Terminal().say(f"chtc-jupyter: {error}")
        sys.exit(error.exit_code)
    except LinkLostError as error:
        _log.debug("The connection was lost: %r", error)
        Terminal().say("chtc-jupyter: Lost the connection to the access point. Run the command again.")
        sys.exit(ExitStatus.UNREACHABLE)
    except OSError as error:  # such as a home folder that is full
        _log.debug("Where it came from:", exc_info=True)
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        Terminal().say(f"chtc-jupyter: This machine can't do what is asked ({what}). Mend that, then try again.")
        sys.exit(ExitStatus.FAILURE)
    except KeyboardInterrupt:
        sys.exit(ExitStatus.INTERRUPTED)
