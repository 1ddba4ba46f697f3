"""An open connection: a process (ssh, or the agent itself on the access point) that exchanges JSON lines."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.resources
import json
import logging
import secrets
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

from chtc_jupyter import verbosity
from chtc_jupyter.errors import LauncherError
from chtc_jupyter.ssh import entry, multiplexing, openssh
from chtc_jupyter.ssh.agent import LONGEST

_log = logging.getLogger(__name__)
#: What the agent itself logs, on the access point.
_agent_log = logging.getLogger("chtc_jupyter.ssh.agent")
#: Seconds between two signs of life; the agent ends after _PATIENCE without one.
_BEAT, _PATIENCE = 10.0, 45
#: The name of the access point if it is this machine.
HERE = "this machine"
#: As many `-v` don't make ssh verbose; more do.
_SSH_TOO = 2
#: How the lines begin that `ssh -v` adds.
_SSH_VERBOSE = ("debug", "OpenSSH_", "Authenticated to ", "Transferred: sent ", "Bytes per second: sent ")
#: Seconds after which a silent forward is taken to lead nowhere.
_SILENCE = 20
#: Answers one connection to the socket of the forward.
_ANSWERER = (
    "import socket; s = socket.socket(socket.AF_UNIX); s.bind('{folder}/lab'); s.listen(); print(1, flush=True); "
    "s.accept()[0].send(b'1')"
)
_END = object()

Answer = dict[str, Any]


class LinkLostError(Exception):
    """The connection has ended; it is unknown whether the last request was carried out."""


class LinkFailedError(Exception):
    """The connection could not be made."""

    def __init__(self, failure: openssh.SshFailure) -> None:
        super().__init__(str(failure.error))
        self.failure = failure


class AgentClient:
    """A connection with an agent at its other end."""

    def __init__(self, ap: str, process: asyncio.subprocess.Process, port: int, folder: str) -> None:
        self.ap = ap
        self.port = port
        self.folder = folder
        self.hello: Answer = {}
        self.lost = asyncio.Event()
        self._process = process
        self._waiting: dict[int, asyncio.Queue[Any]] = {0: asyncio.Queue()}
        self._number = 0
        self._stderr = ""
        self._tasks = [asyncio.create_task(work) for work in (self._listen(), self._hear_errors())]

    @classmethod
    async def open(
        cls,
        ap: str,
        *,
        forward: bool = False,
        share: str = "",
        batch: bool = False,
        patience: int = 30,
        login: float | None = 300,
    ) -> AgentClient:
        """Connect. Raises LinkFailedError. `login` is how many seconds a person may take to log in (None: no limit).

        With `forward`, the connection is a new one that others may share; otherwise `share` may name the one to join.
        """
        source = importlib.resources.files("chtc_jupyter.ssh").joinpath("agent.py").read_bytes()
        tag = f"chtc-jupyter-{secrets.token_hex(8)}"
        folder = f"/tmp/{tag}"  # noqa: S108 - made 0700 by the agent, or refused
        port = _free_port() if forward and ap != HERE else 0
        if ap == HERE:
            code = f"import sys; exec(compile(sys.stdin.buffer.read({len(source)}), 'agent.py', 'exec'))"
            argv = [sys.executable, "-IS", "-c", code, tag]
        else:
            to = openssh.Forward(port, f"{folder}/lab") if forward else None
            remote = openssh.build_bootstrap(len(source), tag)
            joint = multiplexing.offer(ap) if forward else share
            argv = openssh.build_command(
                openssh.validate_access_point(ap), remote, forward=to, share=joint, batch=batch, patience=patience
            )
        first = {
            "folder": folder,
            "patience": _PATIENCE,
            "reaper": entry.read_script("end_agent.sh"),
            "log": "debug" if _agent_log.isEnabledFor(logging.DEBUG) else "",
        }
        if verbosity.get_count() > _SSH_TOO and ap != HERE:
            argv.insert(1, "-v")
        _log.info("Connecting to %s", ap)
        _log.debug("Running %s", shlex.join(argv))
        process = await _start(argv)
        link = cls(ap, process, port, folder)
        try:
            link._write(source + json.dumps(first).encode() + b"\n")
            hello = await asyncio.wait_for(link._next(0), login)
        except (LinkLostError, asyncio.TimeoutError):
            await link.close()
            status = process.returncode if process.returncode is None or process.returncode >= 0 else 255
            _log.info("No connection to %s: exit status %s, %r", ap, status, link._stderr.strip())
            raise LinkFailedError(openssh.diagnose_failure(ap, status, link._stderr)) from None
        except BaseException:
            await link.close()
            raise
        if "error" in hello:
            await link.close()
            raise LinkFailedError(
                openssh.SshFailure(
                    openssh.build_file_error(ap, hello.get("errno", 0), hello["error"]), openssh.Retry.LATER
                )
            )
        _log.info("Connected to %s, which has Python %s", ap, hello.get("python"))
        link.hello = hello
        link._tasks.append(asyncio.create_task(link._beat()))
        return link

    async def ask(self, do: str, **fields: Any) -> Answer:
        """Send a request and return its one answer. Raises LinkLostError, or LauncherError if it was refused."""
        async with self._request(do, fields) as number:
            answer = await self._next(number)
        if "error" in answer:
            raise openssh.build_file_error(self.ap, int(answer.get("errno") or 0), answer["error"])
        return answer

    async def run(self, argv: Sequence[str], *, text: str = "", timeout: float = 60, cwd: str = "~") -> Answer:
        """Run a command on the access point; return its `status`, `out`, and `err`."""
        return await self.ask("run", argv=list(argv), input=text, timeout=timeout, cwd=cwd)

    async def stream(self, do: str, **fields: Any) -> AsyncGenerator[Answer, None]:
        """Send a request and yield its answers up to the one with a `status`, or one with an `error`."""
        async with self._request(do, fields) as number:
            ended = False
            try:
                while not ended:
                    answer = await self._next(number)
                    ended = "status" in answer or "error" in answer
                    yield answer
            finally:
                if not ended and not self.lost.is_set():
                    self._send(0, "cancel", target=number)

    def keep(self, answers: AsyncGenerator[Answer, None]) -> None:
        """Read and drop the answers of a stream while the connection lives."""

        async def drain() -> None:
            try:
                async for _ in answers:
                    pass
            except LinkLostError:
                _log.debug("a command that was kept running on %s is lost with the connection", self.ap)

        self._tasks.append(asyncio.create_task(drain()))

    async def can_forward(self) -> bool:
        """Return True if the access point lets ssh forward to a socket, tested with one that answers there."""
        async with contextlib.aclosing(self.stream("follow", argv=["python3", "-IS", "-c", _ANSWERER])) as answers:
            async for answer in answers:
                if "line" in answer:
                    return await self.check_forward()
        return False

    async def check_forward(self) -> bool:
        """Return True if something answers at the other end of the forward."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            with contextlib.closing(writer):
                writer.write(b"GET /api HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                return bool(await asyncio.wait_for(reader.read(1), _SILENCE))
        except (OSError, asyncio.TimeoutError) as error:
            _log.debug("the forward leads nowhere: %r", error)
        return False

    async def close(self) -> None:
        """End the connection, and with it what it started on the access point."""
        try:
            if self._process.stdin:
                self._process.stdin.close()
        except OSError as error:
            _log.debug("can't close the input of process %d: %s", self._process.pid, error)
        try:
            await asyncio.wait_for(asyncio.shield(self._process.wait()), 3)
        except asyncio.TimeoutError:
            _log.debug("process %d did not end by itself: killing it", self._process.pid)
            self.kill()
            await self._process.wait()
        self.lost.set()
        await asyncio.wait(self._tasks[:2], timeout=1)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def kill(self) -> None:
        """End the connection at once, because it can't be alive any more."""
        try:
            self._process.kill()
        except ProcessLookupError:
            _log.debug("process %d had ended already", self._process.pid)

    @contextlib.asynccontextmanager
    async def _request(self, do: str, fields: Answer) -> AsyncIterator[int]:
        if self.lost.is_set():
            raise LinkLostError
        self._number += 1
        number = self._number
        self._waiting[number] = asyncio.Queue()
        try:
            self._send(number, do, **fields)
            yield number
        finally:
            del self._waiting[number]

    def _send(self, number: int, do: str, **fields: Any) -> None:
        self._write(json.dumps({"id": number, "do": do, **fields}).encode() + b"\n")

    def _write(self, data: bytes) -> None:
        assert self._process.stdin  # noqa: S101 - it was asked for
        try:
            self._process.stdin.write(data)
        except OSError as error:
            _log.debug("can't write to %s: %s", self.ap, error)
            raise LinkLostError from None

    async def _next(self, number: int) -> Answer:
        answer = await self._waiting[number].get()
        if answer is _END:
            raise LinkLostError
        return dict(answer)

    async def _listen(self) -> None:
        """Hand out answers until the connection ends; skip what a login shell prints before the first."""
        assert self._process.stdout  # noqa: S101
        try:
            while line := await self._process.stdout.readline():
                answer = _parse_answer(line)
                if answer and "log" in answer:
                    _agent_log.debug("on %s: %s", self.ap, answer.get("text", ""))
                elif answer and (queue := self._waiting.get(answer["id"])):
                    queue.put_nowait(answer)
        except (ValueError, OSError) as error:  # ValueError: a line beyond any limit, so this is not the agent
            _log.debug("can't read from %s any more: %s", self.ap, error)
        _log.debug("the connection to %s has ended", self.ap)
        self.lost.set()
        for queue in self._waiting.values():
            queue.put_nowait(_END)

    async def _hear_errors(self) -> None:
        assert self._process.stderr  # noqa: S101
        try:
            while line := (await self._process.stderr.readline()).decode(errors="replace"):
                if line.startswith(_SSH_VERBOSE):  # says nothing of why it failed
                    _log.debug("ssh: %s", line.strip())
                else:
                    self._stderr = (self._stderr + line)[-8000:]
        except ValueError as error:  # a line beyond any limit
            _log.debug("can't read the errors of process %d any more: %s", self._process.pid, error)

    async def _beat(self) -> None:
        try:
            while not self.lost.is_set():
                await asyncio.sleep(_BEAT)
                self._send(0, "ping")
        except LinkLostError:
            _log.debug("no more signs of life for %s: the connection is lost", self.ap)


def _parse_answer(line: bytes) -> Answer | None:
    """Return an answer, or a line of the agent's log; None for any other line."""
    try:
        answer = json.loads(line)
    except ValueError:
        _log.debug("skipped %d bytes that are not the agent's", len(line))
        return None
    if isinstance(answer, dict) and isinstance(answer.get("log"), str):
        return answer
    if not isinstance(answer, dict) or not isinstance(answer.get("id"), int):
        return None
    return None if answer["id"] == 0 and "agent" not in answer and "error" not in answer else answer


async def _start(argv: Sequence[str]) -> asyncio.subprocess.Process:
    """Start a process that Ctrl-C does not end. It keeps the terminal, so that ssh can ask for a password."""
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=2 * LONGEST * 6,
            creationflags=flags,
        )
    except FileNotFoundError:
        raise LauncherError("This machine has no ssh: install the OpenSSH client.") from None
    finally:
        signal.signal(signal.SIGINT, handler)


def _free_port() -> int:
    """Return a port that is free now; ssh reports it if the port is taken by then."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
