"""What takes files on the access point: sent over the ssh connection, and run by Python for as long as that lasts.

    PYTHON -IS -c "import sys; exec(sys.stdin.read())" SOCKET <THIS_FILE

It answers over HTTP on a socket that only the user can reach, as `jupyter_session.copying` does in a session. Paths may
be relative to the home folder. Python 3.9, the standard library alone.
"""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import socketserver
import stat
import sys
import time
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

#: As in pieces.py: bytes of a piece, and seconds after which an answer has as many sums as there are by then.
PIECE = 8 << 20
LONGEST = 2.0
_BLOCK = 1 << 20


class RefusedError(Exception):
    """A request can't be carried out; the message is the whole explanation."""


def resolve_path(path: str) -> str:
    """Return the whole path, behind any link."""
    return os.path.realpath(os.path.join(os.path.expanduser("~"), os.path.expanduser(path)))


def name_partial(path: str) -> str:
    """Return where the file for a path is until it is whole."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name[:200]}.copying")


def sum_pieces(path: str, at: int, upto: int) -> dict[str, Any]:
    """Return a file's size, and the sums of its pieces from `at` on, up to `upto`, as many as there is time for."""
    until = time.monotonic() + LONGEST
    sums: list[str] = []
    if not os.path.lexists(path):
        return {"size": 0, "sums": sums}
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        last = min(size, upto)
        while at < last and (not sums or time.monotonic() < until):
            file.seek(at)
            end, found = min(at + PIECE, last), hashlib.sha256()
            while at < end and (data := file.read(min(_BLOCK, end - at))):
                found.update(data)
                at += len(data)
            if at < end:
                break
            sums.append(found.hexdigest())
    return {"size": size, "sums": sums}


def look(path: str) -> dict[str, Any]:
    """Return what there is at a path."""
    try:
        about = os.stat(path)
    except FileNotFoundError:
        return {"path": path, "kind": "none", "size": 0, "mode": 0, "mtime": 0, "version": ""}
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder"}
    return {
        "path": path,
        "kind": kinds.get(stat.S_IFMT(about.st_mode), "other"),
        "size": about.st_size,
        "mode": about.st_mode & 0o777,
        "mtime": about.st_mtime,
        "version": f"{about.st_ino}-{about.st_size}-{about.st_mtime_ns}",
    }


def finish(path: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Give a partial file its name."""
    partial = name_partial(path)
    with open(partial, "ab") as file:
        if os.fstat(file.fileno()).st_size != facts["size"]:
            raise RefusedError("Not all of the file is there.")
        os.fsync(file.fileno())
        os.fchmod(file.fileno(), facts["mode"] & 0o777 | 0o600)
    os.utime(partial, (facts["mtime"], facts["mtime"]))
    os.replace(partial, path)
    return {"path": path}


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers one request. The last one to write a partial file writes it alone."""

    writers: ClassVar[dict[str, object]] = {}
    query: dict[str, str]

    def do_GET(self) -> None:
        self.answer({"look": self.get_look, "sums": self.get_sums})

    def do_PUT(self) -> None:
        self.answer({"data": self.put_data})

    def do_POST(self) -> None:
        self.answer({"finish": self.post_finish})

    def answer(self, verbs: dict[str, Any]) -> None:
        """Do what is asked, and say what came of it."""
        parts = urlsplit(self.path)
        self.query = {name: values[-1] for name, values in parse_qs(parts.query, errors="surrogateescape").items()}
        found: dict[str, Any]
        verb = verbs.get(parts.path[len("/jupyter-session/copy/") :])
        status = 200
        if verb is None:
            status, found = 404, {}
        else:
            try:
                found = verb(resolve_path(self.query["path"]))
            except RefusedError as error:
                status, found = 400, {"message": str(error), "again": True}
            except OSError as error:
                where = f" ({error.filename})" if error.filename else ""
                status, found = 400, {"message": f"The access point can't do this: {error.strerror or error}{where}."}
            except (KeyError, ValueError, TypeError) as error:
                status, found = 400, {"message": f"Not a request: {error!r}."}
        data = json.dumps(found).encode()
        self.close_connection = True
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            pass  # nobody waits for it

    def get_look(self, path: str) -> dict[str, Any]:
        return look(path)

    def get_sums(self, path: str) -> dict[str, Any]:
        if self.query.get("part"):
            self.writers.pop(path, None)  # a connection that may be dead writes no longer
            path = name_partial(path)
        return sum_pieces(path, int(self.query["at"]), int(self.query["upto"]))

    def put_data(self, path: str) -> dict[str, Any]:
        at, total, left = int(self.query["at"]), int(self.query["total"]), int(self.headers["Content-Length"])
        if os.path.isdir(path):
            raise IsADirectoryError(21, "it is a folder", path)
        file = os.open(name_partial(path), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        self.writers[path] = self
        try:
            size = os.fstat(file).st_size
            if size < at:
                raise RefusedError("What was copied before isn't there any more.")
            about = os.fstatvfs(file)
            if total - size > about.f_bavail * about.f_frsize:
                raise OSError(28, "there is no room for it on the disk", path)
            os.ftruncate(file, at)
            os.lseek(file, at, os.SEEK_SET)
            while left:
                data = self.rfile.read1(min(_BLOCK, left))
                if not data or self.writers.get(path) is not self:
                    raise RefusedError("Another copy has begun, or the connection has ended.")
                left -= len(data)
                view = memoryview(data)
                while view:
                    view = view[os.write(file, view) :]
        finally:
            os.close(file)
        return {}

    def post_finish(self, path: str) -> dict[str, Any]:
        self.writers.pop(path, None)
        return finish(path, json.loads(self.rfile.read(min(4096, int(self.headers["Content-Length"])))))

    def log_message(self, *_: Any) -> None:
        """Log nothing: nobody reads it."""


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Takes connections on a socket."""

    daemon_threads = True


def main() -> None:
    """Serve until this process is ended."""
    os.umask(0o077)
    server = Server(sys.argv[1], Handler)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
