"""Where this DAG is, and how its user is told: a line in its history, and a command of the user's."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

#: Seconds that the user's command may take.
PATIENCE = 60


def dag() -> Path:
    """Return the path of the DAG that this runs for: `jupyter.dag`. DAGMan says it in the environment."""
    if "_CONDOR_DAGMAN_LOG" not in os.environ:
        raise SystemExit("This is a part of jupyter.dag, and run by DAGMan: condor_submit_dag jupyter.dag")
    return Path(os.environ["_CONDOR_DAGMAN_LOG"].removesuffix(".dagman.out"))


def nodes_log() -> Path:
    """Return DAGMan's log of the jobs."""
    return Path(f"{dag()}.nodes.log")


def format_now() -> str:
    """Return the time as event logs have it."""
    return time.strftime("%Y-%m-%d %H:%M:%S")


def notify_user(state: str, sentence: str, at: str) -> bool:
    """Write a line into the history and run the user's command; nothing where that line is there already.

    So what is started anew after the access point was down tells nothing twice. Returns whether it was told.
    """
    history = Path(f"{dag()}.history")
    line = f"{at}  {state}: {one_line(sentence)}\n"
    if history.exists() and line in history.read_text(errors="replace"):
        return False
    with history.open("a") as lines:
        lines.write(line)
    _run_notify(history.parent, state, one_line(sentence))
    return True


def one_line(text: str) -> str:
    """Return a text with nothing in it that could break a line or a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _run_notify(folder: Path, state: str, sentence: str) -> None:
    """Run `./notify STATE SENTENCE`, if there is one; what it is told are words, never a shell's text."""
    command = folder / "notify"
    if not command.is_file() or not os.access(command, os.X_OK):
        return
    words = ["timeout", "--kill-after=5", str(PATIENCE), str(command), state, sentence]
    null = subprocess.DEVNULL
    with subprocess.Popen(words, cwd=folder, stdin=null, stdout=null, stderr=null) as process:
        try:
            process.wait()
        finally:
            process.terminate()  # `timeout` takes what it runs along
