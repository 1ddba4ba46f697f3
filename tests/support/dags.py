"""Sessions under DAGMan on the test pool, as a user has them: condor_submit_dag, the history, condor_rm."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import nodes_log
from chtc_condor.event_log import parse_events
from support.hosts import ROOT
from support.session import Session
from support.waiting import wait_for
from testbed.pool.pool import Pool

#: What DAGMan itself leaves, and the history: documented in docs/dag.md.
KEPT = re.compile(
    r"\w+\.dag\.(condor\.sub|dagman\.(out|log)|lib\.(out|err)|nodes\.log|metrics|rescue\d+(\.old)?|history)|jupyter-\d+\.(log|out|err)"
)


class DagSession(Session):
    """A DAG of `user`, in a folder of its own with a space in its name; `job` is the newest session of it."""

    dag = "jupyter.dag"
    node = "session"

    def __init__(self, pool: Pool, user: str = "alice", parent: str = "") -> None:
        super().__init__(pool, user, parent or f"/home/{user}/my dags")
        self.dag_job = ""
        for source in (ROOT / "submit").rglob("*"):
            name = str(source.relative_to(ROOT / "submit"))
            if re.fullmatch(r"\w+\.dag|dag/(\w+/)?\w+\.(py|sub)|pipeline/.+|notebooks/.+", name) and source.is_file():
                pool.copy("ap", source, f"{self.folder}/{name}", user, source.stat().st_mode & 0o777)
        self.before = self.listing()

    def submit_dag(self, arguments: str = "", *lines: str) -> DagSession:
        """`condor_submit_dag`, with a jupyter.sub that asks for less than the stock file does, and `lines` added."""
        self.put_submit_file(arguments, *lines)
        said = self.ap("condor_submit_dag", self.dag, check=True).stdout
        found = re.search(r"submitted to cluster (\d+)", said)
        assert found, said
        self.dag_job = found[1]
        return self

    def put(self, name: str, text: str) -> None:
        """Write a file in the DAG's folder."""
        self.pool.put("ap", f"{self.folder}/{name}", text.encode(), self.user)

    def put_submit_file(self, arguments: str, *lines: str) -> None:
        text = (ROOT / "submit/jupyter.sub").read_text()
        kept = [line for line in text.splitlines() if line != "queue"]
        kept += ["request_memory = 1500MB", "request_disk = 2GB"]
        kept += [f"arguments = {arguments}"] if arguments else []
        self.pool.put("ap", f"{self.folder}/jupyter.sub", "\n".join([*kept, *lines, "queue", ""]).encode(), self.user)

    def jobs(self, node: str = "") -> list[nodes_log.Job]:
        """Return what DAGMan's log says of the jobs of a node, the session's by default, in order."""
        log = (self.file(f"{self.dag}.nodes.log") or "").encode()
        return [job for job in nodes_log.collect_jobs(parse_events(log)).values() if job.node == (node or self.node)]

    def wait_session(self, number: int = 1, seconds: float = 180) -> DagSession:
        """Wait until the DAG has submitted so many sessions; `job` is the last of them."""
        wait_for(lambda: len(self.jobs()) >= number, seconds, lambda: f"session {number}: {self.history()}")
        self.job = self.jobs()[number - 1].id
        return self

    def ready(self, seconds: float = 180) -> dict[str, Any]:
        """Wait until the newest session is ready; return its ad."""
        return super().ready(seconds)

    def history(self) -> str:
        """Return what the user was told."""
        return self.file(f"{self.dag}.history") or ""

    def told(self) -> list[str]:
        """Return the states that the user was told of, in order."""
        return re.findall(r"^\S+ \S+  (\w+): ", self.history(), re.MULTILINE)

    def wait_told(self, *states: str, seconds: float = 180) -> str:
        """Wait until the history has just these states; return it."""

        def failed() -> str:
            return f"the history to say {states}: {self.history()}\n{self.file(f'{self.dag}.dagman.out')}"

        wait_for(lambda: self.told() == list(states), seconds, failed)
        return self.history()

    def wait_dag_gone(self, seconds: float = 240) -> int | None:
        """Wait until nothing of the DAG is in the queue; return its exit status, None where it was removed."""
        mine = f"ClusterId == {self.dag_job} || DAGManJobId == {self.dag_job}"
        queue = ("condor_q", "-constraint", mine, "-af", "ClusterId", "JobStatus", "Cmd")

        def failed() -> str:
            out = self.file(f"{self.dag}.dagman.out")
            return f"the DAG to end: {self.ap(*queue).stdout}\n{self.history()}\n{out}"

        wait_for(lambda: not self.ap(*queue).stdout.strip(), seconds, failed, every=1)
        [status] = wait_for(self._exit_status, 30, "the DAG's ad")
        return None if status == "undefined" else int(status)

    def _exit_status(self) -> list[str]:
        return self.ap("condor_history", self.dag_job, "-limit", "1", "-af", "ExitCode").stdout.split()

    def wait_nothing_left(self, seconds: float = 30) -> None:
        """Wait until all that was made for the DAG is gone but its documented outputs."""
        wait_for(lambda: not self.left(), seconds, lambda: f"nothing to be left: {self.left()}")

    def listing(self) -> set[str]:
        """Return all files below the folder."""
        return set(self.ap("find", ".", "-type", "f", "-printf", r"%P\n").stdout.splitlines())

    def left(self) -> list[str]:
        """Return what there is on the access point that was not there before and is no documented output."""
        new = self.listing() - self.before
        files = [name for name in new if not KEPT.fullmatch(name) and not name.startswith("notebooks/")]
        files += [name for name in new if name.startswith("notebooks/.jupyter-session/saving-")]
        jobs = [job.id for job in self.jobs()]
        sockets = self.ap("sh", "-c", "ls -d /tmp/jupyter-* 2>/dev/null").stdout.splitlines()
        files += [path for path in sockets for job in jobs if path.startswith(f"/tmp/jupyter-{job}-")]
        tunnels = [self.ap("pgrep", "-fa", f"[s]sh_to_job.* {job} ").stdout for job in jobs]
        return files + self.processes() + [found for found in tunnels if found]

    def processes(self) -> list[str]:
        """Return the user's processes on the access point that are this DAG's: they run in its folder."""
        look = 'for p in /proc/[0-9]*; do [ "$(readlink $p/cwd)" = "$0" ] && echo $p $(tr "\\0" " " <$p/cmdline); done'
        me = "sh -c for p in"
        found = self.pool.exec("ap", ["sh", "-c", look, self.folder], user=self.user, cwd="/").stdout.splitlines()
        return [line for line in found if me not in line]

    def watcher(self) -> str:
        """Return the process of watch.py."""
        return next(line for line in self.processes() if "dag/watch.py" in line).split()[0].rpartition("/")[2]

    def remove(self) -> None:
        if self.dag_job:
            self.ap("condor_rm", self.dag_job)
        super().remove()
        if self.dag_job:
            self.wait_dag_gone()


@contextlib.contextmanager
def dags(pool: Pool) -> Iterator[Callable[..., DagSession]]:
    """Yield a function that makes DAGs; remove them all at the end."""
    given: list[DagSession] = []

    def new(user: str = "alice") -> DagSession:
        given.append(DagSession(pool, user))
        return given[-1]

    try:
        yield new
    finally:
        for dag in given:
            dag.remove()
            pool.exec("ap", ["rm", "-rf", dag.folder])
