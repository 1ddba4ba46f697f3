"""What is typed reaches the program as it was typed; the terminal's answers do not."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from jupyter_session.tmux.terminal import AnswerFilter

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
