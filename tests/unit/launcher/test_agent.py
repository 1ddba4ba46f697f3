"""The agent's protocol: whatever is sent, it answers, stays small, and leaves nothing behind."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chtc_jupyter.ssh import agent as agent_module
from chtc_jupyter.ssh import entry
from chtc_jupyter.ssh.agent import LONGEST, RefusedError, decode, name_python
from support.waiting import wait_for


class Agent:
    """An agent that runs here."""

    def __init__(self, folder: Path, patience: int = 30, log: str = "") -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, agent_module.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        reaper = entry.read_script("end_agent.sh")
        first = {"folder": str(folder), "patience": patience, "reaper": reaper, "log": log}
        self.write(json.dumps(first).encode())
        self.hello = self.read()

    def write(self, line: bytes) -> None:
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def read(self):
        return json.loads(self.process.stdout.readline())

    def ask(self, number, do, **fields):
        self.write(json.dumps({"id": number, "do": do, **fields}).encode())
        return self.read()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def memory(self) -> int:
        """Return its resident memory in KB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])


@pytest.fixture
def agent(tmp_path):
    running = Agent(tmp_path / "agent")
    yield running
    running.close()


def malformed(chance: random.Random) -> bytes:
    """Return a line that is no request, of one of many kinds."""
    junk = bytes(chance.randrange(256) for _ in range(chance.randrange(60))).replace(b"\n", b"")
    valid = {
        "id": chance.randrange(9),
        "do": chance.choice(["run", "tail", "read", "write", "follow", "list", "cancel"]),
    }
    values = [None, True, -1, 1e99, "", "\0", "\ud800", [], {}, [1], ["\0"], "x" * 5000, {"a": []}]
    for name in ("argv", "path", "text", "input", "timeout", "target", "cwd"):
        if chance.random() < 0.5:
            valid[name] = chance.choice(values)
    broken = json.dumps(valid).encode()
    return chance.choice([
        junk, b"{" * chance.randrange(2000), b"[]", b"null", b"1e999", b'{"id": 1}', b'{"id": "x", "do": 1}',
        b'{"id": 1, "do": "__init__"}', b'{"id": 1, "do": "send"}', b'{"do": "ping"}', broken[: chance.randrange(40)],
        json.dumps({"id": 1, "do": chance.choice(values)}).encode(), b"[" * 100000,
    ])  # fmt: skip


def test_ten_thousand_malformed_lines_are_answered_without_growth(agent):
    chance = random.Random(4)  # noqa: S311
    for _ in range(200):
        agent.write(malformed(chance))
        assert "error" in agent.read()
    before = agent.memory()
    for _ in range(10_000):
        agent.write(malformed(chance))
        assert "error" in agent.read()
    assert agent.memory() < before + 2048
    assert agent.ask(7, "ping") == {"id": 7}


def test_requests_with_wrong_fields_are_refused_and_harmless(agent):
    for fields in (
        {"argv": "ls"}, {"argv": []}, {"argv": [1]}, {"argv": ["a\0b"]}, {"argv": ["/none"]},
        {"argv": ["true"], "cwd": "/no"},
        {"argv": ["true"], "timeout": "x"}, {"argv": ["true"], "input": 5}, {"argv": ["sleep", "9"], "timeout": 0.1},
    ):  # fmt: skip
        assert "error" in agent.ask(1, "run", **fields)
    assert "error" in agent.ask(1, "read", path="/none")
    assert "error" in agent.ask(1, "write", path="/proc/none/x", text="")
    assert agent.ask(2, "run", argv=["echo", "$HOME", "a b"])["out"] == "$HOME a b\n"


def test_line_beyond_the_limit_is_refused_and_the_next_one_understood(agent):
    agent.write(b'{"id": 1, "do": "ping", "x": "' + b"x" * (3 * LONGEST) + b'"}')
    assert "too long" in agent.read()["error"]
    assert agent.ask(2, "ping") == {"id": 2}
    with pytest.raises(RefusedError):
        decode(b"x" * (LONGEST + 1))


def test_file_that_grows_is_told_line_by_line(agent, tmp_path):
    log = tmp_path / "log"
    agent.write(json.dumps({"id": 1, "do": "tail", "path": str(log)}).encode())
    log.write_text("one\ntwo")
    assert agent.read() == {"id": 1, "lines": ["one"], "more": False}
    with log.open("a") as file:
        file.write("\n")
    assert agent.read() == {"id": 1, "lines": ["two"], "more": False}
    assert agent.ask(2, "cancel", target=1) == {"id": 2}
    assert agent.read() == {"id": 1, "status": 0}


def test_what_a_followed_command_started_ends_with_it(agent):
    mark = str(time.time_ns())
    agent.write(json.dumps({"id": 1, "do": "follow", "argv": ["sh", "-c", f"sleep {mark} & echo; wait"]}).encode())
    assert agent.read() == {"id": 1, "line": ""}
    assert agent.ask(2, "cancel", target=1) == {"id": 2}
    wait_for(lambda: mark not in commands(), 20, "everything to be gone")


