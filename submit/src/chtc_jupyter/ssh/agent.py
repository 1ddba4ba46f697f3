"""The launcher's agent on the access point: sent over the ssh connection, run by python3, gone with its standard input.

The agent knows nothing of sessions. It runs commands, follows commands and log files, and reads and writes files. Its
standard input has one JSON object per line; each request has an `id`, and so has each answer. What the agent started
ends with it, and its folder is removed, whatever ends the agent: a reaper beside it takes care of that. Python 3.9, the
standard library alone.

The first line is `{"folder": "...", "patience": 45, "reaper": "...", "log": ""}`: the folder to make, the seconds of
silence after which the launcher is taken for gone, the reaper's shell script, and "debug" for a log of what the agent
does: `{"log": "debug", "text": "..."}`, never with a command's arguments, input, or output. The requests:

    {"do": "run", "argv": [...], "input": "", "timeout": 60}    -> {"status": 0, "out": "", "err": ""}
    {"do": "follow", "argv": [...], "input": "", "lean": false} -> {"line": ""} ..., {"status": 0, "err": ""}
    {"do": "tail", "path": "..."}                               -> {"lines": [...], "more": false} ... as the file grows
    {"do": "read", "path": "..."}                               -> {"text": ""}
    {"do": "write", "path": "...", "text": ""}                  -> {}; folders on the way are made
    {"do": "list", "path": "..."}                               -> {"names": [...]}
    {"do": "dial", "key": "..."}                                -> {"data": BASE64}, {"taken": 1} ..., {"status": 0}
    {"do": "feed", "key": "...", "data": BASE64}                (nothing): for the connection of that key; "" is its end
    {"do": "feed", "key": "...", "taken": 1}                    (nothing): a piece of its data has been taken
    {"do": "cancel", "target": ID}                              -> {}; ends the request ID
    {"do": "ping"}                                              -> {}

Or `{"error": "one sentence"}`. `dial` connects to the socket of the tunnel, `lab` in the agent's folder; its first
`data` is empty, and may be answered from then on. `taken` says in both directions that a piece has been taken, of which
only some may be on their way: neither direction waits for the other. Paths may begin with `~`. `{python}` as the
command is the program that runs the agent. A `lean` command only waits for a child of its own once that prints
something: it is ended then, its folder goes, and the child carries on (status 255).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import glob
import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time

TYPE_CHECKING = False  # that of typing would be loaded; each agent costs the access point memory
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import IO, Any, Callable

    Request = Mapping[str, Any]

VERSION = 1
#: Bytes of a line; a longer line is refused.
LONGEST = 1 << 20
#: Requests in progress at once; more are refused.
MOST = 200
#: Bytes of a connection that are sent at once, and how many such pieces may be on their way.
PIECE, PIECES = 48 * 1024, 16
#: The status of what carried on in a command's place; ssh's own for a lost connection.
UNKNOWN = 255
#: A path that no shell reads otherwise.
PLAIN = re.compile(r"[\w./+-]+")
#: Bytes kept of a command's standard error.
KEPT = 20000
#: Seconds between two looks at a file: while it grows, and once it has not grown for a minute.
LOOK, LOOK_STILL = 0.1, 1.0

#: Where HTCondor's commands may be if PATH has them not.
CONDOR_FOLDERS = (
    "/usr/bin",
    "/usr/local/bin",
    "/usr/local/condor/bin",
    "/opt/condor*/bin",
    "/opt/*/condor*/bin",
    "/usr/lib/condor/bin",
    "/usr/libexec/condor/bin",
    "~/condor*/bin",
)
#: Seconds that a login shell may take to say its PATH.
LOGIN_PATIENCE = 10


class RefusedError(Exception):
    """A request can't be carried out; the message is the whole explanation."""


def decode(line: bytes) -> dict[str, Any]:
    """Return a line's object. Raises RefusedError if the line is not a JSON object."""
    if len(line) > LONGEST:
        raise RefusedError("the line is too long")
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise RefusedError("the line is not JSON") from None
    if not isinstance(found, dict):
        raise RefusedError("the line is not a JSON object")
    return found


