"""Set up `ssh jupyter-NAME` in ssh's configuration, and be the ProxyCommand that it names."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

from chtc_jupyter.errors import FailedError, LauncherError, UnreachableError, UsageError
from chtc_jupyter.paths import state_folder, write_private
from chtc_jupyter.ssh import entry, openssh, user_config
from chtc_jupyter.ssh.agent_client import HERE, LEAVE, NUDGE
from chtc_jupyter.ssh.failures import OTHER_SHELL, SSH, describe_other_shell
from chtc_jupyter.ssh.user_config import PREFIX, Taken

_log = logging.getLogger(__name__)
_HOST_KEY = re.compile(rb"ssh-[a-z0-9-]+ [A-Za-z0-9+/=]{40,}\s*")
_KEY = re.compile(r"ssh-ed25519 [A-Za-z0-9+/=]+")
#: How many lines the access point's login shell may print before ours.
_MOST_LINES = 200
#: Seconds in which a shared connection must bring a line, and in which a new one must be made: ssh waits for 60 s.
_SILENCE, _NEW = 9, 8
#: Seconds in which a shared connection that is alive answers a question that needs no login shell, and for the end of
#: an ssh that has closed its output.
_PROBE, _END = 4, 2
#: Seconds after which the user hears that no command has run.
_LONG = 20

#: What no session is called: full names of hosts, and names with a quote or a backslash, which would end the quoting of
#: %n in the line for the shell. ssh 9.6 and newer refuse the latter by themselves.
_NEVER = (f'"!{PREFIX}*.*.*"', '"!*\'*"', '"!*\\*"')
_BLOCK = """\
# Written by `chtc-jupyter ssh-config`. ssh jupyter-NAME logs in to the session NAME, ssh jupyter-123 to job 123.
{hosts}
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


def render_block(taken: Taken) -> str:
    """Return the lines for ssh's configuration; create the key that they name if necessary.

    Hosts that are `taken` stay what they are to the user.
    """
    ensure_public_key()
    program = Path(shutil.which(sys.argv[0]) or sys.argv[0]).absolute()
    quote = '"' if sys.platform == "win32" else "'"
    folder = _folder().as_posix().replace("%", "%%")
    return _BLOCK.format(
        hosts=_render_hosts(taken),
        program=f'"{program}"'.replace("%", "%%"),
        name=f"{quote}%n{quote}",
        folder=folder,
    )


def print_block(home: Path) -> str:
    """Return the lines for a user's configuration."""
    return render_block(user_config.find_taken(home))


def install(home: Path) -> list[str]:
    """Write the lines to `home`/.ssh and have ssh's configuration include them; return what was done, and for whom not.

    Raises LauncherError if the user has to do it.
    """
    taken = user_config.find_taken(home)
    names = [pattern for pattern in taken.patterns if not set(pattern) & set("*?")]
    before = {name: user_config.read_settings(name) for name in names}
    said = user_config.install(home, render_block(taken))
    said += [
        f"`ssh {name}` stays yours, as your own configuration has it." for name in taken.patterns if name[0] not in "*?"
    ]
    if taken.all:
        said.append(
            f"Your configuration has `Host {taken.all}`, which stays yours: use `ssh {PREFIX}NUMBER` for a session, "
            "with the number of its job."
        )
    changed = [name for name in names if user_config.read_settings(name) != before[name]]
    if changed:
        said.append(f"What ssh does for {', '.join(changed)} has changed: compare with `ssh -G {changed[0]}`.")
    return said


