"""Let somebody into a job seconds sooner, by a moment's suspension right after its start. Stands alone, Python 3.9.

condor_ssh_to_job lets nobody in before the startd has heard from the job's starter, which is 8 s after the start
(STARTER_INITIAL_UPDATE_INTERVAL). A suspension makes the starter report at once (HTCondor 25.14, JICShadow::Suspend).
`python3 -I -c 'import sys; exec(sys.argv[1])' SOURCE enter PLAN` runs on the access point; PLAN is a JSON object with:

    owner, job, log   whose job it is, its ID, and its event log
    suspends          whether it may be suspended; otherwise, only a suspension of ours that was left is ended
    guard             the shell script that takes over if this process is killed

It prints one JSON object a line: {"step": "suspended"}, {"step": "trouble", "why": "..."}, and at its end
{"step": "over", "how": "...", "commands": 2}. From the suspension on, nothing but SIGKILL ends it before the event log
shows that the job runs again, or has left the machine: neither the end of the launcher, nor that of the agent, nor a
logout. A `condor_continue` that comes before event 010 succeeds and does nothing (25.14), so the log decides.

Beside the log is a *mark* for as long as that takes: a file that says which start of the job was suspended. Whoever
finds it later continues the job.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

_HEAD = re.compile(rb"(\d{3}) \((\d+)\.(\d+)\.\d+\) |.*\bEventTypeNumber\W+(?:i>)?(\d+)", re.ASCII)
#: Numbers of events: of a start, of a suspension and its end, and of what leaves the machine.
_EXECUTE, _SUSPENDED, _UNSUSPENDED, _RECONNECTED = 1, 10, 11, 23
#: Of what a session itself writes: it can't while it is suspended.
_SIGNS_OF_LIFE = (8, 33)
_LEAVES = (4, 5, 7, 9, 12, 24)
#: JobStatus.
_RUNNING, _STOPPED = 2, 7
#: Seconds for a command of HTCondor's, between two looks at the log, and between two tries: they double up to the last.
_COMMAND, _LOOK, _TRY, _LAST_TRY = 25, 0.02, 0.25, 30.0
#: Seconds after which the user hears that a job isn't continued yet.
_SLOW = 3.0
#: Seconds after which a suspension whose command has ended, and that nothing shows, is taken for one that doesn't come.
_NEVER = 20.0
#: Seconds of silence after a reconnection in which a session that runs has announced itself.
_SILENT = 40.0
_REFUSED = re.compile(r"couldn't find/suspend all|not authorized|permission denied", re.IGNORECASE)
#: The arguments before this module's source.
RUN = ["python3", "-I", "-c", "import sys; exec(sys.argv[1])"]


class Log:
    """What a job's event log says of its suspensions.

    `starts` counts executions; `suspensions` and `continuations` are those of the last. Ours is the first of a start.
    """

    def __init__(self, path: str, job: str) -> None:
        self._path = path
        self._job = tuple(map(int, job.split(".")))
        self._read = 0
        self._rest = b""
        self.starts = self.suspensions = self.continuations = 0
        self.is_on_machine = self.is_suspended = self.is_reconnected = self.is_alive = False

    def read(self) -> None:
        """Read what has been added."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._read)
                data = file.read()
        except OSError:
            return
        self._read += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            found = _HEAD.match(line)
            if found and (found[4] or (int(found[2]), int(found[3])) == self._job):
                self._apply(int(found[1] or found[4]))

    def _apply(self, event: int) -> None:
        if event == _EXECUTE:
            self.starts += 1
            self.suspensions = self.continuations = 0
            self.is_on_machine = True
            self.is_suspended = self.is_reconnected = self.is_alive = False
        elif event in _LEAVES:
            self.is_on_machine = self.is_suspended = False
        elif event == _SUSPENDED:
            self.suspensions += 1
            self.is_suspended = True
        elif event == _UNSUSPENDED:
            self.continuations += 1
            self.is_suspended = False
        elif event == _RECONNECTED:
            self.is_reconnected, self.is_alive = True, False
        elif event in _SIGNS_OF_LIFE:
            self.is_alive = self.is_reconnected


class Job:
    """A job in the queue; `commands` counts what the schedd was asked."""

    def __init__(self, owner: str, job: str) -> None:
        cluster, proc = map(int, job.split("."))
        name = owner.replace("\\", "\\\\").replace('"', '\\"')
        self._which = f'Owner == "{name}" && ClusterId == {cluster} && ProcId == {proc}'
        self.commands = 0
        self.said = ""

    def suspend(self, pipe: int) -> bool:
        """Suspend it, if it runs and its operators don't forbid it; return False if the schedd surely has not.

        The command keeps a descriptor open: whoever reads from its other end knows that it has ended.
        """
        allowed = f"JobStatus == {_RUNNING} && JupyterEarlyEntry =!= false"
        done = self._run("condor_suspend", "-constraint", f"{self._which} && {allowed}", keep=(pipe,))
        return done or not _REFUSED.search(self.said)

    def resume(self) -> bool:
        """Continue it, if it is suspended; return whether the schedd took that."""
        return self._run("condor_continue", "-constraint", f"{self._which} && JobStatus == {_STOPPED}")

    def send_back(self) -> bool:
        """Send it back to the queue, unless it has announced a session or can't announce one."""
        can = "(WantIOProxy =?= true || WantRemoteUpdates =?= true)"
        silent = 'JobStatus == 2 && JupyterState =!= "ready" && JupyterState =!= "expiring"'
        return self._run("condor_vacate_job", "-constraint", f"{self._which} && {can} && {silent}")

    def get_status(self) -> int | None:
        """Return its JobStatus, 0 if it isn't in the queue, None if that can't be found out."""
        if not self._run("condor_q", "-constraint", self._which, "-af", "JobStatus"):
            return None
        words = self.said.split()
        return int(words[0]) if words and words[0].isdigit() else None if words else 0

    def _run(self, *argv: str, keep: tuple[int, ...] = ()) -> bool:
        self.commands += 1
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_COMMAND,
                check=False,
                pass_fds=keep,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            self.said = f"{argv[0]}: {type(error).__name__}"
            return False
        self.said = " ".join(done.stdout.decode("utf-8", "replace").split())[:300]
        return done.returncode == 0


