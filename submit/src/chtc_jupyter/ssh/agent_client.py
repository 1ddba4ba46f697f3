"""An open connection: a process (ssh, or the agent itself on the access point) that exchanges JSON lines."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import importlib.resources
import json
import logging
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from chtc_jupyter import verbosity
from chtc_jupyter.errors import LauncherError, NoAnswerError, PortError
from chtc_jupyter.json_text import load_json
from chtc_jupyter.ssh import entry, multiplexing, openssh, relay, search_path
from chtc_jupyter.ssh.agent import LONGEST
from chtc_jupyter.ssh.failures import (
    LOGGED_IN,
    OTHER_SHELL,
    SSH,
    Evidence,
    Retry,
    SshFailure,
    diagnose_failure,
    printable,
)
from chtc_jupyter.ssh.hops import Hops
from chtc_jupyter.ssh.route import Route, find_route

_log = logging.getLogger(__name__)
#: What the agent says of a command that it has ended.
_ENDED_BY_AGENT = "did not end within"
#: What the agent itself logs, on the access point.
_agent_log = logging.getLogger("chtc_jupyter.ssh.agent")
#: Seconds between two signs of life; the agent ends after _PATIENCE without one.
_BEAT, _PATIENCE = 5.0, 45
#: Seconds of silence after which a connection is taken for dead: ssh itself is more patient, because of slow logins.
_DEAD = 18.0
#: Seconds after the login in which a login shell usually runs a command, and after which it is taken to run none.
_SLOW, _SETTLED = 10.0, 60.0
#: Ends a shell that a startup file has started, which would read our input; sent each NUDGE seconds until Python is
#: there, which skips it. A startup file that reads a line gets it, too, and goes on.
LEAVE, NUDGE = f"exit {OTHER_SHELL}\n".encode(), 2.0
#: Seconds in which the agent says that it has ended a command.
_GRACE = 10
#: Seconds without a login after which the user hears of it.
_LONG_LOGIN = 15.0
#: Seconds that a host on the way may take beyond its own time to connect; with a person at hand who must log in there.
_BEYOND, _PERSON = 6, 300
#: How many times a forward is tried.
_FORWARDS = 3
#: What ssh says if it can't listen for a forward.
_NO_LISTENER = ("cannot listen to port", "cannot bind to path", "cannot listen to path", "path too long")
#: The name of the access point if it is this machine.
HERE = "this machine"
#: As many `-v` don't make ssh verbose; more do.
_SSH_TOO = 2
#: How the lines begin that `ssh -v` adds.
_SSH_VERBOSE = ("debug", "OpenSSH_", "Authenticated to ", "Transferred: sent ", "Bytes per second: sent ")
#: Seconds after which a silent forward is taken to lead nowhere.
_SILENCE = 20
#: Answers at the socket of the tunnel.
_ANSWERER = (
    "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1] + '/lab'); s.listen(); "
    "print(1, flush=True); [s.accept()[0].send(b'1') for _ in '12']"
)
#: Runs the agent. Its source is compiled in a process of its own, because the memory for that is never given back.
_LOADER = """
def load(source):
    import marshal, os
    out, to = os.pipe()
    if not os.fork():
        os.close(out)
        with open(to, "wb") as file:
            marshal.dump(compile(source, "agent.py", "exec"), file)
        os._exit(0)
    os.close(to)
    with open(out, "rb") as file:
        code = file.read()
    os.wait()
    return marshal.loads(code)