def _render_hosts(taken: Taken) -> str:
    ours = [f"{PREFIX}{digit}*" for digit in range(10)] if taken.all else [f"{PREFIX}*"]
    theirs = [f'"!{pattern}"' for pattern in taken.patterns]
    lines = [f"# Not for {', '.join(taken.patterns)}: your own configuration has that."] if taken.patterns else []
    if taken.all:
        lines.append(f"# By number alone: your own configuration has `Host {taken.all}`.")
    return "\n".join([*lines, " ".join(["Host", *ours, *theirs, *_NEVER])])


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
    status, key = _enter(
        host, ["sh", "-c", command] if ap == HERE else openssh.build_command(ap, command, keep=True), ap
    )
    if status is None:
        print(f"chtc-jupyter: the shared connection to {ap} does not answer; opening a new one.", file=sys.stderr)
        argv = openssh.build_command(ap, command, share="none", patience=_NEW)
        status, key = _enter(host, argv, ap)
    if not key and status == OTHER_SHELL:
        raise UnreachableError(describe_other_shell(ap))
    if not key and status in (None, SSH) and ap != HERE:
        raise UnreachableError(f"The connection to {ap} was lost, or could not be made: try `ssh {ap}` by hand first.")
    if not key:
        raise FailedError(f"ssh can't log in to job {job}: it is not a session, or the session is not ready yet.")
    return status or 0


def _enter(host: str, argv: list[str], ap: str) -> tuple[int | None, str]:
    """Be the way into the job until it ends; return the exit status and the session's host key, "" if it did not come.

    The status is None if the connection was shared and stayed silent.
    """
    shared = ap != HERE and _is_shared(argv)
    # On the access point itself, in a session of its own: the script ends its whole process group.
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=ap == HERE
    ) as way:
        assert way.stdin  # noqa: S101 - it was asked for
        assert way.stdout  # noqa: S101
        silent, entered = threading.Event(), threading.Event()

        def give_up() -> None:
            if not _answers(argv):  # or only the login shell is slow
                silent.set()
                _run_briefly(openssh.build_exit_command(argv))  # it has our output, too
                way.kill()

        clock = threading.Timer(_SILENCE, give_up)
        clock.daemon = True
        if shared:
            clock.start()
        notice = threading.Timer(_LONG, _say_that_nothing_runs, (ap,))
        notice.daemon = True
        notice.start()
        threading.Thread(target=_feed, args=(way.stdin, entered), daemon=True).start()
        key = _host_key(way.stdout)
        clock.cancel()
        notice.cancel()
        if key:
            write_private(_folder() / "known_hosts" / host, f"* {key}\n")
            entered.set()
            _relay(way.stdout)
        elif way.poll() is None and not silent.is_set():
            try:
                way.wait(_END)
            except subprocess.TimeoutExpired:
                way.terminate()
    return (None if silent.is_set() else way.returncode), key


def _say_that_nothing_runs(ap: str) -> None:
    print(
        f"chtc-jupyter: No command has run on {ap} for {_LONG} s. If ssh asks you something, answer it. Otherwise, see "
        f"whether `ssh {ap} true` waits, too.",
        file=sys.stderr,
    )


def _feed(way: IO[bytes], entered: threading.Event) -> None:
    """Send what ssh sends, once we are in: until then, what a startup file may have started would read it."""
    try:
        while not entered.wait(NUDGE):
            way.write(LEAVE)
        way.write(f"{entry.GO}\n".encode())
        while data := os.read(0, 1 << 16):
            _write_all(way, data)
        way.close()
    except OSError as error:
        _log.debug("the way into the job has ended: %s", error)


def _write_all(way: IO[bytes], data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[way.write(rest) :]


def _answers(argv: list[str]) -> bool:
    """Return whether the connection that an ssh shares is alive."""
    return _run_briefly(openssh.build_probe_command(argv))


def _run_briefly(argv: list[str]) -> bool:
    """Run a command; return whether it ended in time."""
    try:
        subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROBE, check=False)
    except subprocess.TimeoutExpired:
        return False
    return True


def _is_shared(argv: list[str]) -> bool:
    """Return whether an ssh goes over a connection that was open before, by asking the one that listens there."""
    check = [*argv[: argv.index("--")], "-O", "check", *argv[argv.index("--") : -1]]
    try:
        asked = subprocess.run(check, stdin=subprocess.DEVNULL, capture_output=True, timeout=3, check=False)
    except subprocess.TimeoutExpired:
        return True
    return asked.returncode == 0


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
