"""Sessions on the test pool, as a user has them: submitted, asked for, connected to, ended."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import select
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from testbed.artifacts import image
from testbed.pool.pool import HostProcess, Pool, kill_tree

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
URL = re.compile(r"http://127\.0\.0\.1:(\d+)/lab\?token=([\w-]+)")
SHARED_IMAGE = "/srv/jupyter.sif"
EVENT = re.compile(r"^008 \S+ (\S+ \S+) jupyter-session (\{.*\})$", re.MULTILINE)
#: Runs in the job: starts a cell in a kernel, and prints `busy` once the kernel is at it.
EXECUTE = """
import glob, sys
from jupyter_client import BlockingKernelClient
client = BlockingKernelClient(connection_file=glob.glob(f"/tmp/jupyter-session-*/runtime/kernel-{sys.argv[1]}.json")[0])
client.load_connection_file()
client.start_channels()
client.wait_for_ready(timeout=30)
asked = client.execute(sys.argv[2])
while True:
    message = client.get_iopub_msg(timeout=30)
    if message["parent_header"].get("msg_id") == asked and message["content"].get("execution_state") == "busy":
        sys.exit(print("busy"))
"""


def wait_for(condition: Callable[[], T], seconds: float, what: str, every: float = 0.3) -> T:
    """Return the first true value of `condition`; fail when it has none within `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(every)
    return value


@dataclass(frozen=True)
class Event:
    """What the session said in the job's event log; `at` is to the second."""

    at: datetime
    state: str
    reason: str


class Tunnel:
    """The JupyterConnect line, pasted into a shell on the laptop."""

    def __init__(self, pool: Pool, user: str, line: str, shell: str = "bash") -> None:
        self.process = pool.popen(
            "laptop", [shell, "-c", line], user=user, tty=True, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT
        )
        self.output = ""

    def url(self, seconds: float = 60) -> str:
        """Wait for the address that it prints, the token in it."""

        def look() -> re.Match[str] | None:
            self._read()
            return URL.search(self.output)

        try:
            return wait_for(look, seconds, "the tunnel's URL")[0]
        except AssertionError as error:
            raise AssertionError(f"{error}; it printed {self.output!r}") from None

    def _read(self) -> None:
        out = self.process.stdout
        while select.select([out], [], [], 0)[0] and (part := os.read(out.fileno(), 65536)):
            self.output += part.decode(errors="replace")

    def wait_end(self, seconds: float) -> str:
        """Wait until it ends by itself; return all that it printed."""
        self.output += self.process.communicate(timeout=seconds)[0]
        return self.output

    def close(self) -> None:
        """Kill what runs on the laptop."""
        kill_tree(self.process.pid)
        self.process.communicate(timeout=10)
        self.process.stdout.close()


class Session:
    """One job of `user`, in a folder of its own on the access point, below `parent` (default: the user's home)."""

    def __init__(self, pool: Pool, user: str = "alice", parent: str = "") -> None:
        self.pool = pool
        self.user = user
        self.folder = f"{parent or f'/home/{user}'}/session-{secrets.token_hex(4)}"
        self.job = ""
        self.tunnels: list[Tunnel] = []
        for source in ("jupyter.sub", "notebooks/welcome.ipynb"):
            pool.copy("ap", ROOT / "submit" / source, f"{self.folder}/{source}", user)
        pool.exec("ap", ["ln", *(["-s"] if parent else []), SHARED_IMAGE, f"{self.folder}/jupyter.sif"], check=True)

    def submit(self, arguments: str = "", *lines: str, without: str = "") -> Session:
        """`condor_submit jupyter.sub` with the arguments set and `lines` added before `queue`.

        It asks for less than the stock file does, so that a dozen of sessions fit the test pool.
        """
        text = (ROOT / "submit/jupyter.sub").read_text()
        kept = [line for line in text.splitlines() if line != "queue" and not (without and line.startswith(without))]
        kept += ["request_memory = 1500MB", "request_disk = 2GB"]
        if arguments:
            kept.append(f"arguments = {arguments}")
        self.pool.put("ap", f"{self.folder}/jupyter.sub", "\n".join([*kept, *lines, "queue", ""]).encode(), self.user)
        self.job = self.ap("condor_submit", "-terse", "jupyter.sub", check=True).stdout.split()[0]
        return self

    def ap(self, *argv: str, timeout: float = 60, check: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a command on the access point as the user, in the session's folder."""
        return self.pool.exec("ap", argv, user=self.user, cwd=self.folder, timeout=timeout, check=check)

    def inside(self, *argv: str, timeout: float = 60) -> str:
        """Run a command in the job by `condor_ssh_to_job`; return what it printed."""
        return self.ap("condor_ssh_to_job", "-auto-retry", self.job, shlex.join(argv), timeout=timeout).stdout

    def ad(self) -> dict[str, Any]:
        """Return the job's ad, from the queue or else from the history; empty when it is in neither."""
        for command in ("condor_q", "condor_history"):
            found = self.ap(command, self.job, "-json").stdout.strip()
            if found and (ads := json.loads(found)):
                return dict(ads[0])
        return {}

    def wait_state(self, *states: str, seconds: float = 60) -> dict[str, Any]:
        """Wait until `JupyterState` is one of `states`; return the ad."""
        ad: dict[str, Any] = {}

        def look() -> bool:
            ad.clear()
            ad.update(self.ad())
            return ad.get("JupyterState") in states

        try:
            wait_for(look, seconds, f"JupyterState in {states}")
        except AssertionError as error:
            told = {n: v for n, v in ad.items() if n.startswith(("Jupyter", "Hold", "JobStatus"))}
            files = self.ap("sh", "-c", "tail -n 20 jupyter-*.out jupyter-*.err").stdout
            raise AssertionError(f"{error}; job {self.job}: {told}\n{files}") from None
        return ad

    def ready(self, seconds: float = 60) -> dict[str, Any]:
        """Wait until the session is ready; return the ad."""
        return self.wait_state("ready", seconds=seconds)

    def wait_gone(self, seconds: float = 60) -> dict[str, Any]:
        """Wait until the job has left the queue; return its ad from the history."""
        wait_for(
            lambda: not self.ap("condor_q", self.job, "-af", "JobStatus").stdout.strip(), seconds, f"{self.job} to end"
        )
        return self.ad()

    def wait_status(self, status: int, seconds: float = 60) -> dict[str, Any]:
        """Wait until the job's JobStatus is `status` (1 idle, 2 running, 5 held)."""
        wait_for(lambda: self.ad().get("JobStatus") == status, seconds, f"JobStatus {status} of {self.job}")
        return self.ad()

    def url(self) -> str:
        """Return the address with the token, from inside the job."""
        return self.inside("jupyter-session", "url").strip()

    def token(self) -> str:
        """Return the token, from the owner's connection file."""
        return str(json.loads(self.ap("cat", f"jupyter-{self.job}.json", check=True).stdout)["token"])

    def request(self, path: str, method: str = "GET", data: str = "", token: str | None = None) -> str:
        """Send a request to the server from its own machine, as root there; return the body."""
        ad = self.ad()
        url = f"http://127.0.0.1:{ad['JupyterPort']}{path}"
        words = ["curl", "-sS", "-X", method, "-K", "-", *(["--data", data] if data else []), url]
        secret = f'header = "Authorization: token {token or self.token()}"'  # no secret in an argument
        return self.pool.exec("ep1", words, input=secret).stdout

    def save_notebook(self, name: str, text: str) -> None:
        """Save a notebook as Lab does, by the contents API; its one cell has `text` for source and output."""
        output = {"output_type": "stream", "name": "stdout", "text": text}
        cell = {
            "cell_type": "code",
            "id": "a",
            "execution_count": 1,
            "metadata": {},
            "source": text,
            "outputs": [output],
        }
        notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        body = json.dumps({"type": "notebook", "format": "json", "content": notebook})
        answer = json.loads(self.request(f"/api/contents/{name}", "PUT", body))
        assert answer.get("name") == name, answer

    def has_notebook(self, name: str, text: str) -> bool:
        """Say whether the folder on the access point has the notebook that `save_notebook` saved, with its output."""
        found = self.file(f"notebooks/{name}")
        return found is not None and json.loads(found)["cells"][0]["outputs"][0]["text"] in (text, [text])

    def start_kernel(self) -> str:
        """Start a kernel of no notebook; return its id."""
        return str(json.loads(self.request("/api/kernels", "POST", "{}"))["id"])

    def open_notebook(self, name: str) -> str:
        """Start the kernel of a notebook as Lab does when it is opened; return the kernel's id."""
        wanted = {"path": name, "name": name, "type": "notebook", "kernel": {"name": "python3"}}
        return str(json.loads(self.request("/api/sessions", "POST", json.dumps(wanted)))["kernel"]["id"])

    def execute(self, kernel: str, code: str) -> None:
        """Run a cell in a kernel; return once the kernel is busy with it."""
        assert "busy" in self.python(EXECUTE, kernel, code)

    def python(self, code: str, *argv: str, timeout: float = 60) -> str:
        """Run a script in the job by the image's Python; return what it printed."""
        return self.inside("/opt/jupyter/bin/python", "-c", code, *argv, timeout=timeout)

    def pid_of(self, pattern: str) -> int | None:
        """Return the process on the execution point whose command line matches."""
        found = self.pool.exec("ep1", ["pgrep", "-f", pattern]).stdout.split()
        return int(found[0]) if found else None

    def server_pid(self) -> int | None:
        """Return the JupyterLab process of this job (not the tmux that has its words too) on the execution point."""
        return self.pid_of(
            f"^/opt/jupyter/bin/python3 .*jupyter-lab --config=/tmp/jupyter-session-[0-9]*-{re.escape(self.job)}/"
        )

    def kill_supervisor(self) -> None:
        """Kill the supervisor of this job: the process that listens on its control socket."""
        sockets = self.pool.exec("ep1", ["ss", "-Hxlp"], check=True).stdout
        found = re.search(rf"-{re.escape(self.job)}/control .*pid=(\d+)", sockets)
        assert found, sockets
        self.pool.exec("ep1", ["kill", "-KILL", found[1]], check=True)

    def kill_server(self) -> int:
        """Kill JupyterLab; return the second in which it was killed, as the execution point's clock has it."""
        command = f"date +%s; kill -9 {self.server_pid()}"
        return int(self.pool.exec("ep1", ["sh", "-c", command], check=True).stdout)

    def events(self) -> list[Event]:
        """Return what the session said in the job's event log, in order."""
        log = self.file(f"jupyter-{self.job.partition('.')[0]}.log") or ""
        found = ((at, json.loads(text)) for at, text in EVENT.findall(log))
        return [
            Event(datetime.fromisoformat(at).astimezone(), said["state"], said["reason"])
            for at, said in found
            if "state" in said
        ]

    def warnings(self) -> list[str]:
        """Return the warnings in the job's event log, in order."""
        log = self.file(f"jupyter-{self.job.partition('.')[0]}.log") or ""
        return [said["warning"] for _, text in EVENT.findall(log) if "warning" in (said := json.loads(text))]

    def states(self) -> list[str]:
        """Return the states that the event log tells of, in order."""
        return [event.state for event in self.events()]

    def output(self) -> str:
        """Return the job's standard output."""
        return self.file(f"jupyter-{self.job.partition('.')[0]}.out") or ""

    def errors(self) -> str:
        """Return the job's standard error."""
        return self.file(f"jupyter-{self.job.partition('.')[0]}.err") or ""

    def file(self, name: str) -> str | None:
        """Return a file of the session's folder on the access point, None if it is not there."""
        found = self.ap("cat", name)
        return None if found.returncode else found.stdout

    def receipt(self) -> dict[str, Any]:
        """Return the session's receipt, which came back with the notebooks."""
        return dict(json.loads(self.file("notebooks/.jupyter-session/last-session.json") or "{}"))

    def tunnel(self, shell: str = "bash") -> Tunnel:
        """Paste the JupyterConnect line on the laptop, as the user."""
        line = self.ap("condor_q", self.job, "-af", "JupyterConnect").stdout.strip()
        self.tunnels.append(Tunnel(self.pool, self.user, line, shell))
        return self.tunnels[-1]

    def remove(self) -> None:
        """Close the tunnels, remove the job, if there is one, and wait until it has gone."""
        for tunnel in self.tunnels:
            tunnel.close()
        if self.job:
            self.ap("condor_rm", self.job)
            self.wait_gone(90)


@contextlib.contextmanager
def background(pool: Pool, host: str, argv: Sequence[str], user: str = "root", **options: Any) -> Iterator[HostProcess]:
    """Run a command on a host for as long as the block; its output and errors are one stream."""
    running = pool.popen(host, argv, user=user, **{"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT, **options})
    try:
        yield running
    finally:
        kill_tree(running.pid)
        with running:  # its streams are closed
            running.wait(10)


@contextlib.contextmanager
def sessions(pool: Pool, parent: str = "") -> Iterator[Callable[..., Session]]:
    """Give out sessions, and remove them all at the end."""
    given: list[Session] = []

    def new(user: str = "alice") -> Session:
        given.append(Session(pool, user, parent))
        return given[-1]

    try:
        yield new
    finally:
        for session in given:
            session.ap("condor_rm", session.job) if session.job else None
        for session in given:
            session.remove()
            pool.exec("ap", ["rm", "-rf", session.folder])


@contextlib.contextmanager
def small(pool: Pool, folder: str, size: str) -> Iterator[None]:
    """Give a folder of alice's on the access point so little room for as long as the block."""
    pool.exec("ap", ["mkdir", "-p", folder], user="alice", check=True)  # as root, the way to it would be root's
    pool.exec("ap", ["mount", "-t", "tmpfs", "-o", f"size={size},uid=2001,mode=755", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        pool.exec("ap", ["umount", "-l", folder], check=True)


def place_image(pool: Pool, host: str = "ap") -> None:
    """Put the image on a host, for sessions to link to, unless it is there already."""
    sif = Path(os.environ["JUPYTER_SIF"]) if "JUPYTER_SIF" in os.environ else image.build().path / "jupyter.sif"
    mark = f"{SHARED_IMAGE}.is.{sif.parent.name}"
    if pool.exec(host, ["test", "-e", mark]).returncode:
        pool.exec(host, ["sh", "-c", f"rm -f {SHARED_IMAGE}.is.*"], check=True)
        beside = f"{SHARED_IMAGE}.{os.getpid()}"
        pool.copy(host, sif, beside)
        pool.exec(host, ["mv", beside, SHARED_IMAGE], check=True)
        pool.exec(host, ["touch", mark], check=True)
