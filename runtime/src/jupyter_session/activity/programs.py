"""What a command line is: its name for a person, whether it only monitors, and whether it is part of the session."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

#: Programs that only show something, with all that they start. If left running, they print forever.
MONITORS = frozenset(
    (
        *("watch", "top", "htop", "btop", "atop", "glances", "iotop", "iftop", "nethogs", "vmstat", "iostat", "dstat"),
        *("nvidia-smi", "nvtop", "nvitop", "gpustat", "rocm-smi", "amdgpu_top", "intel_gpu_top", "tegrastats"),
        *("tail", "less", "more", "man", "journalctl", "dmesg", "ping", "mtr", "condor_watch_q"),
        *("tensorboard", "tensorboard.main", "visdom", "visdom.server"),
    )
)

#: Those that Python runs; a script of the user's own may have the name of any other.
_IN_PYTHON = frozenset(
    ("glances", "nvitop", "gpustat", "dstat", "tensorboard", "tensorboard.main", "visdom", "visdom.server")
)

#: Programs that run a script, and their options that take a value.
_INTERPRETERS = {
    "python": ("-W", "-X", "--check-hash-based-pycs"),
    "pypy": ("-W", "-X"),
    "bash": ("-o", "-O", "--rcfile", "--init-file"),
    **dict.fromkeys(("sh", "dash", "zsh"), ("-o",)),
    **dict.fromkeys(("perl", "ruby", "node", "julia", "Rscript", "env"), ()),
}

#: The session's own programs, as Python runs them.
_OURS = frozenset(
    (
        *("jupyter-session", "jupyter_session", "jupyter_session.tmux.terminal"),
        *("wait_for_supervisor.py", "jupyter_session.session.sudden_end"),
    )
)

_SHELLS = frozenset(("sh", "bash", "dash", "zsh", "fish", "ksh", "tcsh", "csh"))


def split_name(argv: Sequence[str]) -> tuple[str, ...]:
    """Return the program as a person would name it: ("top",), ("python", "train.py"), or ("python", "-m", "pip").

    Other arguments are left out: they may contain a secret, and the name is shown in the job ad.
    """
    # sshd replaces its arguments by text such as `sshd-session: jupyter@pts/0`.
    name = PurePath(argv[0].lstrip("-").partition(": ")[0] if argv else "").name
    kind = name.rstrip("0123456789.")
    if kind not in _INTERPRETERS:
        return (name,)
    rest = iter(argv[1:])
    for word in rest:
        if kind in ("python", "pypy") and word == "-m":
            return kind, "-m", next(rest, "")
        if word in ("-c", "-e", "-"):
            break
        if word in _INTERPRETERS[kind]:
            next(rest, "")
        elif not word.startswith("-") and "=" not in word:
            return kind, PurePath(word).name
    return (kind,)


def format_label(argv: Sequence[str], longest: int = 40) -> str:
    """Return the name on one line of printable characters, cut if it is too long."""
    text = "".join(c if c.isprintable() else "?" for c in " ".join(split_name(argv)))
    return text if len(text) <= longest else text[: longest - 1] + "…"


def is_monitor(argv: Sequence[str]) -> bool:
    """Return whether a program only shows what others do."""
    name = split_name(argv)
    if len(name) == 1:
        return name[0] in MONITORS
    return name[0] in ("python", "pypy") and name[-1].removesuffix(".py") in _IN_PYTHON


def is_shell(argv: Sequence[str]) -> bool:
    """Return whether this is a shell that waits for a person, or for what it started, and runs no script."""
    return len(split_name(argv)) == 1 and split_name(argv)[0] in _SHELLS


def is_ours(argv: Sequence[str]) -> bool:
    """Return whether this is part of the session, wherever it was started: its commands, tmux, or a tunnel."""
    named = split_name(argv)
    return (
        named[-1] in _OURS
        or named[0] in ("tmux", "tmux:", "tmux: server", "tmux: client")
        or named[0].startswith(("sshd", "condor_"))
    )
