"""`ssh jupyter-NAME`: what ssh's configuration needs for it, and the way that ssh goes by it."""

from __future__ import annotations

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

PREFIX = "jupyter-"
_INCLUDE = "Include config.d/chtc-jupyter"
_HOST_KEY = re.compile(rb"ssh-[a-z0-9-]+ [A-Za-z0-9+/=]{40,}\s*")
_KEY = re.compile(r"ssh-ed25519 [A-Za-z0-9+/=]+")
#: Lines that the access point's login shell may print before ours.
_MOST_LINES = 200

# The quote and the backslash would end the quoting of %n in the line for the shell. ssh 9.6 and newer refuse such
# names by themselves.
_BLOCK = """\
# By `chtc-jupyter ssh-config`. ssh jupyter-NAME is a shell in the session NAME, ssh jupyter-123 one in job 123.
Host jupyter-* "!*'*" "!*\\*"
    ProxyCommand {program} ssh-proxy {name}
    User jupyter
    IdentityFile "{folder}/id_ed25519"
    IdentitiesOnly yes
    PreferredAuthentications publickey
    # The session's own key: it comes from the access point, at each connection.
    UserKnownHostsFile "{folder}/known_hosts/%n"
    StrictHostKeyChecking yes
    UpdateHostKeys no
    ConnectTimeout 60
    ServerAliveInterval 15
    ServerAliveCountMax 4
    ForwardAgent no
    ForwardX11 no
"""


def block() -> str:
    """Return the lines for ssh's configuration; the key that they name is made if need be."""
    public_key()
    program = Path(shutil.which(sys.argv[0]) or sys.argv[0]).absolute()
    quote = '"' if sys.platform == "win32" else "'"
    folder = _folder().as_posix().replace("%", "%%")
    return _BLOCK.format(program=f'"{program}"'.replace("%", "%%"), name=f"{quote}%n{quote}", folder=folder)


def install(home: Path) -> list[str]:
    """Write the lines below `home`/.ssh and have ssh's configuration include them; return what was done."""
    ours, config = home / ".ssh/config.d/chtc-jupyter", (home / ".ssh/config").resolve()
    done = []
    text = block()
    if _read(ours) != text:
        write_private(ours, text)
        done.append(f"{ours} was written.")
    before = _read(config)
    if not includes(before):
        write_private(config, f"{_INCLUDE}\n\n{before}" if before else f"{_INCLUDE}\n")
        done.append(f"{config} includes it now, in its first line.")
    return done or ["Nothing was to be done."]


def includes(config: str) -> bool:
    """Tell whether a configuration includes our file for all hosts: before its first Host or Match."""
    for line in config.splitlines():
        word, _, rest = line.strip().replace("=", " ", 1).partition(" ")
        if word.lower() in ("host", "match"):
            return False
        if word.lower() == "include" and any(
            path.strip('"').removeprefix("~/.ssh/") in ("config.d/*", "config.d/chtc-jupyter") for path in rest.split()
        ):
            return True
    return False


def public_key() -> str:
    """Return the public key, `TYPE BASE64`, with which this machine enters sessions; it is made if need be."""
    private = _folder() / "id_ed25519"
    if not private.exists():
        private.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "chtc-jupyter", "-f", str(private)]
        try:
            subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True)
        except FileNotFoundError:
            raise LauncherError("There is no ssh-keygen on this machine: install OpenSSH's client.") from None
        except subprocess.CalledProcessError as error:
            raise LauncherError(f"ssh-keygen made no key: {error.stderr.decode(errors='replace').strip()}") from None
    if found := _KEY.match(_read(private.with_name("id_ed25519.pub"))):
        return found[0]
    raise LauncherError(f"{private}.pub holds no key of ours: remove it and {private}, then try again.")


def session_of(host: str) -> str:
    """Return the session, or the job, of a host's name; raises UsageError where it is none."""
    name = host.removeprefix(PREFIX)
    if not re.fullmatch(r"[A-Za-z0-9_][\w.-]{0,60}", name, re.ASCII):
        raise UsageError(f"{host!r} is no session: say ssh {PREFIX}NAME.")
    return name


def proxy(host: str, ap: str, job: str) -> int:
    """Be ssh's way into a job, on standard input and output, its host key noted first; return the exit status."""
    command = entry.command(job, public_key())
    words = ["sh", "-c", command] if ap == HERE else openssh.build_command(ap, command, keep=True)
    # In a session of its own on the access point itself: the script ends all of its process group.
    with subprocess.Popen(words, stdout=subprocess.PIPE, bufsize=0, start_new_session=ap == HERE) as way:
        assert way.stdout  # noqa: S101 - it was asked for
        if key := _host_key(way.stdout):
            write_private(_folder() / "known_hosts" / host, f"* {key}\n")
            _relay(way.stdout)
        else:
            way.terminate()
    if not key:
        raise FailedError(f"ssh can't enter job {job}: there is no session in it, or it is not ready yet.")
    return way.returncode


def _host_key(lines: IO[bytes]) -> str:
    """Read up to the session's host key, and not a byte more; "" where it does not come."""
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
    except OSError:
        return  # ssh has ended


def _folder() -> Path:
    return state_folder() / "ssh"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else ""
