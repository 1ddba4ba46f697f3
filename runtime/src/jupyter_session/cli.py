"""The command `jupyter-session`: its verbs and their arguments."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from jupyter_session import __version__, verbs
from jupyter_session.errors import SessionError, UsageError
from jupyter_session.settings import TABLE

_VERBS = {
    "run": "run a session until it ends: this is the job",
    "status": "say what the session does, and when it would end",
    "url": "print the address with its token",
    "attach": "open the session's tmux: the server's log and a shell",
    "extend": "keep the session for so long, whatever it does; 0s ends that",
    "stop": "end the session in order; the notebooks come back",
    "logs": "print the server's log",
    "wait": "wait until the session ends; this is what a tunnel runs",
    "sshd": "serve one SSH connection on the standard streams: what `ssh jupyter-JOB` runs",
}


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, not in a page of usage."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}: see `{self.prog} --help`.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="jupyter-session", description="JupyterLab as an HTCondor job.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"jupyter-session {__version__}")
    subparsers = parser.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=_Parser)
    commands = {
        verb: subparsers.add_parser(verb, help=text, description=text, allow_abbrev=False)
        for verb, text in _VERBS.items()
    }
    run = commands["run"]
    run.epilog = (
        "Each setting can also be given as the environment variable JUPYTER_SESSION_NAME, or in the submit file as the "
        'job attribute My.JupyterName (My.JupyterIdleTimeout = "2h"); arguments come first, then the environment.'
    )
    for setting in TABLE:
        default = f" (default: {setting.default})" if setting.default else ""
        run.add_argument(setting.flag, dest=setting.name, metavar=setting.metavar, help=setting.help + default)
    commands["status"].add_argument("--json", action="store_true", help="for programs")
    commands["extend"].add_argument("duration", metavar="DURATION", help="like 90m or 2h, from now on")
    commands["wait"].add_argument("port", type=int, nargs="?", help="the port that the tunnel leads to")
    commands["sshd"].add_argument("kind", metavar="TYPE", help="of the public key that may log in: ssh-ed25519")
    commands["sshd"].add_argument("text", metavar="BASE64", help="that key")
    logs = commands["logs"]
    logs.add_argument(
        "-n", "--lines", type=int, default=50, metavar="N", help="how many of the last lines (default: 50)"
    )
    logs.add_argument("-f", "--follow", action="store_true", help="go on as the log grows")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb; return the exit status: 0, 1 (it could not be done) or 2 (wrong arguments)."""
    try:
        arguments = vars(_parser().parse_args(argv))
        verb = arguments.pop("verb")
        if verb == "run":
            from jupyter_session.session.run import run  # noqa: PLC0415 - the other verbs need not load it

            return run(arguments, os.environ)
        if verb == "sshd":
            from jupyter_session.ssh.sshd import sshd  # noqa: PLC0415

            return sshd(**arguments)
        return int(getattr(verbs, verb)(**arguments))
    except SessionError as error:
        print(f"jupyter-session: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the flush at exit is quiet
        return 1
