"""The access point's part: sent over the ssh connection, run by its python3, gone with its standard input.

It knows nothing of sessions: it runs commands, follows them and a log file, and reads and writes files, as it is told
on its standard input, one JSON object a line; each has an `id`, and so has each answer. What it started ends with it,
and its folder goes, whatever ends it: a process beside it sees to that. Python 3.9, the standard library alone.

    {"do": "run", "argv": [...], "input": "", "timeout": 60}    -> {"status": 0, "out": "", "err": ""}
    {"do": "follow", "argv": [...], "input": ""}                -> {"line": ""} ..., {"status": 0, "err": ""}
    {"do": "tail", "path": "..."}                               -> {"lines": [...], "more": false} ... as the file grows
    {"do": "read", "path": "..."}                               -> {"text": ""}
    {"do": "write", "path": "...", "text": ""}                  -> {}; folders on the way are made
    {"do": "list", "path": "..."}                               -> {"names": [...]}
    {"do": "cancel", "target": ID}                              -> {}; ends what ID follows
    {"do": "ping"}                                              -> {}

Or `{"error": "one sentence"}`. Paths may begin with `~`; `{folder}` in a word of `follow` is the agent's folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from typing import IO, Any, Callable

VERSION = 1
#: Bytes of a line; a longer one is refused.
LONGEST = 1 << 20
#: Requests at work at once; more are refused.
MOST = 64
#: Bytes kept of what a command prints on its standard error.
KEPT = 20000
#: Seconds between two looks at a file: while it grows, and once it has been still for a minute.
LOOK, LOOK_STILL = 0.1, 1.0

#: $1 is a process group, $2 a folder.
REAPER = """
trap '' HUP INT TERM
read nothing
kill -s TERM -- -$1
for moment in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do kill -s 0 -- -$1 && sleep 0.2; done
kill -s KILL -- -$1
rm -rf -- "$2"
"""

Request = Mapping[str, Any]


class RefusedError(Exception):
    """A request can't be done; the message is the whole explanation."""


def decode(line: bytes) -> dict[str, Any]:
    """Return a line's object; raises RefusedError where it is none."""
    if len(line) > LONGEST:
        raise RefusedError("the line is too long")
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise RefusedError("the line is no JSON") from None
    if not isinstance(found, dict):
        raise RefusedError("the line is no JSON object")
    return found


def take(request: Request, name: str, kind: Any, default: Any = None) -> Any:
    """Return a field of a request; raises RefusedError where it is missing or of another type."""
    value = request.get(name, default)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise RefusedError(f"{name!r} is missing or of a wrong type")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise RefusedError(f"{name!r} is no text") from None
        if "\0" in value:
            raise RefusedError(f"{name!r} has a NUL in it")
    return value


