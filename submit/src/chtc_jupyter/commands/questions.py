"""A question that Ctrl-C brings: answered while it is still true, asked anew after a change, or withdrawn aloud."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chtc_jupyter.condor.job_progress import JobProgress, Phase
from chtc_jupyter.session import ConnectionState
from chtc_jupyter.store import Record
from chtc_jupyter.terminal import Terminal

#: Where a job is that isn't ready.
_PLACES = {
    Phase.QUEUED: "queued",
    Phase.TRANSFER: "getting its files",
    Phase.RUNNING: "starting",
    Phase.SUSPENDED: "suspended",
    Phase.LOST: "on a machine to which HTCondor lost the connection",
}
#: What makes the question of a job that isn't ready void.
_VOID = {
    Phase.READY: "The session is ready",
    Phase.STOPPING: "The session is stopping",
    Phase.HELD: "The job is on hold",
    Phase.ENDED: "The job has ended",
}


#: What may be typed instead of a letter, or the beginning of it.
_WORDS = {"w": "wait", "r": "remove", "l": "leave", "k": "keep", "e": "end"}


class Answer(enum.Enum):
    """What the user answered, or what became of the question."""

    WAIT = "w"
    REMOVE = "r"
    LEAVE = "l"
    KEEP = "k"
    END = "e"
    NONE = ""  # another Ctrl-C, the end of input, or no terminal
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Question:
    """A question in the state of things that it is about; `void` says why it needs no answer, if it doesn't."""

    text: str
    choices: str
    void: str = ""


def build_question(record: Record, job: JobProgress, connection: ConnectionState, *, is_open: bool) -> Question:
    """Return what to ask after Ctrl-C."""
    void = "The job has ended" if job.phase is Phase.ENDED else ""
    if record.interactive:
        return Question("This ends the interactive session. [k]eep it, or [e]nd it?", "ke", void)
    void = "The session is open" if is_open else _VOID.get(job.phase, "")
    where = f"Job {record.job} is {_PLACES.get(job.phase, job.phase.value)}, not ready."
    if not connection.up:
        lost = f"There is no connection to {record.ap}, so it can't be removed now."
        return Question(f"{where} {lost} [w]ait for it, or [l]eave it there?", "wl", void)
    return Question(f"{where} [w]ait for it, [r]emove it, or [l]eave it there?", "wrl", void)


async def ask(
    terminal: Terminal,
    look: Callable[[], Question],
    *,
    again: asyncio.Event,
    changed: asyncio.Event,
    over: asyncio.Future[None],
) -> Answer:
    """Ask until there is an answer to the question as `look` returns it at that moment.

    `again` is set at another Ctrl-C, `changed` whenever `look` may return something else; `over` is done when nothing
    is left to ask about.
    """
    while True:
        now = look()
        if now.void or over.done():
            terminal.say(f"{now.void or 'The job has left'}: the question is withdrawn.")
            return Answer.WITHDRAWN
        asking = asyncio.create_task(terminal.ask(now.text))
        try:
            while not asking.done() and look() == now and not over.done():
                changed.clear()
                events = [asyncio.create_task(event.wait()) for event in (again, changed)]
                waited: list[asyncio.Future[Any]] = [asking, over, *events]
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                for event in events:
                    event.cancel()
                if again.is_set():
                    again.clear()
                    return Answer.NONE
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            changed.set()  # for whoever else waits for it
        if asking.cancelled() or look() != now or over.done():
            continue  # what was typed was an answer to something else
        answer = asking.result()
        if answer is None:
            return Answer.NONE
        letter = answer[:1].lower()
        if letter in _WORDS and letter in now.choices and _WORDS[letter].startswith(answer.lower()):
            return Answer(letter)
