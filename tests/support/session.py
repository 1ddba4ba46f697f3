"""Sessions on the test pool, as a user has them: submitted, asked for, connected to, ended."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

from chtc_condor.codes import JobEventType, JobStatus
from support import control_socket
from support.hosts import ROOT, SHARED_IMAGE
from support.job_log import JobLog, SessionEvent
from support.tunnel import Tunnel
from support.waiting import patience, wait_for
from testbed.pool.pool import Pool, kill_tree

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


#: What a command in a job says first, the seconds in which it does, and the status of one that doesn't.
_BEGUN, _ENDED = "the-command-has-begun", "the-command-has-ended"
#: Seconds in which HTCondor notices its end, if it does.
_NOTICED = 3.0
_BEGINS = 20.0
_NEVER_BEGUN = 999
#: Seconds between two queries of the queue for what the event log doesn't show.
_QUERY = 2.0
#: The event that leads to a status.
_EVENT_OF = {
    JobStatus.RUNNING: JobEventType.EXECUTE,
    JobStatus.HELD: JobEventType.JOB_HELD,
    JobStatus.SUSPENDED: JobEventType.JOB_SUSPENDED,
}


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

    def submit(
        self, arguments: str = "", *lines: str, without: str | tuple[str, ...] = (), shell: Sequence[str] = ()
    ) -> Session:
        """`condor_submit jupyter.sub` with the arguments set, `lines` added before `queue`, and `without` some.

        `shell` are the variables (NAME=VALUE) of the shell that submits.

        It asks for less than the stock file does, so that a dozen of sessions fit the test pool.
        """
        text = (ROOT / "submit/jupyter.sub").read_text()
        kept = [line for line in text.splitlines() if line != "queue" and not line.startswith(without or ())]
        kept += ["request_memory = 1500MB", "request_disk = 2GB"]
        if arguments:
            kept.append(f"arguments = {arguments}")
        self.pool.put("ap", f"{self.folder}/jupyter.sub", "\n".join([*kept, *lines, "queue", ""]).encode(), self.user)
        self.job = self.ap("env", *shell, "condor_submit", "-terse", "jupyter.sub", check=True).stdout.split()[0]
        return self

    def ap(self, *argv: str, timeout: float = 60, check: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a command on the access point as the user, in the session's folder."""
        return self.pool.exec("ap", argv, user=self.user, cwd=self.folder, timeout=timeout, check=check)

    def inside(self, *argv: str, timeout: float = 60) -> str:
        """Run a command in the job by `condor_ssh_to_job`; return what it printed."""
        return enter(self.pool, self.user, self.job, shlex.join(argv), timeout).stdout

    def ad(self) -> dict[str, Any]:
        """Return the job's ad, from the queue or else from the history; empty when it is in neither."""
        commands = ["condor_q", "condor_history"]
        for command in reversed(commands) if self.log.has_ended() else commands:
            found = self.ap(command, self.job, "-json").stdout.strip()
            if found and (ads := json.loads(found)):
                return dict(ads[0])
        return {}

    @property
    def cluster(self) -> str:
        """The job's cluster, by which its files are named."""
        return self.job.partition(".")[0]

    @property
    def log(self) -> JobLog:
        """The job's event log."""
        return JobLog(self.pool.path("ap", f"{self.folder}/jupyter-{self.cluster}.log"))

    def wait_ad(
        self, condition: Callable[[dict[str, Any]], bool], hint: Callable[[], bool], seconds: float, what: str
    ) -> dict[str, Any]:
        """Wait until the job's ad meets a condition; return it.

        The queue is asked once the event log gives the `hint` that it does, and now and then without.
        """
        ad: dict[str, Any] = {}
        asked = 0.0

        def look() -> bool:
            nonlocal asked
            if time.monotonic() - asked < (0.3 if hint() else _QUERY):
                return False
            ad.clear()
            ad.update(self.ad())
            asked = time.monotonic()
            return condition(ad)

        def failed() -> str:
            told = {name: ad[name] for name in ad if name.startswith(("Jupyter", "Hold", "JobStatus"))}
            return f"{what}; job {self.job}: {told}\n{self.output()}\n{self.errors()}\n{self.log.text()}"

        wait_for(look, seconds, failed, every=0.1)
        return ad

    def wait_state(self, *states: str, seconds: float = 60) -> dict[str, Any]:
        """Wait until `JupyterState` is one of `states`; return the ad."""
        return self.wait_ad(
            lambda ad: ad.get("JupyterState") in states,
            lambda: self.states()[-1:] != [] and self.states()[-1] in states,
            seconds,
            f"JupyterState in {states}",
        )

    def ready(self, seconds: float = 60) -> dict[str, Any]:
        """Wait until the session is ready; return the ad."""
        return self.wait_state("ready", seconds=seconds)

    def wait_gone(self, seconds: float = 60) -> dict[str, Any]:
        """Wait until the job has left the queue; return its ad from the history."""
        asked = 0.0

        def gone() -> bool:
            nonlocal asked
            if time.monotonic() - asked < (0.3 if self.log.has_ended() else _QUERY):
                return False
            asked = time.monotonic()
            return not self.ap("condor_q", self.job, "-af", "JobStatus").stdout.strip()

        wait_for(gone, seconds, lambda: f"{self.job} to end\n{self.log.text()}", every=0.1)
        ad: dict[str, Any] = {}
        wait_for(lambda: ad.update(self.ad()) or ad, 20, "its ad in the history")
        return ad

    def wait_status(self, status: JobStatus, seconds: float = 60) -> dict[str, Any]:
        """Wait until the job's JobStatus is `status`."""
        return self.wait_ad(
            lambda ad: ad.get("JobStatus") == status,
            lambda: self.log.has(_EVENT_OF[status]),
            seconds,
            f"JobStatus {status!r}",
        )

    def url(self) -> str:
        """Return the address with the token, from inside the job."""
        return self.inside("jupyter-session", "url").strip()

    def status(self) -> dict[str, Any]:
        """Return what `jupyter-session status --json` prints."""
        return control_socket.ask_status(self.pool, self.job)

    def token(self) -> str:
        """Return the token, from the owner's connection file."""
        return str(json.loads(self.file(f"jupyter-{self.job}.json") or "")["token"])

    def request(self, path: str, method: str = "GET", data: str = "", token: str | None = None) -> str:
        """Send a request to the server from its own machine, as root there; return the body."""
        url = f"http://127.0.0.1:{self.log.port() or self.ad()['JupyterPort']}{path}"
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
        """Return whether the access point has the notebook that `save_notebook` saved, with its output."""
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
        _, supervisor = control_socket.find(self.pool, self.job)
        self.pool.exec("ep1", ["kill", "-KILL", str(supervisor)], check=True)

    def kill_server(self) -> int:
        """Kill JupyterLab; return the second in which it was killed, as the execution point's clock has it."""
        command = f"date +%s; kill -9 {self.server_pid()}"
        return int(self.pool.exec("ep1", ["sh", "-c", command], check=True).stdout)

    def events(self) -> list[SessionEvent]:
        """Return the states that the session announced in the job's event log, in order."""
        return self.log.states()

    def warnings(self) -> list[str]:
        """Return the warnings in the job's event log, in order."""
        return self.log.warnings()

    def states(self) -> list[str]:
        """Return the states that the event log tells of, in order."""
        return [event.state for event in self.events()]

    def output(self) -> str:
        """Return the job's standard output."""
        return self.file(f"jupyter-{self.cluster}.out") or ""

    def errors(self) -> str:
        """Return the job's standard error."""
        return self.file(f"jupyter-{self.cluster}.err") or ""

    def file(self, name: str) -> str | None:
        """Return a file of the session's folder on the access point, None if it is not there."""
        try:
            return self.pool.path("ap", f"{self.folder}/{name}").read_text(errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return None

    def receipt(self) -> dict[str, Any]:
        """Return the session's receipt, which came back with the notebooks."""
        return dict(json.loads(self.file("notebooks/.jupyter-session/last-session.json") or "{}"))

    def tunnel(self, shell: str = "bash") -> Tunnel:
        """Paste the JupyterConnect line on the laptop, as the user."""
        line = self.ap("condor_q", self.job, "-af", "JupyterConnect").stdout.strip()
        self.tunnels.append(Tunnel(self.pool, self.user, line, shell))
        return self.tunnels[-1]

    def close_tunnels(self) -> None:
        """Close the tunnels that are still open on the laptop."""
        while self.tunnels:
            self.tunnels.pop().close()

    def remove(self) -> None:
        """Close the tunnels, remove the job, if there is one, and wait until it has gone."""
        self.close_tunnels()
        if self.job and not self.log.has_ended():
            self.ap("condor_rm", self.job)
        if self.job:
            self.wait_gone(90)


def enter(pool: Pool, user: str, job: str, command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a command in a job by `condor_ssh_to_job`, tried until HTCondor lets one in.

    Its own `-auto-retry` sleeps for five seconds between two tries. Of two commands that are sent into a job within
    a second, HTCondor 25.14 may leave one without a beginning: `condor_docker_enter` waits for the starter for ever.
    That one is ended and sent again. Nor does it always notice the end of one when another has come meanwhile, so that
    the command says when it has ended. Raises subprocess.TimeoutExpired if it doesn't end in time.
    """
    deadline = time.monotonic() + timeout * patience()
    while True:
        words = ["condor_ssh_to_job", job, f"echo {_BEGUN} >&2; ( {command} ); echo {_ENDED} >&2"]
        done = _enter_once(pool, user, words, deadline)
        again = done.returncode == _NEVER_BEGUN or (done.returncode and "-auto-retry" in done.stderr)
        if not again or time.monotonic() > deadline:
            return done
        time.sleep(0.5)


def _enter_once(pool: Pool, user: str, words: list[str], deadline: float) -> subprocess.CompletedProcess[str]:
    """Run a command that says _BEGUN first and _ENDED last; the status of one that never begins is _NEVER_BEGUN."""
    started, ended = time.monotonic(), None
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:

        def read(file: IO[bytes]) -> str:
            return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode(errors="replace")

        with pool.popen("ap", words, user=user, stdin=subprocess.DEVNULL, stdout=out, stderr=err) as running:
            try:
                while running.poll() is None:
                    waited = time.monotonic() - started
                    said = read(err)
                    if f"{_BEGUN}\n" not in said and waited > _BEGINS * patience():
                        break
                    if f"{_ENDED}\n" in said and waited - (ended := ended or waited) > _NOTICED:
                        break
                    if time.monotonic() > deadline:
                        raise subprocess.TimeoutExpired(words, waited, read(out), read(err))
                    time.sleep(0.03)
            finally:
                if running.poll() is None:
                    kill_tree(running.pid)
        status = 0 if ended else _NEVER_BEGUN if running.returncode == -signal.SIGKILL else running.returncode
        said = read(err).replace(f"{_BEGUN}\n", "", 1).replace(f"{_ENDED}\n", "", 1)
        return subprocess.CompletedProcess(words, status, read(out), said)


@contextlib.contextmanager
def sessions(pool: Pool, parent: str = "") -> Iterator[Callable[..., Session]]:
    """Yield a function that makes sessions; remove them all at the end."""
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