exec(load(%s))
"""
_END = object()

Answer = dict[str, Any]


class Way(enum.Enum):
    """How the socket of the tunnel is reached."""

    FORWARD = "a forward of ssh"
    RELAY = "the agent, because ssh can't forward to a socket there"
    NONE = "nothing"


class LinkLostError(ConnectionError):
    """The connection has ended; it is unknown whether the last request was carried out."""


class LinkFailedError(Exception):
    """The connection could not be made."""

    def __init__(self, failure: SshFailure) -> None:
        super().__init__(str(failure.error))
        self.failure = failure


class AgentClient:
    """A connection with an agent at its other end."""

    def __init__(self, ap: str, process: asyncio.subprocess.Process, local: str | int, folder: str, tag: str) -> None:
        self.ap = ap
        self.folder = folder
        self.hello: Answer = {}
        self.lost = asyncio.Event()
        self._local = local  # this machine's end of the forward: a socket or a port
        self._process = process
        self._waiting: dict[int, asyncio.Queue[Any]] = {0: asyncio.Queue()}
        self._number = 0
        self._greeting = f"{tag} is ready\n".encode()
        self._let_in = asyncio.Event()  # the login is done
        self._relays = False  # the access point forbids the forward
        self._joins = False  # another ssh's connection, which says nothing of a login
        self._heard = time.monotonic()
        self._before_login = self._stderr = ""
        self._tasks = [asyncio.create_task(work) for work in (self._listen(), self._hear_errors())]

    @classmethod
    async def open(
        cls,
        ap: str,
        *,
        forward: bool = False,
        share: str = "none",
        batch: bool = False,
        patience: int = 15,
        login: float | None = 300,
        alone: bool = False,
        alive: bool = False,
        on_wait: Callable[[str], None] = _log.info,
    ) -> AgentClient:
        """Connect. Raises LinkFailedError. `login` is how many seconds a person may take to log in (None: no limit).

        With `forward`, the connection is a new one that others may share; otherwise `share` may name the one to join,
        and "" stands for the one that the user's configuration names. With `batch`, nobody is asked anything, neither
        here nor by a host on the way. With `alone`, the hosts on the way share no connection that is there, since it
        may be dead. The connection that is shared may be known to be `alive`. `on_wait` hears if the login takes long,
        and if the access point is silent after it.
        """
        if ap == HERE:
            return await cls._open_here()
        joins = share != "none" and not forward
        route = Route() if joins else await find_route(openssh.validate_access_point(ap))
        if route.refusal:
            evidence = Evidence(SSH, route.refusal)
            raise LinkFailedError(diagnose_failure(ap, evidence))
        tag = f"chtc-jupyter-{secrets.token_hex(8)}"
        folder = f"/tmp/{tag}"  # noqa: S108 - made 0700 by the agent, or refused
        master = multiplexing.offer(ap) if forward else ""
        local = _offer_local() if forward else ""
        argv = openssh.build_command(
            openssh.validate_access_point(ap),
            openssh.build_bootstrap(len(_read_source()), tag),
            master=master,
            forward=openssh.Forward(local, f"{folder}/lab") if forward and not master else None,
            share=share,
            batch=batch,
            patience=patience if not route.has_hops else patience + _BEYOND if batch else _PERSON,
        )
        if verbosity.get_count() > _SSH_TOO:
            argv.insert(1, "-v")
        _log.info("Connecting to %s", ap)
        _log.debug("Running %s", shlex.join(argv))
        hops = Hops(batch=batch, patience=patience, alone=alone) if route.has_hops else None
        if hops and hops.environment:
            argv[1:1] = route.build_options(hops.argv0)
        try:
            process = await _start(argv, batch=batch, hops=hops)
            link = cls(ap, process, local, folder, tag)
            link._joins = joins
            if alive:
                link._let_in.set()
            try:
                await link._greet(login, on_wait)
            except (LinkLostError, asyncio.TimeoutError) as ended:
                if isinstance(ended, asyncio.TimeoutError):
                    link.kill()
                await link.close()
                status = None if isinstance(ended, asyncio.TimeoutError) else _get_status(process)
                evidence = link._gather(status, route, hops)
                _log.info("No connection to %s: %s", ap, evidence)
                raise LinkFailedError(diagnose_failure(ap, evidence)) from None
            except BaseException:
                await link.close()
                raise
        finally:
            if hops:
                _log.debug("the hops on the way to %s: %s", ap, hops.read_log())
                hops.close()
        if forward:
            await link._add_forward(master)
        return link

    @classmethod
    async def _open_here(cls) -> AgentClient:
        tag = f"chtc-jupyter-{secrets.token_hex(8)}"
        argv = [sys.executable, "-IS", "-c", openssh.build_code(len(_read_source()), tag), tag]
        folder = f"/tmp/{tag}"  # noqa: S108 - made 0700 by the agent, or refused
        link = cls(HERE, await _start(argv, path=search_path.list_folders()), "", folder, tag)
        try:
            await link._greet(_SILENCE, _log.info)
        except (LinkLostError, asyncio.TimeoutError):
            await link.close()
            evidence = Evidence(_get_status(link._process), after=link._stderr, logged_in=True)
            raise LinkFailedError(diagnose_failure(HERE, evidence)) from None
        except BaseException:
            await link.close()
            raise
        return link

    async def _greet(self, login: float | None, on_wait: Callable[[str], None]) -> None:
        """Start the agent once Python is there to take it: what else may read our input must not get it.

        Raises LinkLostError, TimeoutError, or LinkFailedError.
        """
        ready = asyncio.create_task(self._next(0))
        let_in = asyncio.create_task(self._let_in.wait())
        nudging = asyncio.create_task(self._nudge())
        try:
            await self._wait_for_login((ready, let_in), login, on_wait)
            if let_in.done() and not (await asyncio.wait((ready,), timeout=_SLOW))[0]:
                on_wait(f"{self.ap} accepted the login; waiting for its login shell to run a command.")
                await asyncio.wait((ready,), timeout=min(login or _SETTLED, _SETTLED))
            if not ready.done():
                raise asyncio.TimeoutError
            ready.result()
        finally:
            for task in (ready, let_in, nudging):
                task.cancel()
            await asyncio.gather(ready, let_in, nudging, return_exceptions=True)
        first = {
            "folder": self.folder,
            "patience": _PATIENCE,
            "reaper": entry.read_script("end_agent.sh"),
            "log": "debug" if _agent_log.isEnabledFor(logging.DEBUG) else "",
        }
        self._write(self._greeting + _read_source() + json.dumps(first).encode() + b"\n")
        hello = await asyncio.wait_for(self._next(0), _SETTLED)
        if "error" in hello:
            error = openssh.build_file_error(self.ap, hello.get("errno", 0), hello["error"])
            raise LinkFailedError(SshFailure(error, Retry.LATER))
        _log.info("Connected to %s, which has Python %s", self.ap, hello.get("python"))
        self.hello = hello
        self._tasks.append(asyncio.create_task(self._beat()))

    async def _nudge(self) -> None:
        """End what a startup file has started in place of our command, as long as there is no answer."""
        if not self._joins and self.ap != HERE:
            await self._let_in.wait()
        while True:
            await asyncio.sleep(NUDGE)
            self._write(LEAVE)

    async def _wait_for_login(
        self, signs: Sequence[asyncio.Task[Any]], limit: float | None, on_wait: Callable[[str], None]
    ) -> None:
        """Wait for a sign of the login for `limit` seconds; if it takes long and asks for no password, say so."""
        began = time.monotonic()
        said = False
        while not any(sign.done() for sign in signs):
            waited = time.monotonic() - began
            if limit is not None and waited >= limit:
                return
            if not said and waited >= _LONG_LOGIN and not terminal_asks():
                said = True
                ends = "Ctrl-C ends this" if limit is None else f"This ends in {limit - waited:.0f} s, or with Ctrl-C"
                on_wait(
                    f"{self.ap} hasn't accepted the login for {waited:.0f} s. If ssh asks you something, answer it. "
                    f"{ends}; `ssh {self.ap}` by hand shows what it waits for."
                )
            pause = 1.0 if limit is None else min(1.0, limit - waited)
            await asyncio.wait(signs, timeout=pause, return_when=asyncio.FIRST_COMPLETED)

    def _gather(self, status: int | None, route: Route, hops: Hops | None) -> Evidence:
        """Return why the connection may have ended. One that joins another says nothing of a login."""
        let_in = self._let_in.is_set()
        before, after = (self._before_login, self._stderr) if let_in else (self._stderr, "")
        if not let_in and status not in (SSH, None):
            before, after = "", self._stderr
        logged = hops.read_log() if hops else ""
        return Evidence(status, before, after, logged_in=let_in, has_hops=route.has_hops, hops=logged)

    async def _add_forward(self, master: str) -> None:
        """Have the connection forward to the agent's folder. Raises LinkFailedError if it can't listen here."""
        said = self._stderr
        for _ in range(_FORWARDS if master else 0):
            to = openssh.Forward(self._local, f"{self.folder}/lab")
            status, said = await _run_briefly(openssh.build_forward_command(self.ap, master, to))
            if status == 0:
                return
            _log.debug("no forward at %s: %s", self._local, said)
            self._remove_local()
            self._local = _offer_local()
        if not master and not any(words in said for words in _NO_LISTENER):
            return
        await self.close()
        error = PortError(
            f"ssh can't listen on this machine ({printable(said.strip().rpartition(chr(10))[2])}). Try again."
        )
        raise LinkFailedError(SshFailure(error, Retry.ANOTHER_PORT))

    async def ask(self, do: str, *, patience: float = 60, **fields: Any) -> Answer:
        """Send a request and return its one answer.

        Raises LinkLostError, LauncherError if it was refused, or NoAnswerError after `patience` seconds: a file system
        may hang.
        """
        try:
            async with self._request(do, fields) as number:
                answer = await asyncio.wait_for(self._next(number), patience)
        except asyncio.TimeoutError:
            what = fields.get("path") or " ".join(fields.get("argv", ())[:1]) or do
            raise NoAnswerError(
                f"{self.ap} gave no answer within {patience:.0f} s ({printable(str(what))}): its file system may hang. "
                "Try again in a few minutes."
            ) from None
        if "error" in answer:
            raise openssh.build_file_error(self.ap, int(answer.get("errno") or 0), answer["error"])
        return answer

    async def run(self, argv: Sequence[str], *, text: str = "", timeout: float = 60, cwd: str = "~") -> Answer:
        """Run a command on the access point; return its `status`, `out`, and `err`.

        Raises NoAnswerError if it did not end within `timeout` seconds, and what `ask` raises.
        """
        try:
            patience = timeout + _GRACE  # the agent ends the command before
            return await self.ask("run", patience=patience, argv=list(argv), input=text, timeout=timeout, cwd=cwd)
        except LauncherError as error:
            if _ENDED_BY_AGENT in str(error):
                raise NoAnswerError(str(error)) from None
            raise

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

    async def tell(self, do: str, **fields: Any) -> None:
        """Send what has no answer, once there is room for it. Raises LinkLostError, or another OSError."""
        assert self._process.stdin  # noqa: S101 - it was asked for
        if self.lost.is_set():
            raise LinkLostError
        self._send(0, do, **fields)
        await self._process.stdin.drain()

    async def find_way(self) -> Way:
        """Return by which way a socket on the access point is reached, tested with one that answers there."""
        command = ["{python}", "-IS", "-c", _ANSWERER, self.folder]
        async with contextlib.aclosing(self.stream("follow", argv=command)) as answers:
            async for answer in answers:
                if "line" in answer:
                    return await self.choose_way()
        return Way.NONE

    async def choose_way(self) -> Way:
        """Return by which way something answers at the socket of the tunnel, and take this way from now on."""
        for way in (Way.FORWARD, Way.RELAY):
            self._relays = way is Way.RELAY
            if await self._check_way():
                _log.info("The tunnel on %s is reached through %s", self.ap, way.value)
                return way
        return Way.NONE

    async def open_forward(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection to the socket of the tunnel. Raises OSError."""
        if self._relays:
            return await relay.open_relay(self)
        if isinstance(self._local, int):
            return await asyncio.open_connection("127.0.0.1", self._local)
        return await asyncio.open_unix_connection(self._local)

    async def _check_way(self) -> bool:
        """Return True if something answers at the other end."""
        try:
            reader, writer = await self.open_forward()
            with contextlib.closing(writer):
                writer.write(b"GET /api HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                return bool(await asyncio.wait_for(reader.read(1), _SILENCE))
        except (OSError, asyncio.TimeoutError) as error:
            _log.debug("the %s leads nowhere: %r", "relay" if self._relays else "forward", error)
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
        self._remove_local()
        await asyncio.wait(self._tasks[:2], timeout=1)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _remove_local(self) -> None:
        """Remove the socket of the forward: an ssh that was killed has left it."""
        if self._local and isinstance(self._local, str):
            multiplexing.remove_forward(self._local)

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
                self._heard = time.monotonic()
                answer = {"id": 0, "ready": True} if line == self._greeting else _parse_answer(line)
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
                if line.startswith(LOGGED_IN) and not self.hello:  # the last such line: a banner can have one, too
                    self._before_login, self._stderr = self._before_login + self._stderr, ""
                    self._let_in.set()
                if line.startswith(_SSH_VERBOSE):  # says nothing of why it failed
                    _log.debug("ssh: %s", line.strip())
                else:
                    self._stderr = (self._stderr + line)[-8000:]
        except ValueError as error:  # a line beyond any limit
            _log.debug("can't read the errors of process %d any more: %s", self._process.pid, error)

    async def _beat(self) -> None:
        try:
            while not self.lost.is_set():
                began = time.monotonic()
                await asyncio.sleep(_BEAT)
                if time.monotonic() - began > 2 * _BEAT:  # this program stood still, and has not read its answers
                    self._heard = time.monotonic()
                if self.ap != HERE and time.monotonic() - self._heard > _DEAD:
                    _log.info("%s has not answered for %d s", self.ap, _DEAD)
                    self.kill()
                self._send(0, "ping")
        except LinkLostError:
            _log.debug("no more signs of life for %s: the connection is lost", self.ap)


def _parse_answer(line: bytes) -> Answer | None:
    """Return an answer, or a line of the agent's log; None for any other line."""
    try:
        answer = load_json(line)
    except ValueError:
        _log.debug("skipped %d bytes that are not the agent's", len(line))
        return None
    if isinstance(answer, dict) and isinstance(answer.get("log"), str):
        return answer
    if not isinstance(answer, dict) or not isinstance(answer.get("id"), int):
        return None
    known = {"agent", "error"} & answer.keys()
    return None if answer["id"] == 0 and not known else answer


def _read_source() -> bytes:
    """Return the agent as it is sent."""
    source = importlib.resources.files("chtc_jupyter.ssh").joinpath("agent.py").read_text(encoding="utf-8")
    return (_LOADER % ascii(source)).encode()


def _get_status(process: asyncio.subprocess.Process) -> int | None:
    """Return the exit status; a signal is ssh's own end, not the remote command's."""
    return process.returncode if process.returncode is None or process.returncode >= 0 else SSH


async def _run_briefly(argv: Sequence[str]) -> tuple[int | None, str]:
    """Run a command that talks to an ssh of ours; return its exit status, None if it hung, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        _, said = await asyncio.wait_for(process.communicate(), _SILENCE)
    except asyncio.TimeoutError:
        process.kill()
        return None, f"no answer within {_SILENCE} s"
    return process.returncode, said.decode(errors="replace")


async def _start(
    argv: Sequence[str], *, batch: bool = False, hops: Hops | None = None, path: Sequence[str] = ()
) -> asyncio.subprocess.Process:
    """Start a process that Ctrl-C does not end. It keeps the terminal, so that ssh can ask for a password.

    With `batch` it has no terminal and no other way to ask. The folders of `path` come first in its PATH.
    """
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    environment = dict(hops.environment or os.environ) if hops else dict(os.environ)
    environment["PATH"] = os.pathsep.join([*path, environment.get("PATH", os.defpath)])
    more: dict[str, Any] = {}
    if hops and hops.environment:
        more["executable"] = shutil.which(argv[0])
        argv = [hops.argv0, *argv[1:]]
    if batch:
        environment |= {"SSH_ASKPASS": os.devnull, "SSH_ASKPASS_REQUIRE": "never"}
        more["start_new_session"] = os.name == "posix"
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=2 * LONGEST * 6,
            creationflags=flags,
            env=environment,
            **more,
        )
    except FileNotFoundError:
        raise LauncherError("This machine has no ssh: install the OpenSSH client.") from None
    finally:
        signal.signal(signal.SIGINT, handler)


def terminal_asks() -> bool:
    """Return whether a program asks for a password in this terminal: what is typed then isn't shown."""
    try:
        import termios  # noqa: PLC0415 - Windows has none

        with Path("/dev/tty").open("rb", buffering=0) as terminal:
            return not termios.tcgetattr(terminal)[3] & termios.ECHO
    except (ImportError, OSError) as error:
        _log.debug("can't tell whether something is asked: %r", error)
        return False


def _offer_local() -> str | int:
    """Return where ssh may listen for a forward: a socket, where there are sockets, or else a port."""
    return multiplexing.offer_forward() or _free_port()


def _free_port() -> int:
    """Return a port that is free now; ssh reports it if the port is taken by then."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def run_module(link: AgentClient, name: str, *argv: str, timeout: float, cwd: str = "~") -> Answer:
    """Run a module of chtc_condor that stands alone on the access point, from this machine's copy of it."""
    source = importlib.resources.files("chtc_condor").joinpath(f"{name}.py").read_text(encoding="utf-8")
    return await link.run(["{python}", "-I", "-c", source, *argv], timeout=timeout, cwd=cwd)
