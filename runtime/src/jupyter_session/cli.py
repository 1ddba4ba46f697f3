"""The command `jupyter-session`: its verbs and their arguments."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from jupyter_session import __version__, log, output
from jupyter_session.errors import SessionError, UsageError
from jupyter_session.settings import TABLE

_LOG = logging.getLogger(__name__)
_VERBS = {
    "run": "run a session until it ends; this is the job",
    "status": "show what keeps the session alive and when it would end",
    "top": "show the session's resources and activity, renewed every two seconds (q quits)",
    "url": "print the address with its token",
    "connect": "print the line for your laptop that opens a tunnel to the session",
    "attach": "open the session's tmux: the server's log and a shell",
    "extend": "keep the session alive for at least this long, even if idle (0s cancels)",
    "stop": "shut the session down in order; the notebooks come back",
    "packages": "list what pip installed, print a requirements file of it (export), or remove it (reset)",
    "fetch": "bring here what is new in the notebook folder on the access point",
    "logs": "print the server's log",
    "wait": "wait until the session ends; this is what a tunnel runs",
    "sshd": "serve one SSH connection on the standard streams; this is what `ssh jupyter-JOB` runs",
}


class _Parser(argparse.ArgumentParser):
    """Reports an error in one sentence, not in a page of usage."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}. See `{self.prog} --help`.")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, with a parser for each verb."""
    parser = _Parser(prog="jupyter-session", description="Run JupyterLab as an HTCondor job.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"jupyter-session {__version__}")
    subparsers = parser.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=_Parser)
    commands = {
        verb: subparsers.add_parser(verb, help=text, description=text, allow_abbrev=False)
        for verb, text in _VERBS.items()
    }
    for command in commands.values():
        command.add_argument(
            "-v", "--verbose", action="count", default=0, help="log to standard error (-vv: also details)"
        )
    run = commands["run"]
    run.epilog = (
        "Each setting can also be given as an environment variable (JUPYTER_SESSION_IDLE_TIMEOUT=2h), or in the submit "
        'file as a job attribute (My.JupyterIdleTimeout = "2h"). Arguments come first, then the environment.'
    )
    for setting in TABLE:
        default = f" (default: {setting.default})" if setting.default else ""
        text = (setting.help + default).replace("%", "%%")  # argparse formats help texts with %
        run.add_argument(setting.flag, dest=setting.name, metavar=setting.metavar, help=text)
    run.add_argument("--no-recorder", dest="recorder", action="store_const", const="off", help="same as --recorder off")
    commands["status"].add_argument("--json", action="store_true", help="print JSON, for programs")
    commands["extend"].add_argument("duration", metavar="DURATION", help="such as 90m or 2h, from now on")
    commands["packages"].add_argument(
        "action", nargs="?", choices=("list", "export", "reset"), default="list", help="what to do (default: list)"
    )
    commands["fetch"].add_argument(
        "paths", nargs="*", metavar="PATH", help="file or folder in the notebook folder (default: all that is new)"
    )
    commands["wait"].add_argument("port", type=int, nargs="?", help="the port that the tunnel leads to")
    commands["sshd"].add_argument("kind", metavar="TYPE", help="type of the public key that may log in: ssh-ed25519")
    commands["sshd"].add_argument("text", metavar="BASE64", help="the public key itself")
    logs = commands["logs"]
    logs.add_argument(
        "-n", "--lines", type=int, default=50, metavar="N", help="number of lines to print, from the end (default: 50)"
    )
    logs.add_argument("-f", "--follow", action="store_true", help="keep printing as the log grows")
    logs.add_argument("--supervisor", action="store_true", help="print the log of the session's supervisor instead")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb; return the exit status: 0, 1 (it failed), or 2 (wrong arguments)."""
    output.open_closed()
    try:
        arguments = vars(make_parser().parse_args(argv))
        verb = arguments.pop("verb")
        log.write_to_stderr(arguments.pop("verbose"))
        _LOG.debug("jupyter-session %s, verb %s", __version__, verb)
        if verb == "run":
            from jupyter_session.session.run import run  # noqa: PLC0415 - the other verbs need not load it

            try:
                return run(arguments, os.environ)
            finally:
                output.flush()
        if verb == "sshd":
            from jupyter_session.ssh.sshd import sshd  # noqa: PLC0415

            return sshd(**arguments)
        if verb == "top":
            from jupyter_session.panel.top import top  # noqa: PLC0415

            return top()
        from jupyter_session import verbs  # noqa: PLC0415 - neither need `run` and `sshd` load these

        return int(getattr(verbs, {"connect": "connect_line"}.get(verb, verb))(**arguments))
    except SessionError as error:
        _LOG.debug("%s", type(error).__name__, exc_info=True)
        output.write_line(f"jupyter-session: {error}", to_stderr=True)
        output.flush()
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _LOG.debug("nobody reads the output any more")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the flush at exit is quiet
        return 1
