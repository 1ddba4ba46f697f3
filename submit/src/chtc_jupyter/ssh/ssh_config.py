"""Set up `ssh jupyter-NAME` in ssh's configuration, and be the ProxyCommand that it names."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO

from chtc_jupyter.errors import FailedError, LauncherError, UsageError
from chtc_jupyter.paths import state_folder, write_private
from chtc_jupyter.ssh import entry, openssh
from chtc_jupyter.ssh.agent_client import HERE

_log = logging.getLogger(__name__)
PREFIX = "jupyter-"
_INCLUDE = "Include config.d/chtc-jupyter"
_HOST_KEY = re.compile(rb"ssh-[a-z0-9-]+ [A-Za-z0-9+/=]{40,}\s*")
_KEY = re.compile(r"ssh-ed25519 [A-Za-z0-9+/=]+")
#: How many lines the access point's login shell may print before ours.
_MOST_LINES = 200

# A quote or a backslash in a name would end the quoting of %n in the line for the shell. ssh 9.6 and newer refuse such
# names by themselves.
_BLOCK = """\
# Written by `chtc-jupyter ssh-config`. ssh jupyter-NAME logs in to the session NAME, ssh jupyter-123 to job 123.
Host jupyter-* "!*'*" "!*\\*"
    ProxyCommand {program} ssh-proxy {name}
    User jupyter
    IdentityFile "{folder}/id_ed25519"
    IdentitiesOnly yes
    PreferredAuthentications publickey
    # Each session has its own host key, which comes from the access point with each connection.
    UserKnownHostsFile "{folder}/known_hosts/%n"
    StrictHostKeyChecking yes
    UpdateHostKeys no
    ConnectTimeout 60
    ServerAliveInterval 15
    ServerAliveCountMax 4
    ForwardAgent no
    ForwardX11 no
"""


def render_block() -> str:
    """Return the lines for ssh's configuration; create the key that they name if necessary."""
    ensure_public_key()
    program = Path(shutil.which(sys.argv[0]) or sys.argv[0]).absolute()
    quote = '"' if sys.platform == "win32" else "'"
    folder = _folder().as_posix().replace("%", "%%")
    return _BLOCK.format(program=f'"{program}"'.replace("%", "%%"), name=f"{quote}%n{quote}", folder=folder)


def install(home: Path) -> list[str]:
    """Write the lines to `home`/.ssh and have ssh's configuration include them; return what was done."""
    ours, config = home / ".ssh/config.d/chtc-jupyter", (home / ".ssh/config").resolve()
    done = []
    text = render_block()
    if _read(ours) != text:
        write_private(ours, text)
        done.append(f"{ours} was written.")
    before = _read(config)
    if not is_included(before):
        write_private(config, f"{_INCLUDE}\n\n{before}" if before else f"{_INCLUDE}\n")
        done.append(f"{config} now includes it, in its first line.")
    return done or ["Everything is set up already."]


def is_included(config: str) -> bool:
    """Return True if a configuration includes our file for all hosts: before its first Host or Match."""
    for line in config.splitlines():
        word, _, rest = line.strip().replace("=", " ", 1).partition(" ")
        if word.lower() in ("host", "match"):
            return False
        if word.lower() == "include" and any(
            path.strip('"').removeprefix("~/.ssh/") in ("config.d/*", "config.d/chtc-jupyter") for path in rest.split()
        ):
            return True
    return False


def ensure_public_key() -> str:
    """Return the public key, `TYPE BASE64`, with which this machine logs in to sessions; create it if necessary."""
    private = _folder() / "id_ed25519"
    if not private.exists():
        private.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "chtc-jupyter", "-f", str(private)]
        try:
            subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, capture_output=True)
        except FileNotFoundError:
            raise LauncherError("This machine has no ssh-keygen: install the OpenSSH client.") from None
        except subprocess.CalledProcessError as error:
            raise LauncherError(f"ssh-keygen failed: {error.stderr.decode(errors='replace').strip()}") from None
    if found := _KEY.match(_read(private.with_name("id_ed25519.pub"))):
        return found[0]
    raise LauncherError(f"{private}.pub is not an ed25519 public key: remove it and {private}, then try again.")


def parse_host(host: str) -> str:
    """Return the session or the job that a host name stands for. Raises UsageError if there is none."""
    name = host.removeprefix(PREFIX)
    if not re.fullmatch(r"[A-Za-z0-9_][\w.-]{0,60}", name, re.ASCII):
        raise UsageError(f"{host!r} does not name a session. Use ssh {PREFIX}NAME.")
    return name


def run_proxy(host: str, ap: str, job: str) -> int:
    """Connect ssh with a job over standard input and output, after saving its host key; return the exit status."""
    command = entry.build_command(job, ensure_public_key())
    argv = ["sh", "-c", command] if ap == HERE else openssh.build_command(ap, command, keep=True)
    # On the access point itself, in a session of its own: the script ends its whole process group.
    with subprocess.Popen(argv, stdout=subprocess.PIPE, bufsize=0, start_new_session=ap == HERE) as way:
        assert way.stdout  # noqa: S101 - it was asked for
        if key := _host_key(way.stdout):
            write_private(_folder() / "known_hosts" / host, f"* {key}\n")
            _relay(way.stdout)
        else:
            way.terminate()
    if not key:
        raise FailedError(f"ssh can't log in to job {job}: it is not a session, or the session is not ready yet.")
    return way.returncode


def _host_key(lines: IO[bytes]) -> str:
    """Read up to the session's host key, and not a byte more; return "" if it does not come."""
    for _ in range(_MOST_LINES):
        line = lines.readline(4096)  # unbuffered: what follows is ssh's
        if not line or line.startswith(b"SSH-"):
            break
        if _HOST_KEY.fullmatch(line):
            return line.decode().strip()
    return ""


def _relay(source: IO[bytes]) -> None:
    try:
        while data := source.read(1 << 16):
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
    except OSError as error:
        _log.debug("ssh has ended: %s", error)


def _folder() -> Path:
    return state_folder() / "ssh"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else ""