def take(request: Request, name: str, kind: Any, default: Any = None) -> Any:
    """Return a field of a request. Raises RefusedError if it is missing or has another type."""
    value = request.get(name, default)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise RefusedError(f"{name!r} is missing or has the wrong type")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise RefusedError(f"{name!r} is not valid text") from None
        if "\0" in value:
            raise RefusedError(f"{name!r} contains a NUL")
    return value


class Agent:
    """Answers requests on `out`; `folder` is its own and removed at its end.

    `patience` is how many seconds the launcher may be silent before it is taken for gone.
    """

    def __init__(self, folder: str, out: IO[bytes], *, patience: int = 45, verbose: bool = False) -> None:
        self.folder = folder
        self.patience = patience
        self._out = out
        self._verbose = verbose
        self._lock = threading.Lock()
        self._stops: dict[int, threading.Event] = {}  # by request in progress; set to end it
        self._dialed: dict[str, tuple[queue.SimpleQueue[bytes], threading.Semaphore]] = {}  # by key

    def send(self, number: int | None, **answer: Any) -> None:
        """Write an answer. If nobody reads it any more, the agent ends."""
        self._write({"id": number, **answer})

    def log(self, text: str) -> None:
        """Write a line for the launcher's debug log, if the launcher wants one."""
        if self._verbose:
            self._write({"log": "debug", "text": text})

    def _write(self, message: Mapping[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
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
            while end and not end.endswith(b"\n"):  # too long: drop the rest of it
                end = lines.readline(LONGEST)
            self.handle(line)

    def handle(self, line: bytes) -> None:
        """Answer one line."""
        number = None
        try:
            request = decode(line)
            number = take(request, "id", int)
            verb = take(request, "do", str)
            method = getattr(self, "do_" + verb, None) if verb.isalpha() else None
            if method is None:
                raise RefusedError(f"there is no request {verb[:40]!r}")
            if verb in ("ping", "cancel", "feed"):  # at once, in the order in which they come
                method(number, request)
                return
            with self._lock:
                if number in self._stops or len(self._stops) >= MOST:
                    raise RefusedError("too many requests at once")
                self._stops[number] = threading.Event()
            threading.Thread(target=self._work, args=(method, number, request), daemon=True).start()
        except RefusedError as refused:
            self.log(f"request {number}: refused: {refused}")
            self.send(number, error=str(refused))

    def _work(self, method: Callable[[int, Request], None], number: int, request: Request) -> None:
        try:
            method(number, request)
        except RefusedError as refused:
            self.log(f"request {number}: refused: {refused}")
            self.send(number, error=str(refused))
        except OSError as error:
            self.log(f"request {number}: {type(error).__name__} {error.errno}")
            where = f" ({error.filename})" if error.filename else ""
            self.send(number, error=f"{error.strerror or error}{where}", errno=error.errno)
        except ValueError as error:
            self.log(f"request {number}: {type(error).__name__}")
            self.send(number, error=str(error))
        finally:
            with self._lock:
                del self._stops[number]

    def do_ping(self, number: int, request: Request) -> None:
        self.send(number)

    def do_cancel(self, number: int, request: Request) -> None:
        with self._lock:
            event = self._stops.get(take(request, "target", int))
        if event:
            event.set()
        self.send(number)

    def do_dial(self, number: int, request: Request) -> None:
        key, stop = take(request, "key", str), self._stops[number]
        fed: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        room = threading.Semaphore(PIECES)
        with socket.socket(socket.AF_UNIX) as way:
            way.connect(os.path.join(self.folder, "lab"))
            threading.Thread(target=close_when_set, args=(way, stop, room), daemon=True).start()
            feeding = threading.Thread(target=self._feed, args=(number, way, fed), daemon=True)
            feeding.start()
            self._dialed[key] = fed, room
            self.send(number, data="")  # what is fed from now on arrives
            try:
                while not stop.is_set() and (data := way.recv(PIECE)):
                    self.send(number, data=base64.b64encode(data).decode())
                    room.acquire()
            except ConnectionError as error:
                self.log(f"request {number}: {type(error).__name__}")
            finally:
                del self._dialed[key]
                stop.set()
                fed.put(b"")
                feeding.join()
        self.send(number, status=0)

    def _feed(self, number: int, way: socket.socket, fed: queue.SimpleQueue[bytes]) -> None:
        """Send to a connection what is fed, up to its end; say of each piece that it was taken."""
        try:
            while data := fed.get():
                way.sendall(data)
                self.send(number, taken=1)
            way.shutdown(socket.SHUT_WR)
        except OSError as error:
            self.log(f"request {number}: {type(error).__name__} while it was fed")
            with contextlib.suppress(OSError):  # nothing may come after what was lost
                way.shutdown(socket.SHUT_RDWR)

    def do_feed(self, number: int, request: Request) -> None:
        fed, room = self._dialed.get(take(request, "key", str), (None, None))
        if fed is None or room is None:  # it has ended meanwhile
            return
        if "taken" in request:
            room.release()
            return
        try:
            fed.put(base64.b64decode(take(request, "data", str), validate=True))
        except binascii.Error:
            raise RefusedError("'data' is not base64") from None

    def do_run(self, number: int, request: Request) -> None:
        timeout = take(request, "timeout", (int, float), 60)
        with self._start(request, subprocess.PIPE) as process:
            try:
                out, err = process.communicate(take(request, "input", str, "").encode(), timeout)
            except subprocess.TimeoutExpired:
                end_process(process)
                self.log(f"request {number}: {request['argv'][0]} ended after {timeout:.0f} s")
                raise RefusedError(f"{request['argv'][0]} did not end within {timeout:.0f} s") from None
        self.log(f"request {number}: {request['argv'][0]} exited with {process.returncode}")
        self.send(number, status=process.returncode, out=decode_text(out), err=decode_text(err[-KEPT:]))

    def do_follow(self, number: int, request: Request) -> None:
        stop, lean, child = self._stops[number], request.get("lean") is True, 0
        with self._open_file(f"{number}-err") as err, self._open_file(f"{number}-in") as stdin:
            stdin.write(take(request, "input", str, "").encode())
            stdin.seek(0)
            process = self._start(request, stdin.fileno(), err)
            self.log(f"request {number}: {request['argv'][0]} runs as process {process.pid}")
            heirs: list[int] = []
            threading.Thread(target=end_when_set, args=(process, heirs, stop), daemon=True).start()
            for line in process.stdout or ():
                self.send(number, line=decode_text(line).rstrip("\r\n"))
                if lean and not heirs and (child := find_only_child(process.pid)):
                    heirs.append(child)
                    process.kill()
                    process.wait()
                    remove_folder(self._own_folder(request))
            process.wait()
            heirs.clear()
            stop.set()
            err.seek(0)
            self.log(f"request {number}: {request['argv'][0]} exited with {process.returncode}")
            self.send(number, status=UNKNOWN if child else process.returncode, err=decode_text(err.read(KEPT)))

    def do_tail(self, number: int, request: Request) -> None:
        stop, path = self._stops[number], take_path(request)
        self.log(f"request {number}: following {path}")
        seen, rest, changed = 0, b"", time.monotonic()
        while not stop.is_set():
            size = os.stat(path).st_size if os.path.exists(path) else 0
            if size < seen:
                seen, rest = 0, b""
            if size > seen:
                changed = time.monotonic()
                with open(path, "rb") as file:
                    file.seek(seen)
                    data = file.read(LONGEST)
                seen += len(data)
                *lines, rest = (rest + data).split(b"\n")
                self.send(number, lines=[decode_text(line) for line in lines], more=seen < size)
            else:
                stop.wait(LOOK if time.monotonic() - changed < 60 else LOOK_STILL)
        self.send(number, status=0)

    def do_read(self, number: int, request: Request) -> None:
        with open(take_path(request), "rb") as file:
            self.send(number, text=decode_text(file.read(LONGEST)))

    def do_write(self, number: int, request: Request) -> None:
        path, data = take_path(request), take(request, "text", str).encode()
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
        self.send(number, names=sorted(os.listdir(take_path(request))))

    def _open_file(self, name: str) -> IO[bytes]:
        """Open a new file that nobody else can open."""
        path = os.path.join(self.folder, name)
        file = open(path, "w+b")  # noqa: SIM115 - the caller closes it
        os.unlink(path)
        return file

    def _own_folder(self, request: Request) -> str:
        """Return the folder for a command's temporary files; a lean command has one of its own."""
        if request.get("lean") is not True:
            return self.folder
        folder = os.path.join(self.folder, str(take(request, "id", int)))
        os.makedirs(folder, exist_ok=True)
        return folder

    def _start(self, request: Request, stdin: int, stderr: Any = subprocess.PIPE) -> subprocess.Popen[bytes]:
        argv = take(request, "argv", list)
        if not argv:
            raise RefusedError("'argv' is empty")
        arguments = [take({"argv": argument}, "argv", str) for argument in argv]
        if arguments[0] == "{python}":
            arguments[0] = sys.executable or "python3"
        cwd = take(request, "cwd", str, "~")
        # TMP is where condor_ssh_to_job keeps its key. The user's ssh agent has too many keys for the job's sshd.
        environment = {**os.environ, "TMP": self._own_folder(request), "LC_ALL": "C.UTF-8"}
        environment.pop("SSH_AUTH_SOCK", None)
        return subprocess.Popen(
            arguments,
            cwd=os.path.expanduser(cwd),
            env=environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )


def name_python(folder: str) -> str:
    """Return a path of the program that runs this, such that a shell can't read it otherwise."""
    program = sys.executable or "python3"
    if PLAIN.fullmatch(program):
        return program
    plain = os.path.join(folder, "python")
    os.symlink(program, plain)
    return plain


def close_when_set(way: socket.socket, stop: threading.Event, room: threading.Semaphore) -> None:
    """Wait for the event, and end a connection, whether it waits for data or for room."""
    stop.wait()
    with contextlib.suppress(OSError):
        way.shutdown(socket.SHUT_RDWR)
    room.release()


def end_when_set(process: subprocess.Popen[bytes], heirs: list[int], stop: threading.Event) -> None:
    """Wait for the event, and end a process, or what carries on in its place."""
    stop.wait()
    for pid in heirs[:]:
        end_family(pid)
    if process.poll() is None:
        end_process(process)


def end_process(process: subprocess.Popen[bytes]) -> None:
    """End a process and its descendants: an ssh that condor_ssh_to_job left behind would keep the job's slot."""
    end_family(process.pid)
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        process.kill()


def end_family(pid: int) -> None:
    """Send SIGTERM to a process and its descendants."""
    for one in list_family(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGTERM)


def find_only_child(pid: int) -> int:
    """Return the only child of a process, 0 if it has none or several."""
    family = list_family(pid)
    children = [one for one in family[1:] if read_parent(str(one)) == pid]
    return children[0] if len(children) == 1 else 0


def remove_folder(folder: str) -> None:
    """Remove a folder with what is in it, as far as that is possible. shutil would take memory in each agent."""
    with contextlib.suppress(OSError):
        for place, _, names in os.walk(folder, topdown=False):
            for name in names:
                os.unlink(os.path.join(place, name))
            os.rmdir(place)


def find_program(name: str, path: str) -> str:
    """Return the path of a program in the folders of a PATH, "" if it isn't there."""
    places = [os.path.join(folder, name) for folder in path.split(os.pathsep) if folder]
    return next((place for place in places if os.path.isfile(place) and os.access(place, os.X_OK)), "")


def list_family(pid: int) -> list[int]:
    """Return a process and its descendants, as far as /proc shows them."""
    below: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc") else ()):
        if parent := read_parent(name):
            below.setdefault(parent, []).append(int(name))
    found = [pid]
    for one in found:
        found += below.get(one, ())
    return found


def read_parent(name: str) -> int:
    """Return the parent of a process, as far as /proc shows it; 0 otherwise."""
    try:
        with open(f"/proc/{name}/stat", "rb") as file:
            # "PID (NAME) STATE PARENT ...", where NAME may contain anything.
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def take_path(request: Request) -> str:
    """Return the path of a request."""
    return os.path.expanduser(str(take(request, "path", str)))


def decode_text(data: bytes) -> str:
    """Return bytes as text; what is not UTF-8 is replaced."""
    return data.decode("utf-8", "replace")


def find_condor() -> tuple[str, list[str]]:
    """Put HTCondor's commands into PATH, where they may be missing for a command that ssh runs.

    Returns the path of condor_submit, "" if there is none, and where else than in PATH it was looked for.
    """
    if found := find_program("condor_submit", os.environ.get("PATH", os.defpath)):
        return found, []
    looked = []
    patterns = [*CONDOR_FOLDERS, *read_release_folder()]
    places = [(pattern, sorted(glob.glob(os.path.expanduser(pattern)))) for pattern in patterns]
    for name, folders in (*places, ("the PATH of a login", None)):
        looked.append(name)
        for folder in ask_login_path() if folders is None else folders:
            if found := find_program("condor_submit", folder):
                os.environ["PATH"] = os.pathsep.join([*filter(None, [os.environ.get("PATH")]), folder])
                return found, looked
    return "", looked


def read_release_folder() -> list[str]:
    """Return the folder of the commands that HTCondor's configuration names, if it names one."""
    try:
        with open(os.environ.get("CONDOR_CONFIG") or "/etc/condor/condor_config", "rb") as file:
            found = re.findall(r"(?im)^[ \t]*RELEASE_DIR[ \t]*=[ \t]*(/\S*)", decode_text(file.read(LONGEST)))
    except OSError:
        return []
    return [os.path.join(folder, "bin") for folder in found[-1:]]


def ask_login_path() -> list[str]:
    """Return the PATH that the user's shell has at a login; an argv[0] with a hyphen makes any shell one."""
    shell = os.environ.get("SHELL") or "/bin/sh"
    mark = f"path-{os.getpid()}:"
    process = subprocess.Popen(
        ["-" + os.path.basename(shell)],
        executable=shell,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=os.path.expanduser("~"),
        start_new_session=True,
    )
    asked = f"/bin/sh -c 'echo; echo \"{mark}$PATH\"'\nexit\n".encode()
    try:
        out, _ = process.communicate(asked, LOGIN_PATIENCE)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return []
    except OSError:
        return []
    lines = decode_text(out).splitlines()
    return next((line[len(mark) :].split(os.pathsep) for line in lines if line.startswith(mark)), [])


def start_reaper(script: str, folder: str, group: int) -> subprocess.Popen[bytes]:
    """Start a shell that outlives this process for as long as it takes to end all of `group` and remove `folder`.

    The shell reads what this process never writes: the end of its input is the end of this process.
    """
    return subprocess.Popen(
        ["/bin/sh", "-c", script, "chtc-jupyter-reaper", str(group), folder],
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def main() -> None:
    """Serve the launcher at the other end of standard input and output."""
    os.umask(0o077)
    first = decode(sys.stdin.buffer.readline(LONGEST))
    folder = first["folder"]
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    agent = Agent(folder, out, patience=int(first.get("patience", 45)), verbose=first.get("log") == "debug")
    if os.getpid() != os.getpgrp():
        os.setsid()
    try:
        os.mkdir(folder, 0o700)
    except OSError as error:
        agent.send(0, error=f"{error.strerror} ({folder})", errno=error.errno)
        return
    condor, looked = find_condor()
    _reaper = start_reaper(first["reaper"], folder, os.getpgrp())  # its input is open while this process lives
    signal.alarm(agent.patience)
    agent.send(
        0,
        agent=VERSION,
        home=os.path.expanduser("~"),
        python=".".join(map(str, sys.version_info[:3])),
        program=name_python(folder),
        condor=condor,
        looked=looked,
        machine=os.uname().machine,
        clock=time.time(),
    )
    agent.log(f"process {os.getpid()}, Python {sys.version.split()[0]}, folder {folder}")
    agent.serve(sys.stdin.buffer)
    os._exit(0)  # without waiting for the threads


if __name__ == "__main__":
    main()
