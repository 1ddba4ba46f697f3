"""The command `chtc-jupyter`: its verbs and their arguments."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, Optional

import typer

from chtc_jupyter import records, submit
from chtc_jupyter import start as starting
from chtc_jupyter.errors import LauncherError, UsageError
from chtc_jupyter.link import HERE, LinkLostError
from chtc_jupyter.opening import Manner, Opening, open_link
from chtc_jupyter.records import Record
from chtc_jupyter.start import Wish
from chtc_jupyter.submit import Request
from chtc_jupyter.ui import Terminal

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, context_settings={"max_content_width": 80})

Name = Annotated[Optional[str], typer.Argument(help="The session's name, or its job.", metavar="[NAME]")]
Ap = Annotated[Optional[str], typer.Option(metavar="USER@HOST", help="The access point.")]
Json = Annotated[bool, typer.Option("--json", help="For programs: one JSON object a line.")]


@app.command()
def start(
    name: Annotated[str, typer.Argument(help="What to call the session.")] = "lab",
    ap: Ap = None,
    gpus: Annotated[Optional[int], typer.Option(min=0)] = None,
    gpu_memory: Annotated[Optional[str], typer.Option(metavar="SIZE")] = None,
    cpus: Annotated[Optional[int], typer.Option(min=1)] = None,
    memory: Annotated[Optional[str], typer.Option(metavar="SIZE")] = None,
    disk: Annotated[Optional[str], typer.Option(metavar="SIZE")] = None,
    image: Annotated[Optional[str], typer.Option(metavar="PATH|URL")] = None,
    idle_timeout: Annotated[Optional[str], typer.Option(metavar="DURATION")] = None,
    max_runtime: Annotated[Optional[str], typer.Option(metavar="DURATION")] = None,
    submit_file: Annotated[Optional[str], typer.Option(metavar="FILE")] = None,
    set_: Annotated[Optional[list[str]], typer.Option("--set", metavar="'KEY = VALUE'")] = None,
    notebooks: Annotated[Optional[str], typer.Option(metavar="DIR")] = None,
    browser: Annotated[bool, typer.Option()] = True,
    notify: Annotated[bool, typer.Option("--notify")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run")] = False,
    as_json: Json = False,
) -> None:
    """Submit a session, follow it, and open it in the browser."""
    request = Request(
        name=submit.name(name), folder="", notebooks=notebooks or "", image=image or "", gpus=gpus,
        gpu_memory=gpu_memory, cpus=cpus, memory=memory, disk=disk, idle_timeout=idle_timeout,
        max_runtime=max_runtime, settings=set_ or (),
    )  # fmt: skip
    wish, terminal = Wish(request=request, submit_file=submit_file), Terminal(as_json=as_json)
    if dry_run:
        terminal.result(starting.plan(wish, "~"))
        return
    where = access_point(ap)
    _finish(_start(where, wish, terminal, Manner(browser, notify)))


async def _start(ap: str, wish: Wish, terminal: Terminal, manner: Manner) -> int:
    link = await open_link(ap, terminal, forward=True)
    try:
        record = await starting.launch(link, wish, records.all_records())
    except BaseException:
        await link.close()
        raise
    records.save(record)
    return await Opening(record, terminal, manner).run(link)


@app.command()
def connect(name: Name = None, browser: bool = True, notify: bool = False, as_json: Json = False) -> None:
    """Open a session that runs."""
    record, terminal = records.find(name), Terminal(as_json=as_json)
    _finish(_connect(record, terminal, Manner(browser, notify)))


async def _connect(record: Record, terminal: Terminal, manner: Manner) -> int:
    link = await open_link(record.ap, terminal, forward=True)
    return await Opening(record, terminal, manner).run(link)


def access_point(given: str | None) -> str:
    """Return the access point: as given, of the defaults, or this machine."""
    if found := given or records.load_config().get("ap"):
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
        print(f"chtc-jupyter: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except LinkLostError:
        print("chtc-jupyter: The connection to the access point was lost: say it again.", file=sys.stderr)
        sys.exit(10)
    except KeyboardInterrupt:
        sys.exit(130)
