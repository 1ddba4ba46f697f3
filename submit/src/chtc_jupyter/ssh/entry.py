"""The access point's part of `ssh jupyter-JOB`: shell scripts, each folded into one line for a login shell.

The same lines are in submit/ssh_config, where ssh can't read them from a file: `python -m chtc_jupyter.ssh.entry FILE`
writes them there. A line stands in single quotes for any login shell (sh, fish, tcsh), and ssh expands percent signs.
"""

from __future__ import annotations

import importlib.resources
import re
import sys
from pathlib import Path

from chtc_jupyter.condor import job_ads
from chtc_jupyter.ssh import search_path

#: What a login shell or ssh would read within single quotes.
_FORBIDDEN = re.compile(r"['\\!%]")
#: Ends of lines after which a command goes on, so that no semicolon may follow.
_OPEN = ("{", "|", "&&", "||", "do", "then", "else")


def read_script(name: str) -> str:
    """Return a shell script of this package."""
    return importlib.resources.files("chtc_jupyter.ssh").joinpath("scripts", name).read_text(encoding="utf-8")


def fold_script(text: str) -> str:
    """Return a script as one line, without its comments. Raises ValueError if a line can't be quoted."""
    folded = ""
    for line in (line.strip() for line in text.splitlines()):
        if not line or line.startswith("#"):
            continue
        if _FORBIDDEN.search(line):
            raise ValueError(f"a login shell would read a character of this line: {line}")
        joint = "" if not folded else " " if folded.endswith(_OPEN) else "; "
        folded += joint + line
    return folded


#: The host key that a session has published since its job started.
_KEY_OF_THIS_RUN = f"ifThenElse({job_ads.OF_THIS_START}, JupyterHostKey, undefined)"
#: What finds `jupyter-session` in a job, for the shell there.
INTO_SESSION = fold_script(read_script("into_session.sh"))


def _read_entry(name: str) -> str:
    """Return a script with its parts in it; in INTO_SESSION, `${q}` is a dollar sign for the shell in the job."""
    text = fold_script(read_script(name))
    for part in ("add_folders", "find_condor", "ask_host_key"):
        text = text.replace(part.upper(), fold_script(read_script(f"{part}.sh")))
    text = text.replace("KEY_OF_THIS_RUN", _KEY_OF_THIS_RUN)
    return text.replace("INTO_SESSION", INTO_SESSION.replace("$", "${q}"))


#: Leads into a job, and prints a job's host key.
ENTER_JOB = _read_entry("enter_job.sh")
PRINT_HOST_KEY = _read_entry("print_host_key.sh")
#: Runs Python on the access point.
FIND_PYTHON = _read_entry("find_python.sh")
#: Opens the tmux of a session.
ATTACH_JOB = _read_entry("attach_job.sh")


#: The line before the input of a command that `build_command` returns: what is sent before it is skipped there.
GO = "go"


def build_command(job: str, key: str) -> str:
    """Return the command for the access point's login shell. `job` and `key` (`TYPE BASE64`) are plain characters."""
    return f"exec sh -c '{ENTER_JOB}' {job} {key} {GO}{search_path.render_words()}"


def build_attach_command(job: str) -> str:
    """Return the command for the access point's login shell that opens a session's tmux."""
    return f"exec sh -c '{ATTACH_JOB}' {job}{search_path.render_words()}"


def update_template(text: str) -> str:
    """Return submit/ssh_config with the present scripts in its RemoteCommand lines."""
    for arguments, script in ((f"'%n' PUBLIC_KEY {GO}", ENTER_JOB), ("'%n'", PRINT_HOST_KEY)):
        before, after = r"(RemoteCommand exec sh -c ')", rf"(' {arguments}\n)"
        parts = re.split(f"{before}[^']*{after}", text)
        text = "".join([parts[0], parts[1], script, *parts[2:]])
    return text


if __name__ == "__main__":
    template = Path(sys.argv[1])
    template.write_text(update_template(template.read_text()))
