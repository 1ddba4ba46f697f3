"""The session's private folder: where its parts and the user's commands find each other."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from jupyter_session.errors import SessionError

_LONGEST_SOCKET = 107  # bytes of sun_path


class StateDir:
    """A 0700 folder of the job's user under /tmp, and the names of what lies in it.

    /tmp, since a job has one of its own and Unix sockets need short paths (107 bytes). The name holds the user and
    the job, so that a /tmp that is shared after all keeps sessions apart.
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

    @classmethod
    def locate(cls, environ: Mapping[str, str], job_id: str | None) -> StateDir:
        """Return the folder of this user's session in this job, there or not yet."""
        root = environ.get("JUPYTER_SESSION_DIR")
        name = f"jupyter-session-{os.getuid()}" + (f"-{job_id}" if job_id else "")
        return cls(Path(root) if root else Path("/tmp") / name, in_job=job_id is not None)  # noqa: S108 - see create()

    def create(self) -> int:
        """Make the folder and take its lock; return the lock's descriptor, to be kept open while the session lives.

        SessionError when another user owns the folder, a session lives in it, or it can't be written.
        """
        if len(os.fsencode(self.control)) > _LONGEST_SOCKET:
            raise SessionError(
                f"JUPYTER_SESSION_DIR {str(self.root)!r} is too long for a socket: name a shorter folder."
            )
        try:
            self.root.mkdir(mode=0o700, exist_ok=True)
            about = self.root.lstat()
            if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
                raise SessionError(
                    f"{self.root} belongs to someone else: set JUPYTER_SESSION_DIR to a folder of yours."
                )
            self.root.chmod(0o700)
            lock = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                raise SessionError(
                    "A session runs here already: see `jupyter-session url`, or end it with `jupyter-session stop`."
                ) from None
            for folder in (self.runtime, self.data, self.ssh):
                folder.mkdir(mode=0o700, exist_ok=True)
            for leftover in (self.control, self.log, *self.runtime.iterdir()):
                leftover.unlink(missing_ok=True)
        except OSError as error:
            raise SessionError(f"The session's folder {self.root} can't be written: {error.strerror}.") from None
        return lock

    def clear(self, *, keep_log: bool) -> None:
        """Remove what the session wrote here, the secrets first; the server's log stays if it is still of use."""
        for path in (self.token, self.config, self.control):
            path.unlink(missing_ok=True)
        for folder in (self.runtime, self.data, self.ssh):
            shutil.rmtree(folder, ignore_errors=True)
        if not keep_log:
            shutil.rmtree(self.root, ignore_errors=True)

    def tmux_environment(self) -> dict[str, str]:
        """Return what makes tmux use the right socket.

        In a job the default one, so that a plain `tmux attach` finds the session; elsewhere one of our own, since
        the default may be that of the user's other tmux, outside the container.
        """
        return {} if self._in_job else {"TMUX_TMPDIR": str(self.root)}

    def write_private(self, path: Path, text: str) -> None:
        """Write a 0600 file at once: a reader sees the old text or the new one, never a part."""
        beside = path.with_name(f".{path.name}.new")
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        beside.replace(path)
