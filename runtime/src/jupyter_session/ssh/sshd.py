"""The verb `sshd`: an SSH server for one connection on the standard streams, with one key that may log in.

It is OpenSSH's server, run as the job's user in inetd mode, so it listens on no port. It runs under libnss_wrapper with
an account `jupyter` that is the job's user: the user's real account may have neither a shell nor a home, and a group
`tty` that terminals can't be given to here.
"""

from __future__ import annotations

import base64
import binascii
import logging
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from jupyter_session.brought import find_program
from jupyter_session.control.client import connect, messages
from jupyter_session.errors import SessionError, UsageError
from jupyter_session.state_dir import StateDir, find_state_dir

_LOG = logging.getLogger(__name__)

#: The last line on standard error. The caller may not notice our end: once another command has come into the same
#: container, HTCondor does not (25.14, OsProc::SingEnterReaper). So the caller must end at this line.
LAST_LINE = "jupyter-session sshd: the end"
USER = "jupyter"
_SSHD = "/usr/sbin/sshd"
_HELPERS = {"SshdSessionPath": "/usr/lib/openssh/sshd-session", "SshdAuthPath": "/usr/lib/openssh/sshd-auth"}
_KEY_TYPES = (
    *("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    *("sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"),
)
_END_PATIENCE = 2.0  # seconds
#: Variables that belong to one shell, or that the client sets.
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
    """Make the session's host key, and the settings that give each connection the variables of `environ`.

    Without OpenSSH there is no host key, and the session works without ssh.
    """
    key = state.ssh / "host_key"
    try:
        for old in state.ssh.iterdir():
            old.unlink()
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
        uid, gid = os.getuid(), os.getgid()
        # A pilot of the OSPool gives a job another home than its folder: scp's relative paths are below this one.
        home = environ.get("_CONDOR_SCRATCH_DIR") or environ.get("HOME", "/")
        state.write_private(state.ssh / "passwd", f"{USER}:x:{uid}:{gid}::{home}:/bin/bash\n")
        state.write_private(state.ssh / "group", f"{USER}:x:{gid}:\n")
        config = _CONFIG.format(folder=state.ssh, user=USER) + render_set_env(environ)
        state.write_private(state.ssh / "config", config)
    except (OSError, subprocess.SubprocessError) as error:
        _LOG.debug("there is no ssh into this session: %s", error)


def read_host_key(state: StateDir) -> str | None:
    """Return the public host key, `TYPE BASE64`, or None if there is none."""
    try:
        return validate_public_key(*(state.ssh / "host_key.pub").read_text().split())
    except (OSError, TypeError, UsageError) as error:
        _LOG.debug("there is no host key: %s", error)
        return None


def render_set_env(environ: Mapping[str, str]) -> str:
    """Return the line of sshd's configuration that sets the variables for every command, or "" if there are none.

    A variable that can't be in a line is left out: one with an unusual name, or with a value of several lines.
    """
    settings = [
        '"{}={}"'.format(name, value.replace("\\", "\\\\").replace('"', '\\"'))
        for name, value in environ.items()
        if _NAME.fullmatch(name) and name not in _NOT_PASSED and not name.startswith(("SSH_", "TMUX"))
        if not any(ord(character) < 32 for character in value)
    ]
    return f"SetEnv {' '.join(settings)}\n" if settings else ""


def validate_public_key(kind: str, text: str) -> str:
    """Return a public key as a line of authorized_keys, `TYPE BASE64`. Raises UsageError if it is anything else.

    So the line has nothing else that such a line may have, such as an option, a command, or a second line.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        data = b""
    size = int.from_bytes(data[:4], "big")
    if kind not in _KEY_TYPES or data[4 : 4 + size] != kind.encode():
        raise UsageError(f"Invalid public key {kind!r}. Use the first two words of a file such as ~/.ssh/id_rsa.pub.")
    return f"{kind} {text}"


def build_command(config: Path, authorized: str) -> list[str]:
    """Return the command that serves one connection.

    A server that was brought along must not run the helpers of the image's base, which may be of another version.
    """
    options = {"AuthorizedKeysFile": authorized}
    for keyword, path in _HELPERS.items():
        if (found := find_program(path)) != path:
            options[keyword] = found
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return [find_program(_SSHD), "-i", "-f", str(config), *words]


def sshd(*, kind: str, text: str) -> int:
    """Serve one connection on standard input and output, until it ends or the session does; return the exit status.

    `kind` and `text` are the two words of the public key that may log in. Prints errors before the last line.
    """
    try:
        return _serve(find_state_dir(os.environ), validate_public_key(kind, text))
    except SessionError as error:
        print(f"jupyter-session: {error}", file=sys.stderr)
        return error.exit_code
    finally:
        print(LAST_LINE, file=sys.stderr, flush=True)


def _serve(state: StateDir, key: str) -> int:
    with connect(state.control, "wait") as session:
        if read_host_key(state) is None or not os.access(find_program(_SSHD), os.X_OK):
            raise SessionError("This session's image has no OpenSSH server, so nobody can log in with ssh.")
        with tempfile.NamedTemporaryFile("w", dir=state.ssh, prefix="key-") as authorized:
            authorized.write(f"{key}\n")
            authorized.flush()
            server = subprocess.Popen(
                build_command(state.ssh / "config", authorized.name),
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
    """Wait until the server has ended or the session is about to end; return the exit status."""
    ended = os.pidfd_open(server.pid)
    received = messages(session)
    try:
        while True:
            ready = select.select([ended, session.fileno()], [], [])[0]
            if ended in ready:
                return 0
            message = next(received, None)
            if message is None or message["state"] in ("stopping", "stopped", "failed"):
                reason = message["reason"] if message else "it ended without a reason"
                print(f"The session ends: {reason}", file=sys.stderr, flush=True)
                return 0
    finally:
        os.close(ended)


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server and its terminals. Background programs go on until the session ends."""
    server.terminate()
    try:
        server.wait(_END_PATIENCE)
    except subprocess.TimeoutExpired:
        try:
            os.killpg(server.pid, signal.SIGKILL)
        except ProcessLookupError:
            _LOG.debug("sshd had just ended")
        server.wait()
