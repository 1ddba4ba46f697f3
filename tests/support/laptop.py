"""The command chtc-jupyter on the laptop, as a person runs it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import select
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from chtc_condor.codes import JobStatus
from support.hosts import SHARED_IMAGE
from support.session import enter
from support.waiting import patience, wait_for
from testbed.artifacts import launcher
from testbed.host import process
from testbed.pool.pool import Pool, kill_tree

#: What a test's session asks for: a dozen of them fit the test pool.
SMALL = ("--memory", "1500MB", "--disk", "2GB", "--image", SHARED_IMAGE)


#: The address that it prints, which signs a browser in.
ADDRESS = re.compile(r"(http://[a-z0-9.-]+:\d+)/chtc-jupyter/open/[\w-]+")
TAG = re.compile(r'" (chtc-jupyter-[0-9a-f]{16})')


class Running:
    """A chtc-jupyter that runs; with `tty` in a terminal of its own."""

    def __init__(self, laptop: Laptop, argv: list[str], *, tty: bool) -> None:
        self.process = laptop.pool.popen(
            laptop.host,
            [*laptop.prefix, "chtc-jupyter", *argv],
            user=laptop.user,
            env=laptop.env,
            tty=tty,
            stdin=subprocess.PIPE if tty else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        self.output = ""

    def read(self) -> str:
        """Return all that it has printed so far."""
        out = self.process.stdout
        assert out
        while select.select([out], [], [], 0)[0] and (part := os.read(out.fileno(), 65536)):
            self.output += part.decode(errors="replace")
        return self.output

    def wait_for(self, text: str, seconds: float = 90) -> str:
        """Wait until it has printed a text."""
        wait_for(lambda: text in self.read(), seconds, lambda: f"{text!r}; it printed {self.output!r}", 0.1)
        return self.output

    def url(self, seconds: float = 120) -> str:
        """Wait for the address that it prints."""

        def look() -> re.Match[str] | None:
            found = ADDRESS.search(self.read())
            ended = self.process.poll()
            assert found or ended is None, f"it ended with {ended}: {self.read()}"
            return found

        found = wait_for(look, seconds, lambda: f"the address; it printed {self.output!r}", 0.1)
        assert found
        return found[0]

    def tags(self) -> list[str]:
        """Return the tags of its connections now, by which the access point knows them."""
        return [tag for pid in list_descendants(self.process.pid) for tag in TAG.findall(_command(pid))]

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def type(self, text: str) -> None:
        """Type into its terminal."""
        assert self.process.stdin
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def wait_end(self, seconds: float = 60) -> int:
        """Wait until it ends by itself; return its exit status."""
        self.process.wait(seconds * patience())
        self.read()
        return self.process.returncode

    def close(self) -> None:
        """Kill it, if it is still there."""
        kill_tree(self.process.pid)
        self.process.wait(10 * patience())
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()


class Laptop:
    """A user at the laptop with nothing remembered there; `ap` is the access point as they name it."""

    def __init__(self, pool: Pool, user: str = "alice", host: str = "laptop", ap: str = "ap") -> None:
        launcher.place(pool, host)
        self.pool, self.user, self.host, self.ap = pool, user, host, ap
        self.name = f"t{secrets.token_hex(3)}"
        self.home = f"/home/{user}/.test-{self.name}"
        self.env = {"XDG_STATE_HOME": f"{self.home}/state", "XDG_CONFIG_HOME": f"{self.home}/config"}
        self.env["XDG_RUNTIME_DIR"] = f"{self.home}/run"  # what others of this user share is not for this test
        pool.exec(host, ["mkdir", "-p", self.env["XDG_RUNTIME_DIR"]], user=user, check=True)
        self.prefix: list[str] = []  # words before the commands that are left running
        self.running: list[Running] = []
        self.signed_in: set[str] = set()

    @property
    def folder(self) -> str:
        """The session's folder on the access point."""
        return f"/home/{self.user}/jupyter/{self.name}"

    def start(self, *more: str, tty: bool = False) -> Running:
        """`chtc-jupyter start`, small, without a browser."""
        return self.run_on("start", self.name, "--ap", self.ap, "--no-browser", *SMALL, *more, tty=tty)

    def keep_address(self) -> None:
        """Have a session keep its address, though others have accounts on this laptop."""
        assert self.call("config", "keep_address", "true").returncode == 0

    def start_and_leave(self) -> str:
        """Start a session and leave it; return its job."""
        running = self.start()
        running.url()
        running.interrupt()
        assert running.wait_end() == 0
        return self.job()

    def run_on(self, *argv: str, tty: bool = False) -> Running:
        """Start the command and leave it running."""
        self.running.append(Running(self, list(argv), tty=tty))
        return self.running[-1]

    def call(self, *argv: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        return self.pool.exec(self.host, ["chtc-jupyter", *argv], user=self.user, env=self.env, timeout=timeout)

    def call_json(self, *argv: str) -> list[dict[str, Any]]:
        """Run the command with --json; return the objects that it prints, one a line."""
        return [json.loads(line) for line in self.call(*argv, "--json").stdout.splitlines()]

    def job(self) -> str:
        """Return the session's job, as this machine remembers it."""
        found = self.pool.path(self.host, f"{self.home}/state/chtc-jupyter/sessions/{self.name}.json")
        return str(json.loads(found.read_text())["job"])

    def fetch(self, url: str, *words: str) -> str:
        """Open an address on the laptop, as a browser that keeps its cookies does; return the status and the body.

        One that signs in leads to JupyterLab, also later on.
        """
        cookies = f"{self.home}/cookies"
        if found := ADDRESS.fullmatch(url):
            if url not in self.signed_in:
                self.signed_in.add(url)
                self._curl(url, "-b", cookies, "-c", cookies)
            url = f"{found[1]}/lab"
        return self._curl(url, "-b", cookies, "-c", cookies, *words)

    def _curl(self, url: str, *words: str) -> str:
        argv = ["curl", "-sSL", "-m", "20", "-w", "\n%{http_code}", *words, "-K", "-"]
        done = self.pool.exec(self.host, argv, input=f'url = "{url}"')
        return f"{done.stdout.rpartition(chr(10))[2]} {done.stdout}{done.stderr}"

    def at(self, path: str) -> str:
        """Return the address of a path of JupyterLab's API for a program."""
        return self.call("url", "--program").stdout.strip().replace("/?", f"{path}{'&' if '?' in path else '?'}")

    def answers(self, url: str) -> bool:
        """Return whether JupyterLab answers at an address."""
        return self.fetch(url).startswith("200 ")

    def inside(self, *argv: str) -> str:
        """Run a command in the session's job by `condor_ssh_to_job` on the access point; return what it printed."""
        return enter(self.pool, self.user, self.job(), shlex.join(argv)).stdout

    def on_ap(self, *argv: str) -> str:
        """Run a command of the user's on the access point; return what it printed."""
        done = self.pool.exec("ap", argv, user=self.user)
        return done.stdout + done.stderr

    def left_on_ap(self, *tags: str) -> str:
        """Return what of connections with these tags is on the access point: processes and folders."""
        folders = self.on_ap("find", "/tmp", "-maxdepth", "1", "-user", self.user).split()
        processes = [self.on_ap("pgrep", "-u", self.user, "-af", tag) for tag in tags]
        return "".join([*processes, *(folder for folder in folders if Path(folder).name in tags)])

    def queued(self) -> list[JobStatus]:
        """Return the status of each of the user's jobs of this session that are in the queue."""
        asked = self._ask_queue()
        assert asked.returncode == 0, asked
        return [JobStatus(int(status)) for status in asked.stdout.split()]

    def _ask_queue(self) -> subprocess.CompletedProcess[str]:
        words = ["condor_q", "-constraint", f'JupyterName == "{self.name}"', "-af", "JobStatus"]
        return self.pool.exec("ap", words, user=self.user)

    def close(self) -> None:
        """End all that this test has started, the jobs with it."""
        for running in self.running:
            running.close()
        removed = False

        def have_ended() -> bool:
            nonlocal removed
            asked = self._ask_queue()
            if asked.returncode == 0 and asked.stdout and not removed:  # the schedd may be away
                words = ["condor_rm", "-constraint", f'JupyterName == "{self.name}"']
                removed = self.pool.exec("ap", words, user=self.user).returncode == 0
            return asked.returncode == 0 and not asked.stdout

        wait_for(have_ended, 90, "its jobs to end")
        self.on_ap("rm", "-rf", self.folder)
        self.pool.exec(self.host, ["rm", "-rf", self.home])


@contextlib.contextmanager
def laptops(pool: Pool) -> Iterator[Callable[..., Laptop]]:
    """Yield a function that makes users at the laptop; end all that they started."""
    given: list[Laptop] = []

    def new(user: str = "alice", **options: str) -> Laptop:
        given.append(Laptop(pool, user, **options))
        return given[-1]

    try:
        yield new
    finally:
        for laptop in given:
            laptop.close()


def list_descendants(pid: int) -> list[int]:
    """Return a process and all that it has started, directly or not."""
    return [pid, *(below for child in process.children(pid) for below in list_descendants(child))]


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""
