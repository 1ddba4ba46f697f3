"""Whose word tells the recorder that a restarted kernel is heard: kernels differ in what they call themselves."""

import asyncio
import json
from types import SimpleNamespace

import pytest

pytest.importorskip("jupyter_client")

from jupyter_client.session import DELIM, Session

from jupyter_session.recorder import followed
from jupyter_session.recorder.followed import Followed


class Stream:
    """The subscription to what a kernel publishes."""

    def on_recv(self, hear):
        self.hear = hear

    def closed(self):
        return False


class Kernel:
    """A kernel that answers from its third question on, as one that was just started; `name` makes its session."""

    transport, ip, iopub_port = "tcp", "127.0.0.1", 1

    def __init__(self, name):
        self.name = name
        self.session = Session(key=b"key")
        self.context = SimpleNamespace(sockopts={}, setsockopt=lambda *_: None)
        self.stream = Stream()
        self.asked = []
        self.is_closed = False

    def connect_iopub(self):
        return self.stream

    def connect_shell(self):
        return SimpleNamespace(send_multipart=self.take, close=self.close)

    def close(self, linger):
        self.is_closed = linger == 0

    def take(self, frames, **_):
        header = json.loads(frames[frames.index(DELIM) + 2])
        self.asked.append(header)
        if len(self.asked) >= 3:
            asyncio.get_running_loop().call_soon(self.say, header)

    def say(self, parent):
        message = self.session.msg("status", {"execution_state": "busy"})
        message["header"]["session"] = self.name(parent.get("session", ""))
        message["parent_header"] = parent
        self.stream.hear(self.session.serialize(message))


NAMES = {"of its own": lambda _: "kernel", "of who asks": lambda asker: asker, "none": lambda _: ""}


def wait_heard(kernel):
    """Return whether the kernel was heard when the wait was over."""

    async def wait():
        kernels = SimpleNamespace(get_kernel=lambda _: kernel)
        one = Followed("kernel", kernels, lambda: 0.0, None)
        one.subscribe()
        kernel.say({"session": "earlier", "msg_id": "shutdown"})  # what the old process said last
        await one.wait_heard()

    asyncio.run(wait())
    return len(kernel.asked) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_kernel_is_heard_when_it_answers_the_recorder_whatever_its_session_is(name, monkeypatch):
    monkeypatch.setattr(followed, "_BETWEEN_QUESTIONS", 0.01)
    kernel = Kernel(NAMES[name])
    assert wait_heard(kernel)
    assert len(kernel.asked) < 10
    assert kernel.is_closed


def test_kernel_that_says_nothing_is_not_waited_for_without_end(monkeypatch):
    monkeypatch.setattr(followed, "_BETWEEN_QUESTIONS", 0.01)
    monkeypatch.setattr(followed, "_LONGEST_START", 0.1)
    kernel = Kernel(NAMES["none"])
    monkeypatch.setattr(kernel, "take", lambda *_, **__: None)
    assert not wait_heard(kernel)
    assert kernel.is_closed
