"""The lints that ci/test runs, and the one that no tool has: the subjects of commits."""

from __future__ import annotations

import subprocess
import sys

from testbed.artifacts import venv

#: Commands, by the names of the checks.
ALL = {
    "ruff format": ["ruff", "format", "--check", "."],
    "ruff check": ["ruff", "check", "--output-format=concise", "."],
    "mypy": ["mypy"],
    "import-linter": ["lint-imports", "--no-cache"],
    "codespell": ["codespell"],
    "shellcheck": ["python", "-m", "testbed.verbs.lints", "shell"],
    "commit subjects": ["python", "-m", "testbed.verbs.lints", "subjects"],
}
#: Subjects are checked from this commit on: those before it follow no rule.
FROM = "ca6624a"
WIDTH = 72


def commit() -> str:
    """Return the short name of the commit that is checked out; "?" without git."""
    return _git("rev-parse", "--short", "HEAD").strip() or "?"


def shell_files() -> list[str]:
    """Return the files of the repository that are shell programs, by name or by first line."""
    files = [name for name in _git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0") if name]
    return [name for name in files if name.endswith(".sh") or _is_shell(name)]


def bad_subjects(log: str) -> list[str]:
    r"""Return what is wrong with the subjects of commits, one ``HASH SUBJECT`` a line.

    >>> bad_subjects("abc1234 Add a lint\nabc1235 " + "Add " * 20)
    ['abc1235: the subject has 79 columns, 72 fit: write it shorter.']
    """
    found = [line.strip().partition(" ") for line in log.splitlines() if line]
    return [
        f"{name}: the subject has {len(subject)} columns, {WIDTH} fit: write it shorter."
        for name, _, subject in found
        if len(subject) > WIDTH
    ]


def main(lint: str) -> int:
    """Run one of the lints; return its exit status."""
    if lint == "shell":
        files = shell_files()
        return subprocess.run(["shellcheck", *files], cwd=venv.CHECKOUT, check=False).returncode if files else 0
    bad = bad_subjects(_git("log", "--no-merges", "--format=%h %s", f"{FROM}..HEAD"))
    print("\n".join(bad))
    return 1 if bad else 0


def _is_shell(name: str) -> bool:
    path = venv.CHECKOUT / name
    if not path.is_file():
        return False
    with path.open("rb") as file:
        first = file.readline(100)
    return first.startswith(b"#!") and first.split()[-1].rpartition(b"/")[2] in (b"sh", b"bash", b"dash")


def _git(*arguments: str) -> str:
    """Return what git prints; nothing where there is no git, no clone, or no such commit."""
    argv = ["git", "-c", "safe.directory=*", *arguments]
    try:
        return subprocess.run(argv, cwd=venv.CHECKOUT, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