def locate_mark(log: str) -> str:
    """Return the path of the mark beside a job's event log."""
    return f"{log.removesuffix('.log')}.suspended"


def write_mark(log: str, job: str, start: int) -> bool:
    """Leave the mark that a start of a job is suspended; return False if that can't be written."""
    try:
        with open(locate_mark(log), "w", encoding="utf-8") as file:
            file.write(
                f"{start}\nchtc-jupyter suspends job {job} for a moment, to reach it sooner. If it stays suspended, "
                f"`chtc-jupyter connect {job}` continues it, and so does `condor_continue {job}`.\n"
            )
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return False
    return True


def read_mark(log: str) -> int:
    """Return which start of a job was suspended by us and may still be; 0 if none was."""
    try:
        with open(locate_mark(log), encoding="utf-8") as file:
            first = file.readline().strip()
    except (OSError, ValueError):
        return 0
    return int(first) if first.isdigit() else 0


def remove_mark(log: str) -> None:
    """Remove the mark."""
    try:
        os.unlink(locate_mark(log))
    except OSError:
        return


def report(step: str, **more: object) -> None:
    """Print a step for the launcher, if that still listens."""
    try:
        os.write(1, json.dumps({"step": step, **more}).encode() + b"\n")
    except OSError:
        return


def see_continued(job: Job, log: Log, start: int) -> str:
    """Continue a job until the log shows that it runs, or that this start is over; return which.

    If schedd and shadow die at that moment, nobody knows any more that the job is suspended: the queue says that it
    runs, and refuses to continue it (25.14, tried). Such a job, which has just started, is sent back to the queue if it
    is silent after it was reconnected.
    """
    began = time.monotonic()
    since = 0.0  # when it was seen to be reconnected
    taken = 0  # how many tries were taken since
    pause, next_try, seen, told = _TRY, began + _SLOW, False, False
    agreed = 0  # how many looks at the queue in a row say that it runs
    while True:
        log.read()
        if log.starts != start or not log.is_on_machine:
            return "left the machine"
        if log.is_alive or log.continuations:  # what is suspended from now on is the machine's own
            return "continued"
        now = time.monotonic()
        if log.is_reconnected and now - (since := since or now) > _SILENT:
            since = now
            job.send_back()
        if log.is_suspended and not seen:  # from now on there is something to continue
            seen, pause, next_try = True, _TRY, now
        if now >= next_try:
            if job.resume() and log.is_reconnected:
                taken += 1  # it runs then, but the queue and the log never say so
                if taken > 1:
                    return "continued, after a reconnection"
            pause = min(2 * pause, _LAST_TRY)
            if time.monotonic() - began >= _SLOW:  # a command that isn't answered takes long itself
                if not told:
                    told = True
                    report("trouble", why=job.said)
                status = job.get_status()
                agreed = agreed + 1 if status == _RUNNING else 0
                if status == 0:
                    return "left the queue"
                if agreed > 1 and (seen or now - began > _NEVER):
                    return "continued, by the queue"
            next_try = time.monotonic() + pause
        time.sleep(_LOOK if now - began < _SLOW else 10 * _LOOK)


def enter(plan: dict[str, object], source: str) -> None:
    """Suspend the job for a moment, or end a suspension that was left."""
    owner, name, path = (str(plan[key]) for key in ("owner", "job", "log"))
    log, job = Log(path, name), Job(owner, name)
    log.read()
    if not log.is_on_machine:
        report("over", how="not on a machine", commands=0)
        return
    left = log.is_suspended and not log.continuations and read_mark(path) == log.starts
    if not left and (log.suspensions or not plan["suspends"]):
        report("over", how="not suspended", commands=0)
        return
    detach()
    guard = subprocess.Popen(
        ["/bin/sh", "-c", str(plan["guard"]), "chtc-jupyter-guard", source, json.dumps({**plan, "start": log.starts})],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert guard.stdin  # noqa: S101 - it is a pipe
    pipe = guard.stdin.fileno()
    how = "not suspended"
    if left or write_mark(path, name, log.starts):
        os.write(pipe, b"asked\n")
        how = "refused"
        if left or job.suspend(pipe):
            report("suspended")
            how = see_continued(job, log, log.starts)
        remove_mark(path)
    guard.communicate(b"done\n")
    report("over", how=how, commands=job.commands, said=job.said)


def take_over(plan: dict[str, object], *, asked: bool) -> None:
    """Continue the job in place of a process that was killed, if that had asked for its suspension."""
    path = str(plan["log"])
    if asked:
        see_continued(Job(str(plan["owner"]), str(plan["job"])), Log(path, str(plan["job"])), int(str(plan["start"])))
    remove_mark(path)


def detach() -> None:
    """Go on in a process that doesn't end with the one that started this, nor with a logout."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if os.fork():
        os._exit(0)
    os.setsid()
    os.environ.pop("TMP", None)  # the agent's folder, which goes with it
    os.chdir("/")


def main(source: str, verb: str, text: str) -> None:
    """Run a verb."""
    os.umask(0o077)
    plan = json.loads(text)
    if verb == "enter":
        enter(plan, source)
    else:
        take_over(plan, asked=verb == "continue")


if __name__ == "__main__":
    main(*sys.argv[1:])