def running(word):
    """Return the processes that have a word in their command lines, whoever their parents are."""
    return subprocess.run(["pgrep", "-f", word], capture_output=True, text=True, check=False).stdout.split()


LEAN = "echo >$TMP/key; sh -c 'read wait <$0; echo up; exec sleep {0}' $1 & echo $! >&2; exec sleep {1}"


def test_lean_command_is_ended_once_its_child_prints_and_the_child_ends_with_the_request(agent, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    waits, sleeps = f"{os.getpid()}.11", f"{os.getpid()}.22"
    agent.write(json.dumps({"id": 7, "do": "follow", "lean": True,
        "argv": ["sh", "-c", LEAN.format(sleeps, waits), "sh", str(pipe)]}).encode())  # fmt: skip
    wait_for(lambda: running(f"sleep {waits}") and list(agent.folder.glob("*/key")), 20, "the command to wait")
    pipe.write_text("go\n")
    assert agent.read() == {"id": 7, "line": "up"}
    wait_for(lambda: not running(f"sleep {waits}") and running(f"sleep {sleeps}"), 20, "the child to be alone")
    wait_for(lambda: not list(agent.folder.glob("*/key")), 20, "the folder of the command to go")
    assert agent.ask(8, "cancel", target=7) == {"id": 8}
    assert agent.read()["status"] == 255
    wait_for(lambda: not running(f"sleep {sleeps}"), 20, "the child to end")


def test_lean_command_whose_child_does_not_print_is_left(agent):
    agent.write(json.dumps({"id": 7, "do": "follow", "lean": True, "argv": ["sh", "-c", "exit 3"]}).encode())
    assert agent.read() == {"id": 7, "status": 3, "err": ""}


def test_command_may_be_the_program_that_runs_the_agent_and_its_arguments_are_taken_as_they_are(agent):
    code = "import sys; print(sys.executable, sys.argv[1:])"
    done = agent.ask(7, "run", argv=["{python}", "-c", code, "{python}", "a{folder}{python}"])
    assert done["out"] == f"{sys.executable} ['{{python}}', 'a{{folder}}{{python}}']\n"


def test_program_that_runs_the_agent_is_named_so_that_no_shell_reads_it_otherwise(tmp_path, monkeypatch):
    assert name_python(str(tmp_path)) == sys.executable
    odd = tmp_path / "odd 'one'"
    odd.symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(odd))
    plain = name_python(str(tmp_path))
    assert plain == f"{tmp_path}/python"
    assert subprocess.run([plain, "-IS", "-c", "print(1)"], capture_output=True, text=True, check=True).stdout == "1\n"


@pytest.mark.parametrize("end", ["its input", "a kill", "a silent launcher"])
def test_nothing_of_it_is_left_whatever_ends_it(tmp_path, end):
    agent = Agent(tmp_path / "agent", patience=2 if end == "a silent launcher" else 30)
    assert (tmp_path / "agent").stat().st_mode & 0o777 == 0o700
    mark = str(time.time_ns())
    agent.write(json.dumps({"id": 1, "do": "follow", "argv": ["sh", "-c", f"sleep {mark} & echo; wait"]}).encode())
    assert agent.read() == {"id": 1, "line": ""}
    if end == "its input":
        agent.process.stdin.close()
    elif end == "a kill":
        agent.process.kill()
    agent.process.wait(20)
    agent.close()
    wait_for(lambda: mark not in commands() and not (tmp_path / "agent").exists(), 20, "everything to be gone")


def test_a_folder_that_is_there_is_not_taken(tmp_path):
    agent = Agent(tmp_path)
    assert "File exists" in agent.hello["error"]
    assert tmp_path.exists()
    agent.close()


def test_the_agent_logs_what_it_does_for_a_launcher_that_asks_and_never_arguments_or_output(tmp_path):
    agent = Agent(tmp_path / "agent", log="debug")
    try:
        lines = [agent.read()]
        agent.write(
            json.dumps({"id": 1, "do": "run", "argv": ["sh", "-c", "cat; echo s3cret"], "input": "s3cret"}).encode()
        )
        while "status" not in lines[-1]:
            lines.append(agent.read())
        agent.write(json.dumps({"id": 2, "do": "read", "path": str(tmp_path / "none")}).encode())
        lines += [agent.read(), agent.read()]
    finally:
        agent.close()
    logged = [line["text"] for line in lines if line.get("log") == "debug"]
    assert "s3cret" not in str(logged)
    assert "request 1: sh exited with 0" in logged
    assert any(text.startswith("request 2: FileNotFoundError") for text in logged)


def test_the_agent_logs_nothing_for_a_launcher_that_does_not_ask(agent):
    assert agent.ask(1, "run", argv=["true"]) == {"id": 1, "status": 0, "out": "", "err": ""}


def commands() -> str:
    return subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
