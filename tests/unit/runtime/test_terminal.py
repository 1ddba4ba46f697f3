"""What is typed reaches the program as it was typed; the terminal's answers do not."""

import contextlib
import os
import pty
import sys
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from jupyter_session.tmux import terminal
from jupyter_session.tmux.terminal import AnswerFilter
from support.waiting import wait_for

KEYS = st.lists(st.sampled_from([b"a", b"\x1b", b"\x1b[A", b"\x1b[8~", b"[8;", b"\x1b[<0;1;2M", b"t", b"\xc3\xa9"]))


def parts(data, cuts):
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(edges)]


@given(KEYS, KEYS, st.lists(st.integers(0, 200)))
def test_an_answer_is_taken_out_wherever_it_is_cut_and_nothing_else_is(before, after, cuts):
    before, after = b"".join(before), b"".join(after)
    typed, seen, sizes = AnswerFilter(), b"", []
    for part in parts(before + b"\x1b[8;21;77t" + after, cuts):
        out, size = typed.feed(part)
        seen += out
        sizes += [size] if size else []
    assert seen + typed.flush() == before + after
    assert sizes == [(21, 77)]


def test_a_lone_escape_is_kept_until_it_is_known_to_be_one():
    typed = AnswerFilter()
    assert typed.feed(b"\x1b") == (b"", None)
    assert typed.flush() == b"\x1b"
    assert typed.flush() == b""


def _has_ended(pid):
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def test_an_answer_that_comes_after_the_end_does_not_reach_the_next_program():
    program = f"{sys.executable} {terminal.__file__} sh -c 'echo pid:$$:; read _'"
    child, fd = pty.fork()
    if child == 0:
        os.execvp("sh", ["sh", "-c", f'{program}; echo again; read -r line; echo "got:<$line>"'])
    shown = b""

    def wait(words):
        nonlocal shown
        while words not in shown:
            shown += os.read(fd, 65536)

    wait(b"\x1b[18t")
    program = int(shown.split(b":")[1])
    os.write(fd, b"\n")
    wait_for(lambda: _has_ended(program), 10, "the program to end", every=0.01)
    os.write(fd, b"\x1b[8;21;77t")
    wait(b"again")
    os.write(fd, b"next\n")
    wait(b"got:<next>")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(fd)
