"""The session's private folder: where its parts and the user's commands find each other."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from jupyter_session.errors import SessionError
from jupyter_session.files import write_atomically

_LONGEST_SOCKET = 107  # bytes of sun_path


class StateDir:
    """A 0700 folder of the job's user under /tmp, and the names of what lies in it.

    In /tmp because a job has a /tmp of its own, and Unix sockets need short paths (107 bytes). The name contains the
    user and the job, so that sessions stay apart where /tmp is shared after all.
    """

    def __init__(self, root: Path, *, in_job: bool) -> None:
        self.root = root
        self._in_job = in_job
        self.control = root / "control"
        self.token = root / "token"
        self.config = root / "jupyter_config.json"
        self.runtime = root / "runtime"
        self.data = root / "data"
        self.ssh = root / "ssh"
        self.log = root / "lab.log"
        self.supervisor_log = root / "supervisor.log"
        self.received = root / "received.json"
        self._lock: int | None = None

    @classmethod
    def locate(cls, environ: Mapping[str, str], job_id: str | None) -> StateDir:
        """Return the folder of this user's session in this job, whether it exists or not."""
        root = environ.get("JUPYTER_SESSION_DIR")
        name = f"jupyter-session-{os.getuid()}" + (f"-{job_id}" if job_id else "")
        return cls(Path(root) if root else Path("/tmp") / name, in_job=job_id is not None)  # noqa: S108 - see create()

    def create(self) -> None:
        """Make the folder and lock it for as long as this process, or one forked from it, lives.

        Raises SessionError if another user owns the folder, a session lives in it, or it can't be written.
        """
        if len(os.fsencode(self.control)) > _LONGEST_SOCKET:
            raise SessionError(f"JUPYTER_SESSION_DIR {str(self.root)!r} is too long for a socket. Use a shorter path.")
        try:
            self.root.mkdir(mode=0o700, exist_ok=True)
            about = self.root.lstat()
            if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
                raise SessionError(
                    f"{self.root} belongs to another user. Set JUPYTER_SESSION_DIR to a folder of yours."
                )
            self.root.chmod(0o700)
            lock = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                raise SessionError(
                    "A session is already running here: use `jupyter-session url`, or `jupyter-session stop` to end it."
                ) from None
            for folder in (self.runtime, self.data, self.ssh):
                folder.mkdir(mode=0o700, exist_ok=True)
            for leftover in (self.control, *self.root.glob("*.log*"), *self.runtime.iterdir()):
                leftover.unlink(missing_ok=True)
        except OSError as error:
            raise SessionError(f"The session's folder {self.root} can't be written ({error.strerror}).") from None
        self._lock = lock

    def clear(self, *, keep_log: bool) -> None:
        """Remove what the session wrote here, the secrets first; with `keep_log`, its logs stay."""
        for path in (self.token, self.config, self.control):
            path.unlink(missing_ok=True)
        for folder in (self.runtime, self.data, self.ssh):
            shutil.rmtree(folder, ignore_errors=True)
        if not keep_log:
            shutil.rmtree(self.root, ignore_errors=True)

    def tmux_environment(self) -> dict[str, str]:
        """Return the variables that make tmux use the right socket.

        In a job, that is the default one, so that a plain `tmux attach` finds the session. Elsewhere it is one of our
        own, because the default may belong to the user's other tmux, outside the container.
        """
        return {} if self._in_job else {"TMUX_TMPDIR": str(self.root)}

    def write_private(self, path: Path, text: str) -> None:
        """Write a 0600 file at once: a reader sees the old text or the new one, never a part."""
        write_atomically(path, text, mode=0o600)
