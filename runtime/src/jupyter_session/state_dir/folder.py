"""The names of what lies in a session's private folder, its lock, and its end."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import stat
import string
from pathlib import Path

from jupyter_session.errors import SessionError
from jupyter_session.files import write_atomically
from jupyter_session.state_dir.identity import Identity

#: Where state folders are: a job usually has a /tmp of its own, and Unix sockets need short paths.
TMP = Path("/tmp")  # noqa: S108 - what is made there is 0700, or refused
_LONGEST_SOCKET = 107  # bytes of sun_path
_SOCKETS = "js"
_ALPHABET = string.ascii_lowercase + string.digits


class TakenError(SessionError):
    """The folder belongs to another user, or to a session that runs."""


class StateDir:
    """A 0700 folder of the session's user, and the names of what lies in it.

    `sockets` is a second folder with a very short name, for the sockets of kernels. Some kernels can't read a path
    longer than 25 bytes. `in_job`: the session is an HTCondor job.
    """

    def __init__(self, root: Path, *, in_job: bool) -> None:
        self.root = root
        self.in_job = in_job
        self.control = root / "control"
        self.extension = root / "extension"  # the socket of our server extension
        self.token = root / "token"
        self.config = root / "jupyter_config.json"
        self.runtime = root / "runtime"
        self.data = root / "data"
        self.ssh = root / "ssh"
        self.log = root / "lab.log"
        self.supervisor_log = root / "supervisor.log"
        self.received = root / "received.json"
        self.journal = root / "journal"
        self.identity_file = root / "session.json"
        self.sockets = root / "sockets"
        self.tmux_socket = root / f"tmux-{os.getuid()}" / "default"  # where TMUX_TMPDIR leads tmux
        self.id = ""
        self.has_sibling = False  # whether another session runs in the same job
        self._lock: int | None = None

    def create(self, *, job: str = "", scratch: str = "", notebooks: str = "") -> None:
        """Make the folder and lock it for as long as this process, or one forked from it, lives.

        What an earlier session left in it is removed. Raises TakenError if another user owns the folder or a session
        lives in it, and SessionError if it can't be written.
        """
        if max(len(os.fsencode(socket)) for socket in (self.control, self.tmux_socket)) > _LONGEST_SOCKET:
            raise SessionError(f"JUPYTER_SESSION_DIR {str(self.root)!r} is too long for a socket. Use a shorter path.")
        try:
            if not _make_private(self.root):
                raise TakenError(f"{self.root} belongs to another user. Set JUPYTER_SESSION_DIR to a folder of yours.")
            self._lock = _lock(self.root / "lock")
            self._remove_leftovers()
            for folder in (self.runtime, self.data, self.ssh, self.tmux_socket.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
            self.sockets = _make_short_folder(TMP if TMP.is_dir() else self.root)
            self.id = os.urandom(8).hex()
            Identity(self.id, job, scratch, notebooks, str(self.sockets)).write(self.identity_file)
        except OSError as error:
            raise SessionError(f"The session's folder {self.root} can't be written ({error.strerror}).") from None

    def clear(self, *, keep_log: bool) -> None:
        """Remove what the session wrote here, the secrets first; with `keep_log`, its logs stay."""
        for path in (self.token, self.config, self.control, self.extension):
            path.unlink(missing_ok=True)
        for folder in (self.runtime, self.data, self.ssh, self.sockets, self.tmux_socket.parent):
            shutil.rmtree(folder, ignore_errors=True)
        if not keep_log:
            shutil.rmtree(self.root, ignore_errors=True)

    def hand_on_lock(self) -> None:
        """Let the program that this process becomes keep the folder locked, too."""
        if self._lock is not None:
            os.set_inheritable(self._lock, True)

    def environment(self) -> dict[str, str]:
        """Return the variables by which every process of the session is known as its own, and finds its tmux.

        The default socket of tmux may belong to another session of this account, or to the user's own tmux.
        """
        return {"JUPYTER_SESSION_ID": self.id, **self.tmux_environment()}

    def tmux_environment(self) -> dict[str, str]:
        """Return the variables that make tmux use the session's socket."""
        return {"TMUX_TMPDIR": str(self.root)}

    def write_private(self, path: Path, text: str) -> None:
        """Write a 0600 file at once: a reader sees the old text or the new one, never a part."""
        write_atomically(path, text, mode=0o600)

    def _remove_leftovers(self) -> None:
        earlier = Identity.read(self.identity_file)
        if earlier and Path(earlier.sockets).name.startswith(_SOCKETS) and is_private(Path(earlier.sockets)):
            shutil.rmtree(earlier.sockets, ignore_errors=True)
        for folder in (self.runtime, self.data, self.ssh):
            shutil.rmtree(folder, ignore_errors=True)
        sockets, files = (self.control, self.extension), (self.token, self.config, self.received, self.journal)
        for path in (*sockets, *files, *self.root.glob("*.log*")):
            path.unlink(missing_ok=True)


def is_private(folder: Path) -> bool:
    """Return whether this is a folder, and no link, of this user that no other user can enter."""
    try:
        about = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid() and not about.st_mode & 0o077


def _make_private(folder: Path) -> bool:
    """Make a 0700 folder, or make one of this user's 0700; return False if what is there is not this user's."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        about = folder.lstat()
        if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
            return False
        try:
            folder.chmod(0o700)
        except PermissionError:  # in a user namespace, the folders of all other users seem to be nobody's
            return False
    return True


def _lock(path: Path) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise TakenError(
            "A session is already running here: use `jupyter-session url`, or `jupyter-session stop` to end it."
        ) from None
    return lock


def _make_short_folder(parent: Path) -> Path:
    """Make a new 0700 folder with a short name that nobody can foresee. `tempfile.mkdtemp` makes longer ones."""
    while True:
        folder = parent / f"{_SOCKETS}{''.join(random.SystemRandom().choices(_ALPHABET, k=6))}"
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return folder
