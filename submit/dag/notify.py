"""Find the files of this DAG, and notify its user: by a line in its history, and by the user's own command."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

#: Seconds that the user's command may take.
PATIENCE = 60
#: Characters of a line.
LONGEST = 4000


def find_dag() -> Path:
    """Return the path of the DAG that runs this script, such as `jupyter.dag`, from DAGMan's environment."""
    if "_CONDOR_DAGMAN_LOG" not in os.environ:
        raise SystemExit("DAGMan runs this script as part of jupyter.dag: use condor_submit_dag jupyter.dag.")
    return Path(os.environ["_CONDOR_DAGMAN_LOG"].removesuffix(".dagman.out"))


def find_nodes_log() -> Path:
    """Return the path of DAGMan's log of the jobs."""
    return Path(f"{find_dag()}.nodes.log")


def format_now() -> str:
    """Return the time as event logs write it."""
    return time.strftime("%Y-%m-%d %H:%M:%S")


def notify_user(state: str, sentence: str, at: str) -> bool:
    """Write a line into the history and run the user's command, unless the history has the line already.

    So a script that starts again after the access point was down repeats nothing. Return whether the line was new.
    """
    history = Path(f"{find_dag()}.history")
    line = f"{format_line(at)}  {state}: {format_line(sentence)}\n"
    if history.exists() and line in history.read_text(errors="replace"):
        return False
    with history.open("a") as lines:
        lines.write(line)
    _run_notify(history.parent, state, format_line(sentence))
    return True


def format_line(text: str) -> str:
    """Return a text without anything that could break a line or a terminal."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 3]}..."


def _run_notify(folder: Path, state: str, sentence: str) -> None:
    """Run `./notify STATE SENTENCE` if it exists; its arguments never pass through a shell."""
    command = folder / "notify"
    if not command.is_file() or not os.access(command, os.X_OK):
        return
    argv = ["timeout", "--kill-after=5", str(PATIENCE), str(command), state, sentence]
    null = subprocess.DEVNULL
    with subprocess.Popen(argv, cwd=folder, stdin=null, stdout=null, stderr=null) as process:
        try:
            process.wait()
        finally:
            process.terminate()  # `timeout` ends what it runs too
