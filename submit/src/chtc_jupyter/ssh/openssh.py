"""Build the ssh command, and diagnose its failures. The system's own ssh has the user's config, keys, and Duo."""

from __future__ import annotations

import enum
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

#: Exit status of the remote command if the access point's Python is too old.
TOO_OLD = 93
#: The options of submit/ssh_config that share one login. OpenSSH on Windows has no ControlMaster.
KEPT = ("ControlMaster=auto", "ControlPath=~/.ssh/jupyter-%C", "ControlPersist=1h")
#: The numbers on Linux, where the agent runs: Windows has others.
ENOSPC, EDQUOT = 28, 122
_AP = re.compile(r"(?:[A-Za-z0-9_][\w.+-]*@)?[A-Za-z0-9\[][\w.:\[\]-]*")


@dataclass(frozen=True)
class Forward:
    """A port on this machine's loopback that leads to a socket on the access point."""

    port: int
    socket: str


def validate_access_point(text: str) -> str:
    """Return USER@HOST, or a Host of the ssh config. Raises UsageError if the text is neither."""
    if not _AP.fullmatch(text):
        raise UsageError(f"Invalid access point {text!r}. Use USER@HOST, or a Host of your ssh config.")
    return text


def build_bootstrap(size: int, tag: str) -> str:
    """Return the command that runs `size` bytes of Python from its standard input, for any login shell.

    `tag` shows up in the process list there. The code is in double quotes and has no character that sh, fish, or tcsh
    would read: no `$`, no backslash, no `!`. With -I and -S, Python imports nothing from the user's home.
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
    """Return the ssh command that runs `remote` on the access point.

    With `batch`, ssh asks for nothing. `patience` is the time for the connection to be made, in seconds. ssh gives up a
    connection that is silent for 15 s. A connection with a forward is never part of another one, so that it ends only
    by itself; `share` is the socket at which others may join it. Without a forward, `share` is the socket to join, or
    the user's own settings apply; with `keep`, all such connections share one login, until an hour after the last.
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
    argv = ["ssh", "-t" if tty else "-T", *(argument for option in options for argument in ("-o", option))]
    if forward:
        argv += ["-L", f"127.0.0.1:{forward.port}:{forward.socket}"]
    return [*argv, "--", ap, remote]


class Retry(enum.Enum):
    """When to try a failed connection again."""

    SOON = "soon"  # nothing reached the access point, so that a retry costs nobody anything
    LATER = "later"  # the access point answered, but not as it should
    AFTER_LOGIN = "after login"  # a person must log in
    ANOTHER_PORT = "another port"  # the port for the forward was taken
    NEVER = "never"  # only a person can fix it


@dataclass(frozen=True)
class SshFailure:
    """Why an ssh ended: the error to show, and when to try again."""

    error: LauncherError
    retry: Retry


def diagnose_failure(ap: str, status: int | None, stderr: str) -> SshFailure:
    """Return why an ssh ended before the agent answered, from its exit status and what it printed."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    text, last = stderr.lower(), lines[-1] if lines else f"exit status {status}"

    def has(*parts: str) -> bool:
        return any(part in text for part in parts)

    if status == TOO_OLD:
        return SshFailure(
            PythonError(f"{ap} has a python3 older than 3.9: ask its operators, or put a newer one first in PATH."),
            Retry.NEVER,
        )
    if has("identification has changed"):
        return SshFailure(
            HostKeyError(
                f"The host key of {ap} has changed. If its operators confirm the change, remove the old key with "
                f"`ssh-keygen -R {ap.rpartition('@')[2]}`; otherwise someone may be intercepting the connection."
            ),
            Retry.NEVER,
        )
    if has("host key verification failed"):
        return SshFailure(
            HostKeyError(f"ssh does not know the host key of {ap}: log in once with `ssh {ap}`, and accept the key."),
            Retry.NEVER,
        )
    if has("permission denied", "too many authentication failures", "no supported authentication"):
        return SshFailure(
            LoginError(f"{ap} refused the login ({last}): try `ssh {ap}` by hand first."), Retry.AFTER_LOGIN
        )
    if has("address already in use", "cannot listen to port", "could not request local forwarding"):
        return SshFailure(UnreachableError(f"The local port for ssh to {ap} is in use: {last}."), Retry.ANOTHER_PORT)
    if has("could not resolve", "name or service not known"):
        return SshFailure(
            UnreachableError(f"{ap} can't be found ({last}): check its name and your network."),
            Retry.SOON,
        )
    if has("timed out", "no route", "unreachable", "connection refused", "network is down", "host is down"):
        return SshFailure(
            UnreachableError(f"{ap} can't be reached ({last}): check your network or VPN, then try again."),
            Retry.LATER if has("banner exchange") else Retry.SOON,
        )
    if status == 127 or has("python3: command not found", "python3: not found", "unknown command: python3"):
        return SshFailure(PythonError(f"{ap} has no python3: ask its operators for one, 3.9 or newer."), Retry.NEVER)
    if status == 255:
        return SshFailure(UnreachableError(f"The connection to {ap} was lost ({last}): try again."), Retry.LATER)
    return SshFailure(LauncherError(f"The agent on {ap} ended at once: {last}."), Retry.LATER)


def build_file_error(ap: str, errno: int, sentence: str) -> LauncherError:
    """Return the error for a file operation of the agent's that failed."""
    if errno in (ENOSPC, EDQUOT):
        return DiskError(f"The disk or your quota on {ap} is full ({sentence}): free some space there, then try again.")
    return LauncherError(f"{ap} reports: {sentence}.")


def build_no_condor_error(ap: str) -> CondorError:
    """Return the error for a host without HTCondor."""
    return CondorError(f"{ap} has no condor_submit: is it an access point? Name another one with --ap.")


def get_retry_delay(retry: Retry, attempt: int) -> float:
    """Return the seconds to wait before an attempt (0, 1, ...) to connect again.

    While nothing reaches the access point, the waits stay short; otherwise they double, up to a minute.
    """
    if attempt == 0:
        return 0.0
    return min(0.5, 0.1 * attempt) if retry is Retry.SOON else float(min(60, 2 ** (attempt - 1)))


def get_connect_timeout(retry: Retry) -> int:
    """Return the seconds after which an attempt to connect fails: short if a lost packet would cost the whole wait."""
    return 2 if retry is Retry.SOON else 30
