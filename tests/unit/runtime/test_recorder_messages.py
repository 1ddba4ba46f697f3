"""Which messages of a kernel a page still needs, and by which way each comes."""

import json

import pytest

from jupyter_session.recorder.backlog import Backlog
from jupyter_session.recorder.cell_outputs import CellOutputs
from jupyter_session.recorder.outgoing import Outgoing
from jupyter_session.recorder.same_outputs import has_same
from jupyter_session.recorder.server_buffer import trim
from jupyter_session.recorder.stream_text import StreamText
from jupyter_session.recorder.subscription import read_cause


def make(name, request="r", kind="execute_request"):
    header = {"msg_id": name, "msg_type": "stream", "session": "k"}
    return [json.dumps(part).encode() for part in (header, {"msg_id": request, "msg_type": kind}, {}, {})]


def cause(name, request="r", kind="execute_request"):
    return read_cause(json.loads, make(name, request, kind))


def admit(outgoing, name, request="r", kind="execute_request"):
    return outgoing.admit("iopub", make(name, request, kind), list)


def backlog_of(*names, most=100):
    backlog = Backlog(most=most)
    for name in names:
        backlog.add(name, "r", make(name))
    return backlog


def names_of(messages):
    return None if messages is None else [json.loads(parts[0])["msg_id"] for parts in messages]


@pytest.mark.parametrize(
    ("seen", "missed"),
    [(["b"], ["c", "d"]), (["a", "c"], ["d"]), (["d"], []), (["x"], None), ([], None), (["x", "b"], ["c", "d"])],
)
def test_what_came_after_the_last_message_that_was_seen(seen, missed):
    assert names_of(backlog_of("a", "b", "c", "d").list_after(seen)) == missed


def test_nothing_is_known_to_be_whole_once_a_part_of_it_was_dropped():
    backlog = backlog_of("a", "b", "c", "d", most=2)
    assert backlog.list_after(["a"]) is None
    assert names_of(backlog.list_after(["b"])) == ["c", "d"]


def test_a_message_that_is_not_kept_marks_a_place():
    backlog = backlog_of("a")
    backlog.add("status", "i", None)
    backlog.add("b", "r", make("b"))
    assert names_of(backlog.list_after(["status"])) == ["b"]


def test_nothing_of_an_ended_process_is_told():
    backlog = backlog_of("a", "b")
    backlog.clear()
    assert backlog.list_after(["a"]) is None


def test_messages_wait_until_the_page_has_been_told_and_those_that_it_has_are_dropped():
    outgoing = Outgoing()
    outgoing.pause()
    assert [admit(outgoing, name) for name in "abc"] == [False, False, False]
    assert admit(outgoing, "info", kind="kernel_info_request")
    assert [json.loads(parts[0])["msg_id"] for _, parts in outgoing.join({"a", "b"}, None, list)] == ["c"]
    assert not admit(outgoing, "b")
    assert admit(outgoing, "d")


def test_the_recorder_passes_messages_on_until_the_channel_brings_the_same():
    outgoing = Outgoing()
    outgoing.join({"a"}, ["r"], list)
    assert outgoing.relay(cause("b")) == []
    assert outgoing.relay(cause("other", request="q")) is None
    assert admit(outgoing, "other", request="q")
    assert not admit(outgoing, "b")
    assert outgoing.relay(cause("c")) is None
    assert admit(outgoing, "c")


def test_what_the_page_has_heard_before_the_recorder_is_not_passed_on_again():
    outgoing = Outgoing()
    outgoing.pause()
    outgoing.join({"a", "b"}, None, list)
    assert outgoing.relay(cause("b")) is None
    assert outgoing.relay(cause("c")) == []


def test_a_channel_that_is_ahead_of_the_recorder_waits_for_it():
    outgoing = Outgoing()
    outgoing.join((), ["r"], list)
    assert [admit(outgoing, name) for name in "abc"] == [False, False, False]
    later = outgoing.relay(cause("a"))
    assert [json.loads(parts[0])["msg_id"] for _, parts in later] == ["b", "c"]
    assert outgoing.relay(cause("b")) is None
    assert admit(outgoing, "d")


@pytest.mark.parametrize("written", ["abc\rX", "abc\r", "ab\b", "abc\n", "1 %\r2 %\r", "plain"])
@pytest.mark.parametrize("more", ["Y", "\rYY", "\n"])
def test_text_that_is_played_goes_on_as_the_original(written, more):
    original, played = StreamText(), StreamText()
    original.write(written)
    played.write(original.play())
    original.write(more)
    played.write(more)
    assert played.render() == original.render()


def test_outputs_are_the_same_however_their_lines_are_kept():
    outputs = CellOutputs()
    outputs.note("stream", {"name": "stdout", "text": "a\nb\n"}, 4)
    lines = [{"output_type": "stream", "name": "stdout", "text": ["a\n", "b\n"]}]
    assert has_same(lines, outputs.render())
    assert not has_same(lines[:0], outputs.render())


def test_of_what_the_server_keeps_for_a_page_only_the_last_output_stays_and_all_else():
    def kept(kind, size=100):
        parts = [json.dumps({"msg_id": "m", "msg_type": kind}).encode(), b"{}", b"{}", b"x" * size]
        return ("iopub", [b"<IDS|MSG>", b"signature", *parts])

    buffer = [kept("stream"), kept("comm_msg"), *(kept("stream") for _ in range(50)), kept("status", 1)]
    same = buffer
    trim(buffer, 1_700)
    assert buffer is same
    kinds = [json.loads(frames[2])["msg_type"] for _, frames in buffer]
    assert kinds[0] == "comm_msg"
    assert kinds[-1] == "status"
    assert 5 < kinds.count("stream") < 15


def test_a_small_buffer_is_left_as_it_is():
    buffer = [("shell", [b"<IDS|MSG>", b"signature", b"not read"])]
    trim(buffer)
    assert len(buffer) == 1