class Agent:
    """Answers requests on `out`; `folder` is its own and gone with it."""

    def __init__(self, folder: str, out: IO[bytes]) -> None:
        self.folder = folder
        self._out = out
        self._lock = threading.Lock()
        self._at_work: dict[int, threading.Event] = {}  # id -> an Event that is set when it is to end

    def send(self, number: int | None, **answer: Any) -> None:
        """Write an answer; a reader that has gone ends the agent."""
        data = json.dumps({"id": number, **answer}).encode() + b"\n"
        with self._lock:
            try:
                self._out.write(data)
                self._out.flush()
            except OSError:
                os.kill(os.getpid(), signal.SIGTERM)

    def serve(self, lines: IO[bytes]) -> None:
        """Answer until the lines end."""
        while line := lines.readline(LONGEST + 1):
            signal.alarm(self.patience)
            end = line
            while end and not end.endswith(b"\n"):  # too long: the rest of it is dropped
                end = lines.readline(LONGEST)
            self.handle(line)

    #: Seconds after which a launcher that says nothing has gone.
    patience = 45

    def handle(self, line: bytes) -> None:
        """Answer one line."""
        number = None
        try:
            request = decode(line)
            number = take(request, "id", int)
            verb = take(request, "do", str)
            method = getattr(self, "do_" + verb, None) if verb.isalpha() else None
            if method is None:
                raise RefusedError(f"there is no {verb[:40]!r} here")
            if verb in ("ping", "cancel"):
                method(number, request)
                return
            with self._lock:
                if number in self._at_work or len(self._at_work) >= MOST:
                    raise RefusedError("too much at once")
                self._at_work[number] = threading.Event()
            threading.Thread(target=self._work, args=(method, number, request), daemon=True).start()
        except RefusedError as refused:
            self.send(number, error=str(refused))

    def _work(self, method: Callable[[int, Request], None], number: int, request: Request) -> None:
        try:
            method(number, request)
        except RefusedError as refused:
            self.send(number, error=str(refused))
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            self.send(number, error=f"{error.strerror or error}{where}", errno=error.errno)
        except ValueError as error:
            self.send(number, error=str(error))
        finally:
            with self._lock:
                del self._at_work[number]

    def do_ping(self, number: int, request: Request) -> None:
        self.send(number)

    def do_cancel(self, number: int, request: Request) -> None:
        with self._lock:
            event = self._at_work.get(take(request, "target", int))
        if event:
            event.set()
        self.send(number)

    def do_run(self, number: int, request: Request) -> None:
        timeout = take(request, "timeout", (int, float), 60)
        with self._start(request, subprocess.PIPE) as process:
            try:
                out, err = process.communicate(take(request, "input", str, "").encode(), timeout)
            except subprocess.TimeoutExpired:
                end(process)
                raise RefusedError(f"{request['argv'][0]} did not end within {timeout:.0f} s") from None
        self.send(number, status=process.returncode, out=text(out), err=text(err[-KEPT:]))

    def do_follow(self, number: int, request: Request) -> None:
        stop = self._at_work[number]
        with tempfile.TemporaryFile(dir=self.folder) as err, tempfile.TemporaryFile(dir=self.folder) as given:
            given.write(take(request, "input", str, "").encode())
            given.seek(0)
            process = self._start(request, given.fileno(), err)
            threading.Thread(target=ender, args=(process, stop), daemon=True).start()
            for line in process.stdout or ():
                self.send(number, line=text(line).rstrip("\r\n"))
            process.wait()
            stop.set()
            err.seek(0)
            self.send(number, status=process.returncode, err=text(err.read(KEPT)))

    def do_tail(self, number: int, request: Request) -> None:
        stop, path = self._at_work[number], place(request)
        told, rest, changed = 0, b"", time.monotonic()
        while not stop.is_set():
            size = os.stat(path).st_size if os.path.exists(path) else 0
            if size < told:
                told, rest = 0, b""
            if size > told:
                changed = time.monotonic()
                with open(path, "rb") as file:
                    file.seek(told)
                    data = file.read(LONGEST)
                told += len(data)
                *lines, rest = (rest + data).split(b"\n")
                self.send(number, lines=[text(line) for line in lines], more=told < size)
            else:
                stop.wait(LOOK if time.monotonic() - changed < 60 else LOOK_STILL)
        self.send(number, status=0)

    def do_read(self, number: int, request: Request) -> None:
        with open(place(request), "rb") as file:
            self.send(number, text=text(file.read(LONGEST)))

    def do_write(self, number: int, request: Request) -> None:
        path, data = place(request), take(request, "text", str).encode()
        os.makedirs(os.path.dirname(path), exist_ok=True)
        beside = f"{path}.{os.getpid()}-{number}.new"
        try:
            with open(beside, "wb") as file:
                file.write(data)
            os.replace(beside, path)
        except OSError:
            if os.path.exists(beside):
                os.unlink(beside)
            raise
        self.send(number)

    def do_list(self, number: int, request: Request) -> None:
        self.send(number, names=sorted(os.listdir(place(request))))

    def _start(self, request: Request, stdin: int, stderr: Any = subprocess.PIPE) -> subprocess.Popen[bytes]:
        argv = take(request, "argv", list)
        if not argv:
            raise RefusedError("'argv' is empty")
        words = [take({"argv": word}, "argv", str).replace("{folder}", self.folder) for word in argv]
        cwd = take(request, "cwd", str, "~")
        # TMP is where condor_ssh_to_job keeps its key. The user's ssh agent has too many keys for the job's sshd.
        environment = {**os.environ, "TMP": self.folder, "LC_ALL": "C.UTF-8"}
        environment.pop("SSH_AUTH_SOCK", None)
        return subprocess.Popen(
            words,
            cwd=os.path.expanduser(cwd),
            env=environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )


def ender(process: subprocess.Popen[bytes], stop: threading.Event) -> None:
    """End a process when it is told to."""
    stop.wait()
    if process.poll() is None:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all below it: an ssh that condor_ssh_to_job left behind would keep the job's slot for ever."""
    for pid in family(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        process.kill()


def family(pid: int) -> list[int]:
    """Return a process and all below it, as far as /proc has them."""
    below: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc") else ()):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                parent = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, IndexError):
            continue
        below.setdefault(parent, []).append(int(name))
    found = [pid]
    for one in found:
        found += below.get(one, ())
    return found


def place(request: Request) -> str:
    """Return the path of a request."""
    return os.path.expanduser(str(take(request, "path", str)))


def text(data: bytes) -> str:
    """Return bytes as text, whatever they are."""
    return data.decode("utf-8", "replace")


def start_reaper(folder: str, group: int) -> subprocess.Popen[bytes]:
    """Start a shell that outlives this process for as long as it takes to end all of `group` and remove `folder`.

    It reads what this process never writes: the end of that is this process's end, whatever it was.
    """
    return subprocess.Popen(
        ["/bin/sh", "-c", REAPER, "chtc-jupyter-keeper", str(group), folder],
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def main() -> None:
    """Serve the launcher at the other end of standard input and output. The first line names the folder to make."""
    os.umask(0o077)
    first = decode(sys.stdin.buffer.readline(LONGEST))
    folder = first["folder"]
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    agent = Agent(folder, out)
    if os.getpid() != os.getpgrp():
        os.setsid()
    try:
        os.mkdir(folder, 0o700)
    except OSError as error:
        agent.send(0, error=f"{error.strerror} ({folder})", errno=error.errno)
        return
    _keeper = start_reaper(folder, os.getpgrp())  # its input is open for as long as this process lives
    agent.patience = int(first.get("patience", agent.patience))
    signal.alarm(agent.patience)
    agent.send(
        0,
        agent=VERSION,
        home=os.path.expanduser("~"),
        python=".".join(map(str, sys.version_info[:3])),
        condor=shutil.which("condor_submit") or "",
        clock=time.time(),
    )
    agent.serve(sys.stdin.buffer)
    os._exit(0)  # whatever the threads are at


if __name__ == "__main__":
    main()
