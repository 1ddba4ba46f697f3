"""One kernel: what it publishes and answers, and the pages that hear it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any

from jupyter_session.recorder.backlog import Parts
from jupyter_session.recorder.catching_up import list_missed, list_offers
from jupyter_session.recorder.kernel_runs import KernelRuns
from jupyter_session.recorder.pages import ANSWERS, AbsentChannels, Page, Pages
from jupyter_session.recorder.playback import Sent, make_reply, play
from jupyter_session.recorder.record import Run
from jupyter_session.recorder.server_buffer import find_buffer, trim
from jupyter_session.recorder.subscription import Cause, Message, Subscription, read_request, split_frames

_LOG = logging.getLogger(__name__)
_REPLY_DELAY = 1.0  # seconds after the end of a run for the kernel's own answer to come
_LONGEST_START = 10.0  # seconds that a page waits for the answer to a restart, so that no output is lost
_BETWEEN_QUESTIONS = 0.1


class Followed:
    """A kernel of `kernels`, jupyter_server's manager of them all; `call_later` is the event loop's."""

    def __init__(self, kernel: str, kernels: Any, clock: Callable[[], float], call_later: Callable[..., Any]) -> None:
        self._kernel = kernel
        self._kernels = kernels
        self._call_later = call_later
        self.runs = KernelRuns(kernel, clock)
        self._pages = Pages()
        self._absent = AbsentChannels(self._take_answer)
        self._subscription: Subscription | None = None
        self._awaited: dict[str, asyncio.Event] = {}  # by request: that something is heard of it
        self._harvested: tuple[Sequence[Any], int] = ((), 0)  # what the server keeps for a page, and how much was read

    @property
    def is_subscribed(self) -> bool:
        """Whether it is listened to."""
        return self._subscription is not None

    def subscribe(self) -> None:
        """Listen to what it publishes, unless that is so. Raises KeyError if there is no such kernel."""
        if self._subscription is not None and self._subscription.is_current():
            return
        if self._subscription is not None:
            self.close()
            self.runs.end_all()
        self._subscription = Subscription(self._kernels.get_kernel(self._kernel), self._hear, self._note)

    async def wait_heard(self) -> None:
        """Return when the kernel's process, which has just been started, is heard, or has not been for long.

        Jupyter takes a kernel for restarted while its process still starts. ZeroMQ then connects requests and the
        subscription in any order, so that what a cell prints first would be lost.
        """
        kernel = self._kernels.get_kernel(self._kernel)
        channel = kernel.connect_shell()
        heard = asyncio.Event()
        asked = []
        try:
            async with asyncio.timeout(_LONGEST_START):
                while not heard.is_set():
                    asked.append(kernel.session.send(channel, "kernel_info_request")["header"]["msg_id"])
                    self._awaited[asked[-1]] = heard
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(heard.wait(), _BETWEEN_QUESTIONS)
        except TimeoutError:
            _LOG.warning("Kernel %s is not heard after its restart.", self._kernel)
        finally:
            for request in asked:
                del self._awaited[request]
            channel.close(linger=0)

    def close(self) -> None:
        """Listen no longer."""
        self._absent.close()
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def retire(self, asker: str) -> None:
        """Have an older page of a browser's session, which is connected anew, leave the kernel."""
        self._pages.retire(asker)

    def note_connected(self, asker: str, page: Page) -> bool:
        """Note that a page of a browser's session is connected; return whether it is back, and asks what it missed."""
        self.harvest()
        is_back = self.runs.note_connected(asker)
        self._pages.join(asker, page)
        self._absent.drop(asker)
        return is_back and self._pages.is_able(asker)

    def note_gone(self, asker: str, page: Page) -> None:
        """Note that one of its pages isn't connected any longer."""
        self._pages.leave(asker, page)
        self.runs.note_gone(asker)
        self.tend()

    def note_answer(self, parts: Parts, page: Page | None) -> None:
        """Note what the kernel answered, which `page` has; the others that show the run hear it, too."""
        kind = json.loads(parts[0])["msg_type"]
        run = self.runs.runs.get(read_request(parts))
        if run is None:
            return
        if kind == "execute_reply":
            if run.reply is None:
                self.runs.note_reply(run, parts)
                self._pages.send(run.pages, "shell", parts, but=page)
        elif kind == "input_request":
            run.input = parts
            self._pages.send(run.pages, "stdin", parts, but=page)

    def note_input(self, question: dict[str, Any], content: dict[str, Any]) -> None:
        """Note that a person answered a question of the kernel's."""
        self.runs.note_input(str(question.get("msg_id")), str(content.get("value", "")))

    def catch_up(self, asker: str, seen: Collection[str]) -> tuple[list[Sent], frozenset[str], list[str] | None]:
        """Return what a session that is back missed, as `list_missed` does."""
        self.harvest()
        return list_missed(self.runs, asker, seen)

    def note_caught_up(self, asker: str) -> None:
        """Note that a session lacks nothing."""
        self._pages.note_able(asker)
        self.runs.note_caught_up(asker)

    def offer(self, asker: str) -> dict[str, Any]:
        """Return what a page that opens the notebook can follow, and whether it should ask again."""
        self.harvest()
        runs, again = list_offers(self.runs, asker)
        return {"runs": [{"request": run.header["msg_id"], "cell": run.cell} for run in runs], "again": again}

    def show(self, asker: str, request: str) -> tuple[list[Sent], frozenset[str]]:
        """Have a session show a run; return what tells it all, and the IDs of the messages that it then has."""
        run = self.runs.runs.get(request)
        if run is None:
            return [], frozenset()
        run.asker = asker
        run.pages.add(asker)
        self.tend()
        return list(play(run, self.runs.session)), self.runs.backlog.list_names([request])

    def harvest(self) -> None:
        """Take what the kernel answered from what the server keeps for a page that may come back."""
        found = find_buffer(self._kernels, self._kernel)
        kept = found.get("buffer", ())
        start = self._harvested[1] if self._harvested[0] is kept else 0
        for channel, frames in kept[start:]:
            if channel in ANSWERS:
                self._take_answer(frames)
        asker = str(found.get("session_key", "")).removeprefix(f"{self._kernel}:")
        if kept and self._pages.is_able(asker):
            trim(kept)
        self._harvested = kept, len(kept)

    def tend(self) -> None:
        """Have channels for the sessions that have gone, and for which the server keeps nothing."""
        waiting = {run.asked_by for run in self.runs.runs.values() if not run.has_ended}
        gone = {asker for asker in waiting if not self.runs.is_connected(asker)}
        kept = find_buffer(self._kernels, self._kernel).get("session_key")
        if self._kernel in self._kernels:
            self._absent.keep(
                self._kernels.get_kernel(self._kernel), {each for each in gone if kept != f"{self._kernel}:{each}"}
            )

    def _take_answer(self, frames: list[bytes]) -> None:
        self.note_answer(split_frames(frames), None)

    def _hear(self, cause: Cause, parts: Parts) -> bool:
        if (awaited := self._awaited.get(cause.request)) is not None:
            awaited.set()
        if cause.is_kept:
            self._pages.relay(cause, parts)
        return self.runs.hear(cause, parts)

    def _note(self, message: Message) -> None:
        run = self.runs.note(message)
        if run is not None and run.has_ended and run.pages - {run.asked_by}:
            self._call_later(_REPLY_DELAY, self._answer, run)

    def _answer(self, run: Run) -> None:
        """Answer for the kernel, whose own answer to a page that has gone was lost."""
        if run.reply is None:
            run.reply = make_reply(run, self.runs.session)
            self._pages.send(run.pages, "shell", run.reply)
