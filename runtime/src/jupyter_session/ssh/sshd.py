"""The verb `sshd`: an SSH server for one connection on the standard streams, into which one key may log in.

It is OpenSSH's own, as the job's user, in inetd mode: it listens nowhere. It runs under libnss_wrapper, with an account
`jupyter` that is the job's user: the true one may have neither a shell nor a home, and a group `tty` to which a
terminal can't be given here.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress

from jupyter_session.condor.job_ad import read_job
from jupyter_session.control.client import connect, messages
from jupyter_session.errors import SessionError, UsageError
from jupyter_session.state_dir import StateDir

#: The last line on standard error. Who ran us may not notice our end: once another command has come into the same
#: container, HTCondor does not (25.14, OsProc::SingEnterReaper). Such a one must end at this line.
LAST_LINE = "jupyter-session sshd: the end"
USER = "jupyter"
_SSHD = "/usr/sbin/sshd"
_KEY_TYPES = (
    *("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    *("sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"),
)
_END_PATIENCE = 2.0  # seconds
#: What belongs to one shell, or is the client's to say.
_NOT_PASSED = frozenset(("TERM", "COLUMNS", "LINES", "SHLVL", "PWD", "OLDPWD", "_"))
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_CONFIG = """\
HostKey {folder}/host_key
AllowUsers {user}
AuthenticationMethods publickey
UsePAM no
StrictModes no
PidFile none
PrintMotd no
PrintLastLog no
X11Forwarding no
AllowTcpForwarding yes
AllowStreamLocalForwarding yes
StreamLocalBindUnlink yes
MaxSessions 1000
ClientAliveInterval 30
ClientAliveCountMax 4
Subsystem sftp /usr/lib/openssh/sftp-server
"""


def prepare(state: StateDir, environ: Mapping[str, str]) -> None:
    """Make the session's host key, and the settings with which each connection finds `environ` as a terminal would.

    Nothing where OpenSSH is missing: then there is no host key either, and no session fails for that.
    """
    key = state.ssh / "host_key"
    with suppress(OSError, subprocess.CalledProcessError):
        for old in state.ssh.iterdir():
            old.unlink()
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)]
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
        uid, gid = os.getuid(), os.getgid()
        state.write_private(state.ssh / "passwd", f"{USER}:x:{uid}:{gid}::{environ.get('HOME', '/')}:/bin/bash\n")
        state.write_private(state.ssh / "group", f"{USER}:x:{gid}:\n")
        config = _CONFIG.format(folder=state.ssh, user=USER) + set_env(environ)
        state.write_private(state.ssh / "config", config)


def host_key(state: StateDir) -> str | None:
    """Return the public host key, `TYPE BASE64`; None where there is none."""
    try:
        return public_key(*(state.ssh / "host_key.pub").read_text().split())
    except (OSError, TypeError, UsageError):
        return None


def set_env(environ: Mapping[str, str]) -> str:
    """Return the line of sshd's configuration that sets the variables for every command; "" for none.

    A variable that no line can hold is left out: a name that is no word, a value of several lines.
    """
    words = [
        '"{}={}"'.format(name, value.replace("\\", "\\\\").replace('"', '\\"'))
        for name, value in environ.items()
        if _NAME.fullmatch(name) and name not in _NOT_PASSED and not name.startswith(("SSH_", "TMUX"))
        if not any(ord(character) < 32 for character in value)
    ]
    return f"SetEnv {' '.join(words)}\n" if words else ""


def public_key(kind: str, text: str) -> str:
    """Return a public key as a line of authorized_keys, `TYPE BASE64`; UsageError where it is anything else.

    So it holds nothing of what such a line may say beside the key: an option, a command, a second line.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        data = b""
    size = int.from_bytes(data[:4], "big")
    if kind not in _KEY_TYPES or data[4 : 4 + size] != kind.encode():
        raise UsageError(f"That is no public key: give its first two words, as in ~/.ssh/id_ed25519.pub ({kind!r}).")
    return f"{kind} {text}"


def sshd(*, kind: str, text: str) -> int:
    """Serve one connection on standard input and output, until it ends or the session does; return the exit status.

    `kind` and `text` are the two words of the public key that may log in. Errors are told here, before the last line.
    """
    try:
        job = read_job(os.environ)
        return _serve(StateDir.locate(os.environ, job.id if job else None), public_key(kind, text))
    except SessionError as error:
        print(f"jupyter-session: {error}", file=sys.stderr)
        return error.exit_code
    finally:
        print(LAST_LINE, file=sys.stderr, flush=True)


def _serve(state: StateDir, key: str) -> int:
    with connect(state.control, "wait") as session:
        if host_key(state) is None or not os.access(_SSHD, os.X_OK):
            raise SessionError("This session's image has no OpenSSH server: nobody can log in by ssh.")
        with tempfile.NamedTemporaryFile("w", dir=state.ssh, prefix="key-") as authorized:
            authorized.write(f"{key}\n")
            authorized.flush()
            server = subprocess.Popen(
                [_SSHD, "-i", "-f", str(state.ssh / "config"), "-o", f"AuthorizedKeysFile={authorized.name}"],
                env={
                    "PATH": os.defpath,
                    "LD_PRELOAD": "libnss_wrapper.so",
                    "NSS_WRAPPER_PASSWD": str(state.ssh / "passwd"),
                    "NSS_WRAPPER_GROUP": str(state.ssh / "group"),
                },
                start_new_session=True,
            )
            try:
                return _watch(server, session)
            finally:
                _end(server)


def _watch(server: subprocess.Popen[bytes], session: socket.socket) -> int:
    """Wait until the server has ended, or the session is about to; return the exit status."""
    ended = os.pidfd_open(server.pid)
    told = messages(session)
    try:
        while True:
            ready = select.select([ended, session.fileno()], [], [])[0]
            if ended in ready:
                return 0
            message = next(told, None)
            if message is None or message["state"] in ("stopping", "stopped", "failed"):
                why = message["reason"] if message else "it ended without a word"
                print(f"The session ends: {why}", file=sys.stderr, flush=True)
                return 0
    finally:
        os.close(ended)


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server with its terminals. What was left in the background goes on, until the session ends."""
    server.terminate()
    try:
        server.wait(_END_PATIENCE)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()
