"""Another user's web server on the laptop, which keeps what browsers and programs tell it."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator

from testbed.pool.pool import Pool, kill_tree

#: Listens at a port for both protocols, answers anything as a web server, and prints the heads that it gets as JSON.
SERVER = """
import json, socket, sys, threading
def serve(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()
def answer(connection):
    with connection:
        head = b""
        while b"\\r\\n\\r\\n" not in head and (data := connection.recv(65536)):
            head += data
        print(json.dumps(head.decode("latin-1")), flush=True)
        fields = b"Content-Type: text/html\\r\\nContent-Length: 5\\r\\nConnection: close\\r\\n\\r\\n"
        connection.sendall(b"HTTP/1.1 200 OK\\r\\n" + fields + b"hello")
loopback = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
listeners = [socket.create_server((address, int(sys.argv[1])), family=family) for family, address in loopback]
for listener in listeners[1:]:
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
print(json.dumps("listening"), flush=True)
serve(listeners[0])
"""


class Neighbor:
    """Another user's server at a port of the laptop."""

    def __init__(self, pool: Pool, port: int, user: str = "bob") -> None:
        command = ["python3", "-u", "-c", SERVER, str(port)]
        self.process = pool.popen("laptop", command, user=user, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        out = self.process.stdout
        assert out
        assert "listening" in out.readline()
        self._out = out
        self.heads: list[str] = []

    def hear(self, wanted: Callable[[str], object]) -> str:
        """Read heads until one is wanted; return it."""
        while not wanted(self.heads[-1] if self.heads else ""):
            self.heads.append(json.loads(self._out.readline()))
        return self.heads[-1]

    def close(self) -> None:
        """End it, and keep the heads that it got meanwhile."""
        kill_tree(self.process.pid)
        self.heads += [json.loads(line) for line in self.process.communicate(timeout=20)[0].splitlines()]


@contextlib.contextmanager
def neighbor(pool: Pool, port: int, user: str = "bob") -> Iterator[Neighbor]:
    """Yield another user's server at a port of the laptop."""
    server = Neighbor(pool, port, user)
    try:
        yield server
    finally:
        server.close()
