"""Build the ssh command. The system's own ssh has the user's config, keys, and Duo."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from chtc_jupyter.errors import CondorError, DiskError, LauncherError, UsageError
from chtc_jupyter.ssh import entry, search_path
from chtc_jupyter.ssh.failures import Retry

#: The options of submit/ssh_config that share one login. OpenSSH on Windows has no ControlMaster.
KEPT = ("ControlMaster=auto", "ControlPath=~/.ssh/jupyter-%C", "ControlPersist=1h")
#: How often a connection that stays asks a silent server, as `count_silences` has it: who uses it waits for 60 s.
_KEPT_SILENCES = 12
#: The numbers on Linux, where the agent runs: Windows has others.
ENOSPC, EDQUOT = 28, 122
_AP = re.compile(r"(?:[A-Za-z0-9_][\w.+-]*@)?[A-Za-z0-9\[][\w.:\[\]-]*")


@dataclass(frozen=True)
class Forward:
    """What leads to a socket on the access point: a socket of this machine, or a port of its loopback.

    A socket is in a folder that only the user can enter. OpenSSH for Windows has none.
    """

    local: str | int
    socket: str

    def __str__(self) -> str:
        return f"127.0.0.1:{self.local}:{self.socket}" if isinstance(self.local, int) else f"{self.local}:{self.socket}"


def validate_access_point(text: str) -> str:
    """Return USER@HOST, or a Host of the ssh config. Raises UsageError if the text is neither."""
    if not _AP.fullmatch(text):
        raise UsageError(f"Invalid access point {text!r}. Use USER@HOST, or a Host of your ssh config.")
    return text


def build_code(size: int, tag: str) -> str:
    """Return the Python that says it is there, and then runs `size` bytes of Python from its standard input.

    It begins a line of its own, whatever a login shell has printed before. It skips what was sent before a line with
    the tag: that was for a shell that a startup file may have started. It has no character that sh, fish, or tcsh would
    read within double quotes: no `$`, no backslash, no `!`.
    """
    return (
        f"import sys; i=sys.stdin.buffer; print(chr(10)+'{tag} is ready',flush=True); any(b'{tag}' in l for l in i); "
        f"exec(compile(i.read({size}),'agent.py','exec'))"
    )


def build_bootstrap(size: int, tag: str) -> str:
    """Return the command that runs `build_code`, for any login shell.

    `tag` shows up in the process list there. With -I and -S, Python imports nothing from the user's home.
    """
    return f"exec /bin/sh -c '{entry.FIND_PYTHON}' \"{build_code(size, tag)}\" {tag}{search_path.render_words()}"


def build_command(
    ap: str,
    remote: str,
    *,
    master: str = "",
    forward: Forward | None = None,
    batch: bool = False,
    patience: int = 30,
    tty: bool = False,
    share: str = "",
    keep: bool = False,
) -> list[str]:
    """Return the ssh command that runs `remote` on the access point.

    With `batch`, ssh asks for nothing. `patience` is the time for the connection to be made, in seconds. ssh gives up a
    connection that is silent for 15 s; with a person at hand, it takes them as long to answer a second factor, during
    which the server is silent, too (`count_silences`). A connection with a `master` socket is a new one, which others
    may join there and add forwards to; so is one with a `forward`, for platforms without such sockets. Otherwise
    `share` is the socket to join, "none" is a new connection, and with "" the user's own settings apply; with `keep`,
    all such connections share one login, until an hour after the last. What the user's configuration forwards is left
    out: a second connection can't have the same ports.
    """
    own = bool(master or forward)
    path = (master or "none") if own else share
    sharing = (
        f"ControlMaster={'yes' if master else 'no'}",
        "ControlPersist=no",
        *([f"ControlPath={path}"] if path else []),
    )
    options = [
        f"BatchMode={'yes' if batch else 'no'}",
        f"ConnectTimeout={patience}",
        "ServerAliveInterval=5",
        f"ServerAliveCountMax={_KEPT_SILENCES if keep else count_silences(batch=batch)}",
        *(["ExitOnForwardFailure=no"] if forward else ["ClearAllForwardings=yes"]),
        "ForwardAgent=no",
        "ForwardX11=no",
        "RemoteCommand=none",
        "PermitLocalCommand=no",
        *(KEPT if keep and os.name == "posix" and not path else sharing),
        *([] if tty else ["LogLevel=VERBOSE"] if not keep else ["LogLevel=INFO"]),
    ]
    argv = ["ssh", "-t" if tty else "-T", *(argument for option in options for argument in ("-o", option))]
    if forward:
        argv += ["-L", str(forward)]
    return [*argv, "--", ap, remote]


def count_silences(*, batch: bool) -> int:
    """Return how often ssh asks a silent server for a sign of life, each 5 s, before it gives up.

    The limit is the same for a server that is silent during the login (`ssh_packet_set_timeout`), as it is while it
    waits for a person's second factor: sshd itself gives them 120 s (LoginGraceTime).
    """
    return 3 if batch else 24


def build_forward_command(ap: str, master: str, forward: Forward) -> list[str]:
    """Return the command that adds a forward to a connection of ours; the user's configuration plays no part in it."""
    return ["ssh", "-F", "none", "-o", "BatchMode=yes", "-S", master, "-O", "forward", "-L", str(forward), "--", ap]


def build_probe_command(argv: Sequence[str]) -> list[str]:
    """Return the command that ends soon if the connection that an ssh shares is alive, whatever the login shell does.

    It asks for a connection to a port where nothing listens: the access point says so, or that it forbids it.
    """
    end = argv.index("--")
    return [*argv[:end], "-W", "127.0.0.1:9", *argv[end:-1]]


def build_exit_command(argv: Sequence[str]) -> list[str]:
    """Return the command that ends the connection that an ssh shares, and with it what others do over it."""
    end = argv.index("--")
    return [*argv[:end], "-O", "exit", *argv[end:-1]]


def build_file_error(ap: str, errno: int, sentence: str) -> LauncherError:
    """Return the error for a file operation of the agent's that failed."""
    if errno in (ENOSPC, EDQUOT):
        return DiskError(f"The disk or your quota on {ap} is full ({sentence}): free some space there, then try again.")
    return LauncherError(f"{ap} reports: {sentence}.")


def build_no_condor_error(ap: str, looked: Sequence[str] = ()) -> CondorError:
    """Return the error for a host without HTCondor; `looked` is where else than in PATH its agent has looked."""
    places = f" in PATH, in {', '.join(looked[:-1])}, or in {looked[-1]}" if len(looked) > 1 else ""
    return CondorError(
        f"{ap} has no condor_submit{places}: is it an access point? Name another one with --ap, or "
        f"the folder of HTCondor's commands with `chtc-jupyter config {search_path.KEY} FOLDER`."
    )


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
