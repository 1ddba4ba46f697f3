"""Write what an image has of JupyterLab to an archive that works on any Linux: `python -m ... ARCHIVE`.

The programs that a session needs, their libraries, and Python go to one folder, and the programs look for their
libraries there. So the image that the archive is unpacked in may be of another distribution, older or newer, and need
not have a Python. `attach.sh` then makes links for what that image lacks.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

PREFIX = Path(sys.prefix)
#: Where the programs are, each at its own place below.
SYSTEM = PREFIX / "system"
LIBRARIES = SYSTEM / "lib"
#: Changes where a program looks for its libraries.
_PATCHELF = PREFIX / "bin" / "patchelf"
#: What a session runs, and what people want in a terminal.
_PROGRAMS = (
    *("bash", "tmux", "infocmp", "git", "less", "ps", "pgrep", "pkill", "top", "curl", "rsync", "zstd"),
    *("ssh", "scp", "sftp", "ssh-add", "ssh-agent", "ssh-keygen", "ssh-keyscan", "sshd"),
)
#: What these programs read or run, where they look for it.
_DATA = (
    *("/usr/lib/git-core", "/usr/share/git-core", "/usr/lib/openssh", "/usr/lib/terminfo", "/usr/share/terminfo"),
    *("/usr/lib/ssl", "/etc/ssl/certs/ca-certificates.crt", "/etc/tmux.conf", "/etc/profile.d/jupyter-session.sh"),
)
#: Libraries that are loaded by name.
_LOADED = ("libnss_wrapper.so",)
#: What packages for Python may need, if they were built to run anywhere (PEP 600). Loaded with Python, they are ours in
#: each of them; the base's own could be of another libc.
_WITH_PYTHON = (
    *("libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0", "libutil.so.1", "libresolv.so.2"),
    *("libgcc_s.so.1", "libstdc++.so.6", "libz.so.1"),
)
#: Of /usr/local/bin: what else is there may be of the image's own base.
_COMMANDS = (
    *("jupyter", "jupyter-lab", "jupyter-session", "tmux"),
    *("apt", "apt-get", "conda", "mamba", "micromamba"),
)
_LINE = re.compile(r"(?:=> )?(/\S+) \(0x")


def parse_ldd(shown: str) -> list[Path]:
    r"""Return the libraries that `ldd` lists, the loader among them.

    >>> parse_ldd("linux-vdso.so.1 (0x7f)\n\tlibm.so.6 => /lib/libm.so.6 (0x7f)\n\t/lib64/ld.so.2 (0x7f)")
    [PosixPath('/lib/libm.so.6'), PosixPath('/lib64/ld.so.2')]
    """
    return [Path(found) for found in _LINE.findall(shown)]


def is_elf(path: Path) -> bool:
    """Return whether a file is a program or a library."""
    try:
        with path.open("rb") as opened:
            return opened.read(4) == b"\x7fELF"
    except OSError:
        return False


def main() -> int:
    """Write the archive; return the exit status."""
    archive = Path(sys.argv[1])
    LIBRARIES.mkdir(parents=True)
    interpreter = Path(os.path.realpath(sys.executable))
    programs = [Path(found) for name in _PROGRAMS if (found := shutil.which(name, path="/usr/sbin:/usr/bin"))]
    for source in (*programs, interpreter, *map(Path, _DATA), Path(sysconfig.get_path("stdlib"))):
        _copy(source)
    _bind_programs(SYSTEM / interpreter.relative_to("/"))
    _rebase_environment(interpreter)
    shutil.copy(Path(__file__).with_name("attach.sh"), SYSTEM)
    for name in _COMMANDS:
        target = SYSTEM / "usr/local/bin" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(Path("/usr/local/bin", name), target, follow_symlinks=False)
    with tarfile.open(archive, "w") as written:
        written.add(PREFIX)
    return 0


def _copy(source: Path) -> None:
    """Copy a file or a folder to its place in SYSTEM; a link at its top becomes what it leads to."""
    if not source.exists():
        return
    target = SYSTEM / source.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    real = Path(os.path.realpath(source))
    if real.is_dir():
        shutil.copytree(real, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(real, target)


def _bind_programs(interpreter: Path) -> None:
    """Copy all libraries, and have the programs look for them, and for their loader, where they are now."""
    files = [path for path in SYSTEM.rglob("*") if not path.is_symlink() and is_elf(path)]
    loaders = set()
    for library in _list_libraries(files):
        shutil.copy2(library, LIBRARIES / library.name)
        if library.name.startswith("ld-linux"):
            loaders.add(LIBRARIES / library.name)
    (loader,) = loaders
    extra = [word for name in _WITH_PYTHON for word in ("--add-needed", name)]
    for path in files:
        if _has_loader(path):
            more = extra if path == interpreter else []
            change = ["--set-interpreter", str(loader), "--force-rpath", "--set-rpath", str(LIBRARIES), *more]
            subprocess.run([_PATCHELF, *change, path], check=True)


def _has_loader(path: Path) -> bool:
    """Return whether a file is a program that wants a loader, and not a library."""
    asked = subprocess.run([_PATCHELF, "--print-interpreter", path], check=False, capture_output=True)
    return asked.returncode == 0


def _list_libraries(files: Iterable[Path]) -> Iterator[Path]:
    """Yield the libraries that files need, and those that are loaded by name, each once."""
    known: set[str] = set()
    named = [path for name in (*_LOADED, *_WITH_PYTHON) for path in sorted(Path("/usr/lib").glob(f"*/{name}"))[:1]]
    for file in (*files, *named):
        done = subprocess.run(["ldd", file], check=False, capture_output=True, text=True)
        for library in (*parse_ldd(done.stdout), *([file] if file in named else [])):
            if library.name not in known:
                known.add(library.name)
                yield library


def _rebase_environment(interpreter: Path) -> None:
    """Have JupyterLab's environment use the Python that is in SYSTEM now."""
    home = SYSTEM / interpreter.parent.relative_to("/")
    config = PREFIX / "pyvenv.cfg"
    text = re.sub(r"^home = .*$", f"home = {home}", config.read_text(), flags=re.MULTILINE)
    config.write_text(re.sub(r"^executable = .*$", f"executable = {home / interpreter.name}", text, flags=re.MULTILINE))
    for name in ("python", "python3", interpreter.name):
        link = PREFIX / "bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(home / interpreter.name)


if __name__ == "__main__":
    raise SystemExit(main())
