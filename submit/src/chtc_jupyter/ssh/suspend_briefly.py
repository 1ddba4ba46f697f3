"""Let somebody into a job seconds sooner, by a moment's suspension right after its start. Stands alone, Python 3.9.

condor_ssh_to_job lets nobody in before the startd has heard from the job's starter, which is 8 s after the start
(STARTER_INITIAL_UPDATE_INTERVAL). A suspension makes the starter report at once (HTCondor 25.14, JICShadow::Suspend).
`PYTHON -I -c 'import sys; exec(sys.argv[1])' SOURCE enter PLAN` runs on the access point; PLAN is a JSON object with:

    owner, job, log   whose job it is, its ID, and its event log
    suspends          whether it may be suspended; otherwise, only a suspension of ours that was left is ended
    guard             the shell script that takes over if this process is killed

It prints one JSON object a line: {"step": "suspended"}, {"step": "trouble", "why": "..."}, {"step": "continued"}, and
at its end {"step": "over", "how": "...", "commands": 3}. From the suspension on, nothing but SIGKILL ends it before the
event log shows that the job runs again, or has left the machine: neither the end of the launcher, nor that of the
agent, nor a logout. A `condor_continue` that comes before event 010 succeeds and does nothing (25.14), so the log
decides. At last, the queue has to say so, too: what a shadow tells a schedd that dies at that moment is lost.

If schedd and shadow die in the middle, nobody knows any more whether the job is suspended, and the queue may say either
of a job of which the other is true (25.14, tried). It is then suspended and continued anew, which leaves no doubt.

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
_DISCONNECTED = 22
_LEAVES = (4, 5, 7, 9, 12, 24)
#: JobStatus.
_RUNNING, _STOPPED = 2, 7
#: Seconds for a command of HTCondor's, between two looks at the log, and between two tries: they double up to the last.
_COMMAND, _LOOK, _TRY, _LAST_TRY = 25, 0.02, 0.25, 30.0
#: Seconds after which the user hears that a job isn't continued yet.
_SLOW = 3.0
#: Seconds after which a suspension whose command has ended, and that nothing shows, is taken for one that doesn't come.
_NEVER = 20.0
#: Seconds for which the queue must say that a job runs whose log doesn't show it.
_AGREES = 15.0
#: Seconds until a command that the schedd has taken has reached the job, and until the log shows a suspension.
_ARRIVES, _SHOWS = 1.0, 5.0
#: How many looks in a row must show the queue to be wrong, and how many to be right after the schedd was away.
_LOOKS, _AFTER_AWAY = 2, 10
#: How often the queue is corrected: its operators may forbid it.
_CORRECTIONS = 5
#: Seconds of silence after a reconnection in which a session that runs has announced itself.
_SILENT = 40.0
_REFUSED = re.compile(
    r"couldn't find/suspend all|not authorized|permission denied|FileNotFoundError|PermissionError", re.IGNORECASE
)


class Log:
    """What a job's event log says of its suspensions.

    `starts` counts executions; the other counts are those of the last. Ours is the first suspension of a start.
    """

    def __init__(self, path: str, job: str) -> None:
        self._path = path
        self._job = tuple(map(int, job.split(".")))
        self._read = 0
        self._rest = b""
        self.starts = self.suspensions = self.continuations = self.reconnections = 0
        self.is_on_machine = self.is_suspended = self.is_disconnected = False

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

    def is_over(self, start: int) -> bool:
        """Return whether a start of the job is over."""
        return self.starts != start or not self.is_on_machine

    def _apply(self, event: int) -> None:
        if event == _EXECUTE:
            self.starts += 1
            self.suspensions = self.continuations = self.reconnections = 0
            self.is_on_machine = True
            self.is_suspended = self.is_disconnected = False
        elif event in _LEAVES:
            self.is_on_machine = self.is_suspended = False
        elif event == _SUSPENDED:
            self.suspensions += 1
            self.is_suspended = True
        elif event == _UNSUSPENDED:
            self.continuations += 1
            self.is_suspended = False
        elif event == _DISCONNECTED:
            self.is_disconnected = True
        elif event == _RECONNECTED:  # the shadow is a new one, and doesn't know what the last one wrote
            self.reconnections += 1
            self.is_suspended = self.is_disconnected = False


class Job:
    """A job in the queue; `commands` counts what the schedd was asked."""

    def __init__(self, owner: str, job: str) -> None:
        cluster, proc = map(int, job.split("."))
        name = owner.replace("\\", "\\\\").replace('"', '\\"')
        self._which = f'Owner == "{name}" && ClusterId == {cluster} && ProcId == {proc}'
        self.commands = 0
        self.said = ""

    def suspend(self, *pipe: int) -> bool:
        """Suspend it, if it runs and its operators don't forbid it; return False if the schedd surely has not.

        The command keeps a descriptor open: whoever reads from its other end knows that it has ended.
        """
        allowed = f"JobStatus == {_RUNNING} && JupyterEarlyEntry =!= false"
        done = self._run("condor_suspend", "-constraint", f"{self._which} && {allowed}", keep=pipe)
        return done or not _REFUSED.search(self.said)

    def resume(self) -> bool:
        """Continue it, if it is suspended; return whether the schedd took that."""
        return self._run("condor_continue", "-constraint", f"{self._which} && JobStatus == {_STOPPED}")

    def correct(self, said: int, status: int) -> bool:
        """Have the queue say another status of it than what it says; return whether the schedd took that."""
        return self._run(
            "condor_qedit", "-constraint", f"{self._which} && JobStatus == {said}", "JobStatus", str(status)
        )

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


def take_mark(log: str) -> bool:
    """Return whether nobody else sees to the job of this mark; as long as this process lives, it does then.

    The lock ends if this process opens and closes the mark again.
    """
    try:
        file = os.open(locate_mark(log), os.O_RDWR)
    except OSError:
        return True
    try:
        os.lockf(file, os.F_TLOCK, 0)
    except (BlockingIOError, PermissionError):
        os.close(file)
        return False
    except OSError:  # a file system without locks
        os.close(file)
    return True


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


def see_continued(job: Job, log: Log, start: int, before: int, *pipe: int) -> str:
    """Continue a job until the log shows that it runs, or that this start is over; return which.

    `before` is the number of reconnections at the time when its suspension was asked for.
    """
    began = time.monotonic()
    pause, next_try, told = _TRY, began + _SLOW, False
    suspensions, reconnections = 0, before  # that were seen
    agreed = reconnected = 0.0  # since when the queue says that it runs, and when it was seen to be reconnected
    stuck = 0  # how many times nothing came of a suspension after that
    while True:
        log.read()
        if log.is_over(start):
            return "left the machine"
        if log.continuations:  # what is suspended from now on is the machine's own
            return "continued"
        now = time.monotonic()
        if log.reconnections > reconnections:
            reconnections, reconnected, stuck, pause, next_try = log.reconnections, now, 0, _TRY, now + _ARRIVES
        if log.suspensions > suspensions and log.is_suspended:  # from now on there is something to continue
            suspensions, pause, next_try = log.suspensions, _TRY, now
        lost = bool(reconnected) and not log.is_suspended
        if now >= next_try:
            if not lost:
                job.resume()
            elif not find_out(job, log, *pipe):
                stuck += 1
                if stuck > 1 and job.get_status() == _STOPPED:
                    return "continued, but the queue can't be corrected"
                if time.monotonic() - reconnected > _SILENT:
                    job.send_back()
            pause = min(2 * pause, _LAST_TRY)
            if time.monotonic() - began >= _SLOW:  # a command that isn't answered takes long itself
                if not told:
                    told = True
                    report("trouble", why=job.said)
                status = job.get_status()
                if status == 0:
                    return "left the queue"
                agreed = (agreed or now) if status == _RUNNING and not (lost or log.is_disconnected) else 0.0
                if agreed and now - agreed > _AGREES and (suspensions or now - began > _NEVER):
                    return "continued, by the queue"
            next_try = time.monotonic() + pause
        time.sleep(_LOOK if now - began < _SLOW else 10 * _LOOK)


def find_out(job: Job, log: Log, *pipe: int) -> bool:
    """Suspend a job anew of which nobody knows any more whether it is suspended; return whether the log shows that.

    Event 010 means that it ran. A job that stands still, and of which the queue says that it runs, can't be continued
    before the queue says otherwise.
    """
    if job.get_status() == _STOPPED:
        continue_again(job)
    known = log.suspensions
    if job.suspend(*pipe):
        deadline = time.monotonic() + _SHOWS
        while log.suspensions == known and log.is_on_machine and time.monotonic() < deadline:
            time.sleep(_LOOK)
            log.read()
        if log.suspensions == known and log.is_on_machine and job.correct(_RUNNING, _STOPPED):
            continue_again(job)
    return log.suspensions != known


def continue_again(job: Job) -> None:
    """Continue a job of which the queue says that it is suspended, and have the queue say that it runs."""
    job.resume()
    time.sleep(_ARRIVES)
    job.correct(_STOPPED, _RUNNING)


def settle(job: Job, log: Log, start: int) -> None:
    """Have the queue say that a job runs, of which the log says it; or leave it to the machine that suspends it.

    A schedd that was away may say so at first, and then what it had before, when the shadow has found the job again.
    """
    pause, wanted, corrections = _ARRIVES, 1, 0
    wrong = right = 0  # looks in a row
    while right < wanted and corrections < _CORRECTIONS:
        time.sleep(pause)
        log.read()
        if log.is_over(start) or log.is_suspended:
            return
        status = job.get_status()
        is_away = status is None or log.is_disconnected
        if is_away or log.reconnections:
            wanted = _AFTER_AWAY
        pause = min(2 * pause, _LAST_TRY) if is_away else _ARRIVES
        wrong = wrong + 1 if status == _STOPPED else 0
        right = 0 if is_away or wrong else right + 1
        if wrong == _LOOKS:
            wrong, corrections = 0, corrections + 1
            log.read()
            if not log.is_over(start) and not log.is_suspended:
                job.correct(_STOPPED, _RUNNING)


def enter(plan: dict[str, object], source: str) -> None:
    """Suspend the job for a moment, or end a suspension that was left."""
    owner, name, path = (str(plan[key]) for key in ("owner", "job", "log"))
    log, job = Log(path, name), Job(owner, name)
    log.read()
    if not log.is_on_machine:
        report("over", how="not on a machine", commands=0)
        return
    left = bool(log.suspensions or log.reconnections) and read_mark(path) == log.starts
    if not left and (log.suspensions or not plan["suspends"]):
        report("over", how="not suspended", commands=0)
        return
    detach()
    start, before = log.starts, 0 if left else log.reconnections
    guard = subprocess.Popen(
        [
            *("/bin/sh", "-c", str(plan["guard"]), "chtc-jupyter-guard"),
            *(source, json.dumps({**plan, "start": start, "before": before}), sys.executable),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert guard.stdin  # noqa: S101 - it is a pipe
    pipe = guard.stdin.fileno()
    how = "not suspended"
    while left and not take_mark(path):  # another process continues it
        time.sleep(_TRY)
        log.read()
        left = read_mark(path) == start and not log.is_over(start)
    if left or (plan["suspends"] and not log.suspensions and write_mark(path, name, start) and take_mark(path)):
        os.write(pipe, b"asked\n")
        how = "refused"
        if left or job.suspend(pipe):
            report("suspended")
            how = end_suspension(job, log, start, before, pipe)
        remove_mark(path)
    guard.communicate(b"done\n")
    report("over", how=how, commands=job.commands, said=job.said)


def take_over(plan: dict[str, object], *, asked: bool) -> None:
    """Continue the job in place of a process that was killed, if that had asked for its suspension."""
    owner, name, path = (str(plan[key]) for key in ("owner", "job", "log"))
    if not take_mark(path):
        return
    if asked:
        start, before = (int(str(plan[key])) for key in ("start", "before"))
        end_suspension(Job(owner, name), Log(path, name), start, before)
    remove_mark(path)


def end_suspension(job: Job, log: Log, start: int, before: int, *pipe: int) -> str:
    """See the job continued, in its log and in the queue; return how."""
    how = see_continued(job, log, start, before, *pipe)
    if how == "continued":
        report("continued")
        settle(job, log, start)
    return how


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
