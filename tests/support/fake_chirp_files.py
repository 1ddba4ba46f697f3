"""A folder of this machine in place of the access point's: what `ChirpClient` does, without HTCondor."""

import os
import stat
from pathlib import Path

from jupyter_session.condor.chirp import AnswerError, ChirpError
from jupyter_session.condor.file_stat import FileStat

_CODES = {
    "PermissionError": -2,
    "FileNotFoundError": -3,
    "FileExistsError": -4,
    "IsADirectoryError": -13,
    "NotADirectoryError": -14,
}


def answered(method):
    def call(self, *words):
        self.calls.append((method.__name__, *words))
        try:
            answer = method(self, *words)
        except OSError as error:
            raise AnswerError(_CODES.get(type(error).__name__, -127)) from error
        finally:
            if self.left is not None:  # what the request asks for is done, and its answer is lost
                self.left -= 1
                if self.left < 0:
                    raise ChirpError("chirp does not answer")
        return answer

    return call


class FakeChirpFiles:
    """Files below `root`. `room` is the bytes that fit in all; `cut_after` loses the answers."""

    def __init__(self, root):
        self.root = Path(root)
        self.calls = []
        self.left = None
        self.room = 1 << 40

    def cut_after(self, count):
        """Answer so many requests more (None: all) and then no longer, though one more is done."""
        self.left = count

    def close(self):
        pass

    def limit_time(self, seconds):
        pass

    def _at(self, path):
        return self.root / path

    def _about(self, about):
        return FileStat(about.st_mode, about.st_size, about.st_ino, int(about.st_mtime), int(about.st_ctime))

    @answered
    def lstat(self, path):
        return self._about(os.lstat(self._at(path))) if os.path.lexists(self._at(path)) else None

    @answered
    def stat(self, path):
        return self._about(self._at(path).stat()) if self._at(path).exists() else None

    @answered
    def list_folder(self, folder):
        return {path.name: self._about(path.stat()) for path in self._at(folder).iterdir()}

    @answered
    def create(self, path, mode):
        return os.open(self._at(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)

    @answered
    def write(self, descriptor, data):
        assert data
        if self.room < len(data):
            raise AnswerError(-6)
        self.room -= len(data)
        os.write(descriptor, data)

    @answered
    def flush(self, descriptor):
        os.fsync(descriptor)

    @answered
    def close_file(self, descriptor):
        os.close(descriptor)

    @answered
    def chmod(self, path, mode):
        self._at(path).chmod(mode)

    @answered
    def rename(self, path, to):
        self._at(path).replace(self._at(to))

    @answered
    def remove(self, path):
        self._at(path).unlink(missing_ok=True)

    @answered
    def make_folder(self, path):
        self._at(path).mkdir()

    @answered
    def remove_folder(self, path):
        self._at(path).rmdir()


def contents(folder, *, without=".jupyter-session"):
    """Return what lies below a folder: relative path to bytes, to None for a folder, to its target for a link."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        name = str(path.relative_to(folder))
        if name.partition("/")[0] == without:
            continue
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            found[name] = str(path.readlink())
        elif stat.S_ISREG(mode):
            found[name] = path.read_bytes()
        elif stat.S_ISDIR(mode):
            found[name] = None
    return found
