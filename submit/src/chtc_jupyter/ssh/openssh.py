"""The words of the ssh command, and what its failures mean. The system's own ssh: the user's config, keys and Duo."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from chtc_jupyter.errors import (
    CondorError,
    DiskError,
    HostKeyError,
    LauncherError,
    LoginError,
    PythonError,
    UnreachableError,
    UsageError,
)

#: Exit status of the remote command where the access point's Python is too old.
TOO_OLD = 93
#: One login for all that use them: the options of submit/ssh_config. Windows' OpenSSH has no ControlMaster.
KEPT = ("ControlMaster=auto", "ControlPath=~/.ssh/jupyter-%C", "ControlPersist=1h")
_AP = re.compile(r"(?:[A-Za-z0-9_][\w.+-]*@)?[A-Za-z0-9\[][\w.:\[\]-]*")


@dataclass(frozen=True)
class Forward:
    """A port of this machine's loopback that leads to a socket on the access point."""

    port: int
    socket: str


def validate_access_point(text: str) -> str:
    """Return USER@HOST, or a name of the ssh config; raises UsageError where it is none."""
    if not _AP.fullmatch(text):
        raise UsageError(f"{text!r} is no access point: give USER@HOST, or a Host of your ssh config.")
    return text


def build_bootstrap(size: int, tag: str) -> str:
    """Return the command for the access point's login shell, whatever that is: runs `size` bytes of Python.

    `tag` shows in the process list there what it is. Double quotes, and nothing in them that sh, fish or tcsh would
    read: no `$`, no backslash, no `!`. Isolated: what lies in the user's home is not imported.
    """
    code = (
        f"import sys; sys.version_info>=(3,9) or sys.exit({TOO_OLD}); "
        f"exec(compile(sys.stdin.buffer.read({size}),'agent.py','exec'))"
    )
    return f'exec python3 -IS -c "{code}" {tag}'


def build_command(
    ap: str,
    remote: str,
    *,
    forward: Forward | None = None,
    batch: bool = False,
    patience: int = 30,
    tty: bool = False,
    share: str = "",
    keep: bool = False,
) -> list[str]:
    """Return the words of an ssh that runs `remote` on the access point.

    With `batch` it asks nothing. `patience` is in seconds, for the connection to be made. A connection that is silent
    for 15 s is given up. One with a forward is never part of another one, so that it ends by itself alone; `share` is
    the socket at which others may join it. Without a forward `share` is the one to join, or else the user's own; with
    `keep` it is one for all that say so, and stays for an hour after them.
    """
    sharing = (
        f"ControlMaster={'yes' if forward and share else 'no'}",
        "ControlPersist=no",
        *([f"ControlPath={share or 'none'}"] if forward or share else []),
    )
    options = [
        f"BatchMode={'yes' if batch else 'no'}",
        f"ConnectTimeout={patience}",
        "ServerAliveInterval=5",
        "ServerAliveCountMax=3",
        "ExitOnForwardFailure=yes",
        "ForwardAgent=no",
        "ForwardX11=no",
        "RemoteCommand=none",
        "PermitLocalCommand=no",
        *(KEPT if keep and os.name == "posix" else sharing),
    ]
    words = ["ssh", "-t" if tty else "-T", *(word for option in options for word in ("-o", option))]
    if forward:
        words += ["-L", f"127.0.0.1:{forward.port}:{forward.socket}"]
    return [*words, "--", ap, remote]


@dataclass(frozen=True)
class SshFailure:
    """Why an ssh ended. `error` is for the person. `tries` tells how soon it may be tried again.

    "soon": nothing reached the access point, so that nobody is bothered; "later": it answered, but not as it should;
    "asked": a person must log in; "port": the port for the forward was taken; "never": only a person can mend it.
    """

    error: LauncherError
    tries: str


def diagnose_failure(ap: str, status: int | None, stderr: str) -> SshFailure:
    """Say why an ssh that never became an agent's ended: by its exit status and what it printed."""
    said = [line.strip() for line in stderr.splitlines() if line.strip()]
    text, last = stderr.lower(), said[-1] if said else f"exit status {status}"

    def has(*parts: str) -> bool:
        return any(part in text for part in parts)

    if status == TOO_OLD:
        return SshFailure(
            PythonError(f"{ap} has a python3 older than 3.9: ask its operators, or put a newer one first in PATH."),
            "never",
        )
    if has("identification has changed"):
        return SshFailure(
            HostKeyError(
                f"The host key of {ap} is not the one that ssh knows: if its operators say that it was changed, remove "
                f"the old one with `ssh-keygen -R {ap.rpartition('@')[2]}`; else someone may be listening."
            ),
            "never",
        )
    if has("host key verification failed"):
        return SshFailure(
            HostKeyError(f"ssh does not know the host key of {ap}: log in once with `ssh {ap}` and say yes."), "never"
        )
    if has("permission denied", "too many authentication failures", "no supported authentication"):
        return SshFailure(LoginError(f"{ap} refused the login ({last}): try `ssh {ap}` by hand first."), "asked")
    if has("address already in use", "cannot listen to port", "could not request local forwarding"):
        return SshFailure(UnreachableError(f"ssh to {ap} found its port taken: {last}."), "port")
    if has("could not resolve", "name or service not known"):
        return SshFailure(
            UnreachableError(f"{ap} can't be found ({last}): check its name and your network."),
            "soon",
        )
    if has("timed out", "no route", "unreachable", "connection refused", "network is down", "host is down"):
        return SshFailure(
            UnreachableError(f"{ap} can't be reached ({last}): check your network or VPN, then try again."),
            "later" if has("banner exchange") else "soon",
        )
    if status == 127 or has("python3: command not found", "python3: not found", "unknown command: python3"):
        return SshFailure(PythonError(f"{ap} has no python3: ask its operators for one, 3.9 or newer."), "never")
    if status == 255:
        return SshFailure(UnreachableError(f"The connection to {ap} was lost ({last}): try again."), "later")
    return SshFailure(LauncherError(f"What was started on {ap} ended at once: {last}."), "later")


def build_file_error(ap: str, errno: int, sentence: str) -> LauncherError:
    """Say why the agent could not do its work with files: EDQUOT, ENOSPC or another reason."""
    if errno in (28, 122):
        return DiskError(f"The disk or your quota on {ap} is full ({sentence}): make room there, then try again.")
    return LauncherError(f"{ap} said: {sentence}.")


def build_no_condor_error(ap: str) -> CondorError:
    """Say that the access point is none."""
    return CondorError(f"{ap} has no condor_submit: is it an access point? Give the right one with --ap.")


def get_retry_delay(tries: str, attempt: int) -> float:
    """Return the seconds to wait before an attempt (0, 1, ...) to connect again.

    While nothing reaches the access point the waits stay short, since they cost nobody anything; else they double up
    to a minute.
    """
    if attempt == 0:
        return 0.0
    return min(0.5, 0.1 * attempt) if tries == "soon" else float(min(60, 2 ** (attempt - 1)))


def get_connect_timeout(tries: str) -> int:
    """Return the seconds for which an attempt to connect again waits: a lost packet must not cost the whole wait."""
    return 2 if tries == "soon" else 30
