"""The pool that is up: run commands on its hosts, cut and heal their network, read their files."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypedDict

from testbed.host import cache, errors, locks, process, waiting
from testbed.pool import accounts, namespaces, network

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from typing_extensions import Unpack

#: The hosts and their addresses.
HOSTS = {"ap": "10.77.0.10", "ep1": "10.77.0.20", "laptop": "10.77.0.30"}
#: The logs of each host, as `Pool.save_logs` takes them.
LOGS = ("/var/log/condor", "/var/log/sshd.log")
STATE = Path("/run/jupyter-pool")
TERMINAL = Path(__file__).with_name("terminal.py")
#: Kills everything on a host but its PID 1 with its child (`namespaces.INIT`), and the shell that runs this.
_KILL_ALL = "while pids=$(pgrep -v -f '^(tini --|sleep infinity|sh -c while pids)'); do kill -9 $pids || :; done"


class Login(TypedDict, total=False):
    """How a command runs on a host; see `Pool.command`."""

    user: str
    env: Mapping[str, str] | None
    tty: bool
    cwd: str | None


class HostProcess(subprocess.Popen[str]):
    """A command on a host. Signals go to the command itself, not to the nsenter that waits for it.

    Its streams are text; ``.stdout.buffer`` and the like are the bytes.
    """

    def send_signal(self, sig: int) -> None:
        """Send ``sig`` to the command; nothing where it has ended."""
        deadline = time.monotonic() + 5
        while self.poll() is None and time.monotonic() < deadline:
            if inner := process.children(self.pid):
                os.kill(inner[0], sig)
                return
            time.sleep(0.005)


@dataclass(frozen=True)
class Pool:
    """A pool by its name; its state is what lies in its folder of `STATE`."""

    name: str

    @classmethod
    def current(cls) -> Pool:
        """Return the pool that the environment's ``POOL`` names."""
        name = os.environ.get("POOL") or "jupyter"
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,40}", name):
            raise errors.UserError(f"POOL={name!r} is not a valid name: use letters, digits, '.', '_', and '-'.")
        return cls(name)

    @property
    def state(self) -> Path:
        """Return the folder of the identities of its processes."""
        return STATE / self.name

    @property
    def lock(self) -> Path:
        """Return the lock for bringing the pool up or down."""
        return STATE / f"{self.name}.lock"

    @property
    def disk(self) -> Path:
        """Return the folder of what the hosts write."""
        noted = self.state / "disk"
        return Path(noted.read_text()) if noted.exists() else cache.folder() / "pools" / self.name

    def is_up(self) -> bool:
        """Return whether the pool came up completely and every host still runs."""
        return (self.state / "ready").exists() and all(self._find(host) for host in HOSTS)

    def pid(self, host: str) -> int:
        """Return PID 1 of a host, or of the ``switch``, as the machine numbers it."""
        found = self._find(host)
        if found is None:
            raise errors.UserError(
                f"the pool {self.name!r} has no host {host!r} up: see `ci/pool status`, or start it with `ci/pool up`."
            )
        return found.pid

    def command(
        self,
        host: str,
        argv: Sequence[str],
        *,
        user: str = "root",
        env: Mapping[str, str] | None = None,
        tty: bool = False,
        cwd: str | None = None,
    ) -> list[str]:
        """Return the command of the machine that runs ``argv`` on a host, as after a login.

        No shell is between: an argument stays one argument. With ``tty`` it gets a terminal of the host.
        """
        who = accounts.find(user)
        setting = {"LANG": "C.UTF-8", **({"TERM": "xterm-256color"} if tty else {}), **(env or {})}
        terminal = ["python3", "-c", TERMINAL.read_text()] if tty else []
        return [
            *namespaces.entering(self.pid(host)),
            *("setpriv", f"--reuid={who.uid}", f"--regid={who.uid}", "--init-groups"),
            *("--reset-env", "--pdeathsig=KILL", "env", f"--chdir={cwd or who.home}"),
            *(f"{name}={value}" for name, value in setting.items()),
            *terminal,
            *argv,
        ]

    def popen(
        self,
        host: str,
        argv: Sequence[str],
        *,
        stdin: int | IO[Any] | None = subprocess.PIPE,
        stdout: int | IO[Any] | None = subprocess.PIPE,
        stderr: int | IO[Any] | None = subprocess.PIPE,
        **login: Unpack[Login],
    ) -> HostProcess:
        """Start a command on a host; it is killed when this process ends."""
        return HostProcess(
            self.command(host, argv, **login),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            text=True,
            errors="replace",
        )

    def exec(
        self,
        host: str,
        argv: Sequence[str],
        *,
        input: str | None = None,  # noqa: A002 (the name that subprocess.run gives it)
        timeout: float = 60,
        check: bool = False,
        **login: Unpack[Login],
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a host and return its status and output.

        Raises subprocess.TimeoutExpired, all that it started killed, after ``timeout`` seconds (more on
        a loaded machine), and with ``check`` `UserError` where the status is not 0.
        """
        with self.popen(host, argv, **login) as running:
            try:
                out, err = running.communicate(input or "", timeout=timeout * waiting.patience())
            except BaseException:
                kill_tree(running.pid)
                raise
        if check and running.returncode:
            said = (err.strip() or out.strip() or "nothing").splitlines()[-1]
            raise errors.UserError(
                f"{' '.join(argv)!r} as {login.get('user', 'root')} on {host} exited {running.returncode}: {said}"
            )
        return subprocess.CompletedProcess(list(argv), running.returncode, out, err)

    def nsenter_net(self, host: str) -> list[str]:
        """Return the words before a command of the machine that give it a host's network."""
        return namespaces.entering(self.pid(host), "n")

    def path(self, host: str, path: str) -> Path:
        """Return where the machine sees a file of a host; absolute links in it lead astray."""
        return Path(f"/proc/{self.pid(host)}/root") / path.lstrip("/")

    def put(self, host: str, path: str, data: bytes, user: str = "root", mode: int = 0o644) -> None:
        """Write a file of a host, with folders on its way made, all of them ``user``'s.

        For a file that is its owner's alone (0600) the folders are so too.
        """
        with self._writing(host, path, user, mode) as target:
            target.write(data)

    def copy(self, host: str, source: Path, path: str, user: str = "root", mode: int = 0o644) -> None:
        """Copy a file of the machine to a host, as `put` does."""
        with source.open("rb") as data, self._writing(host, path, user, mode) as target:
            shutil.copyfileobj(data, target, 1 << 20)

    @contextlib.contextmanager
    def placing(self, host: str, what: str, version: str) -> Iterator[bool]:
        """Yield whether ``version`` of ``what`` is still to be placed on a host; nobody else places it meanwhile.

        It counts as placed once the block ends without an exception.
        """
        note = self.state / f"placed-{what}-{host}"
        with locks.locked(note):
            yield note.read_text() != version
            note.write_text(version)

    @contextlib.contextmanager
    def _writing(self, host: str, path: str, user: str, mode: int) -> Iterator[IO[bytes]]:
        target, uid = self.path(host, path), accounts.find(user).uid
        for folder in reversed(target.parents):
            if not folder.exists():
                folder.mkdir()
                folder.chmod(0o755 if mode & 0o077 else 0o700)
                os.chown(folder, uid, uid)
        with target.open("wb") as opened:
            yield opened
        target.chmod(mode)
        os.chown(target, uid, uid)

    def cut(self, host: str) -> None:
        """Make the network of a host silent, as WiFi that is lost; again is harmless."""
        network.cut(self.pid("switch"), self._known(host))

    def heal(self, host: str) -> None:
        """Restore a host's network; harmless if it is up."""
        network.heal(self.pid("switch"), self._known(host))

    def power_off(self, host: str) -> None:
        """Kill all that runs on a host at once, without a goodbye: its network goes first."""
        self.cut(host)
        self.exec(host, ["sh", "-c", _KILL_ALL], check=True)

    def power_on(self, host: str) -> None:
        """Undo `power_off`: the host's HTCondor starts again, as after a boot."""
        self.heal(host)
        self.exec(host, ["condor_master"], check=True)

    def save_logs(self, folder: Path) -> None:
        """Copy the daemons' logs of every host that is up to ``folder``/HOST."""
        for host in filter(self._find, HOSTS):
            for log in LOGS:
                source, target = self.path(host, log), folder / host / Path(log).name
                if source.is_dir():
                    shutil.copytree(source, target, dirs_exist_ok=True)
                elif source.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(source, target)

    def _find(self, host: str) -> process.Process | None:
        found = process.Process.read(self.state / f"{host}.pid")
        return found if found and found.alive() else None

    def _known(self, host: str) -> str:
        if host not in HOSTS:
            raise errors.UserError(f"no host {host!r}: the hosts are {', '.join(HOSTS)}.")
        return host


def kill_tree(pid: int) -> None:
    """Kill a process and all that descends from it."""
    for child in process.children(pid):
        kill_tree(child)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
