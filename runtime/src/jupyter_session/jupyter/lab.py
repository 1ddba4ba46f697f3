"""The JupyterLab server of a session: its configuration and its API."""

from __future__ import annotations

import base64
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from jupyter_session import ports
from jupyter_session.errors import SessionError
from jupyter_session.jupyter.extensions import EXTENSIONS, RECORDER
from jupyter_session.jupyter.packages import Environment, make_environment
from jupyter_session.state_dir import StateDir

_LOG = logging.getLogger(__name__)
_EXTENSION = "jupyter_session.jupyter.extension"
_ACTIVITY = "/jupyter-session/activity?no_track_activity=1"

#: Seconds for one request to the server. It answers in milliseconds unless its event loop is blocked.
REQUEST_TIMEOUT = 5.0
#: Seconds in which a server that has just started may answer with errors.
_REFUSAL_PATIENCE = 20.0
#: Python code that runs the script that follows.
_QUICK_START = "from jupyter_session.jupyter.quick_start import main; main()"
#: What a PATH that came along with the job may lack.
_PATH = ("/usr/local/bin", "/usr/bin", "/bin")


class LabError(Exception):
    """The server did not answer, or answered with an error."""


class LabRefusedError(LabError):
    """The server answered with an error."""


class Lab:
    """One JupyterLab on 127.0.0.1:`port`, with a token of its own."""

    def __init__(self, state: StateDir, notebooks: Path, *, has_recorder: bool = True) -> None:
        self._state = state
        self._notebooks = notebooks
        self._has_recorder = has_recorder
        self._environment: Environment | None = None
        self.port = 0
        self.token = ""
        self._refused_since: float | None = None  # on the monotonic clock

    @property
    def environment(self) -> Environment | None:
        """Where pip installs to, once it has been made."""
        return self._environment

    def prepare(self, port: int) -> None:
        """Write the configuration for `port` and a fresh token, both 0600, and forget the secret of its cookies.

        Each start of the server needs a new token: an open browser may have sent the old one to whoever took the port
        while nothing of ours listened on it.
        """
        self.port = port
        self._refused_since = None
        self.token = base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")
        self._state.write_private(self._state.token, self.token)
        (self._state.runtime / "jupyter_cookie_secret").unlink(missing_ok=True)
        self._state.write_private(self._state.config, json.dumps(self._config(), indent=2))

    def command(self) -> list[str]:
        """Return the command that runs the server. It has nothing secret.

        The server's Python ignores the user's PYTHONPATH and its like, which are for kernels.
        """
        return [
            sys.executable,
            "-I",
            "-c",
            _QUICK_START,
            str(Path(sys.executable).with_name("jupyter-lab")),
            f"--config={self._state.config}",
        ]

    def set_environment(self, environ: MutableMapping[str, str]) -> None:
        """Set the environment of the server, its kernels, its terminals, and tmux."""
        environ["JUPYTER_TOKEN_FILE"] = str(self._state.token)
        environ["JUPYTER_RUNTIME_DIR"] = str(self._state.runtime)
        environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(self._state.data), environ.get("JUPYTER_PATH")]))
        environ["SHELL"] = "/bin/bash"  # a slot user's own may be /usr/sbin/nologin
        folders = [str(Path(sys.executable).parent), *environ.get("PATH", os.defpath).split(os.pathsep), *_PATH]
        environ["PATH"] = os.pathsep.join(dict.fromkeys(filter(None, folders)))
        self._environment = make_environment(self._state, environ, self._notebooks)
        environ["JUPYTER_SESSION_PATH"] = environ["PATH"]  # for login shells: /etc/profile sets PATH anew
        if not environ.get("TERM") or environ["TERM"] == "dumb":
            environ["TERM"] = "xterm-256color"

    def has_bound(self, pid: int) -> bool:
        """Return whether process `pid` listens on our port.

        The token must not be sent to the port before that: another user's server there would learn it. The server's
        own file shows less, and counts only where nothing else can be seen: jupyter_server 2.21 writes it just before
        it takes the port.
        """
        try:
            return ports.listens_on(pid, self.port)
        except PermissionError as error:
            _LOG.debug("can't see what the server listens on: %s", error)
            return (self._state.runtime / f"jpserver-{pid}.json").exists()

    def answers(self) -> bool:
        """Return whether the server answers an authenticated request.

        Raises SessionError if it has refused such requests for a while: it would refuse all others, too.
        """
        try:
            self.request("GET", "/api/status")
        except LabRefusedError as error:
            _LOG.debug("not ready: %s", error)
            now = time.monotonic()
            self._refused_since = self._refused_since or now
            if now - self._refused_since > _REFUSAL_PATIENCE:
                raise SessionError(f"{error}: {self.read_last_log_lines(1)}") from None
            return False
        except LabError as error:
            _LOG.debug("not ready: %s", error)
            return False
        return True

    def request(self, method: str, path: str, body: Any = None, *, timeout: float = REQUEST_TIMEOUT) -> Any:
        """Send an API request; return the JSON of the answer, None if it has no body. Raises LabError if it fails."""
        import http.client  # noqa: PLC0415 - loaded while the server starts

        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, headers={"Authorization": f"token {self.token}"})
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise LabError(f"JupyterLab does not answer: {error or type(error).__name__}") from error
        finally:
            connection.close()
        if answer.status >= 400:
            raise LabRefusedError(f"JupyterLab answered {answer.status} to {method} {path}")
        try:
            return json.loads(text) if text else None
        except ValueError as error:
            raise LabError(f"JupyterLab's answer to {path} is not JSON") from error

    def ask_extension(self, timeout: float) -> Any:
        """Return what our server extension has seen of JupyterLab's use. Raises LabError if it doesn't tell.

        See `jupyter.extension.report`. That it has no socket is no reason not to tell.
        """
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(timeout)
                connection.connect(str(self._state.extension))
                with connection.makefile("rb") as answer:
                    return json.loads(answer.read())
        except (FileNotFoundError, ConnectionRefusedError) as error:
            _LOG.debug("the extension is asked by HTTP: %s", error)
        except (OSError, ValueError) as error:
            raise LabError(f"JupyterLab does not answer: {error or type(error).__name__}") from error
        return self.request("GET", _ACTIVITY, timeout=timeout)

    def end_orphans(self, server: int) -> None:
        """Kill the kernels that the server of process ID `server`, which has ended, left behind."""
        end_orphans(server, self._state.id)

    def read_last_log_lines(self, count: int = 5) -> str:
        """Return the last non-empty lines of the server's log, joined by ` | `."""
        try:
            with self._state.log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - 8192))
                lines = [line.strip() for line in log.read().decode(errors="replace").splitlines()]
        except OSError as error:
            _LOG.debug("can't read the server's log: %s", error)
            lines = []
        return " | ".join([line for line in lines if line][-count:]) or "its log is empty"

    def _config(self) -> dict[str, Any]:
        return {
            "ServerApp": {
                "ip": "127.0.0.1",
                "port": self.port,
                "port_retries": 0,  # the supervisor chooses the port, and must know it
                "open_browser": False,
                "allow_root": True,
                "root_dir": str(self._notebooks),
                # What the settings of another server of the user's may have.
                "base_url": "/",
                "certfile": "",
                "keyfile": "",
                "client_ca": "",
                "sock": "",
                "terminado_settings": {"shell_command": ["/bin/bash"]},
                "jpserver_extensions": {**EXTENSIONS, RECORDER: self._has_recorder},
            },
            "IdentityProvider": {
                "token": self.token,
                # Other sites' pages send no cookies. Firefox and Safari need to be told; Chromium takes it for granted.
                "cookie_options": {"samesite": "Lax"},
            },
            "GatewayClient": {"url": ""},
            "PasswordIdentityProvider": {"hashed_password": "", "password_required": False},
            # Over TCP, a kernel sends its output to every user of the machine who connects.
            "KernelManager": {"transport": "ipc"},
            "MultiKernelManager": {"kernel_manager_class": f"{_EXTENSION}.kernel_manager.SessionKernelManager"},
            "SessionKernelManager": {
                "sockets": str(self._state.sockets),
                "python": str(self._environment.python) if self._environment else "",
            },
            "LabApp": {"extension_manager": "readonly"},
            "SessionExtension": {"socket": str(self._state.extension)},
        }


def belongs_to(pid: int, session: str, *more: str) -> bool:
    """Return whether a process has a session's ID, and `more`, in its environment. Raises OSError if it has ended.

    Process IDs are used again, and another session's may have the same in a namespace of its own.
    """
    variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return all(each.encode() in variables for each in (f"JUPYTER_SESSION_ID={session}", *more))


def end_orphans(server: int, session: str) -> None:
    """Kill the kernels that the server of process ID `server` in a session, which has ended, left behind.

    Not every kernel notices the end of its parent, and one that stays keeps its memory and its GPU. jupyter_client
    starts each kernel as the leader of a process group, with JPY_PARENT_PID in its environment.
    """
    for about in Path("/proc").glob("[0-9]*"):
        pid = int(about.name)
        try:
            if belongs_to(pid, session, f"JPY_PARENT_PID={server}") and os.getpgid(pid) == os.getsid(pid):
                os.kill(pid, signal.SIGKILL)
        except OSError as error:
            _LOG.debug("not a kernel to end: %s", error)
