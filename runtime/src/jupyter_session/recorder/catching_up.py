"""What a page is told that was away, or that opens a notebook whose cells run."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from jupyter_session.recorder.kernel_runs import KernelRuns
from jupyter_session.recorder.playback import Sent, make_note, make_reply, play
from jupyter_session.recorder.record import Need, Run, decide_need
from jupyter_session.recorder.subscription import read_name


def list_missed(
    runs: KernelRuns, asker: str, seen: Collection[str]
) -> tuple[list[Sent], frozenset[str], list[str] | None]:
    """Return what a browser's session missed, in order, and the IDs of the messages that it then has.

    `seen` are the last messages that it heard. If it can't be told message by message, what its cells show is replaced;
    then the third result is the requests that this is true for, else None.
    """
    own = [run for run in runs.runs.values() if asker in run.lacking or (asker in run.pages and not run.has_ended)]
    missed = runs.backlog.list_after(seen)
    if missed is None:
        told = [sent for run in own for sent in _play_again(run, runs.session)]
        requests = [str(run.header["msg_id"]) for run in own]
        return told, runs.backlog.list_names(requests), requests
    told = [("iopub", parts) for parts in missed]
    for run in own:
        if run.has_ended:
            told.append(("shell", run.reply or make_reply(run, runs.session)))
        elif run.input is not None and read_name(run.input) not in seen:
            told.append(("stdin", run.input))
    return told, runs.backlog.list_names(), None


def list_offers(runs: KernelRuns, asker: str) -> tuple[list[Run], bool]:
    """Return the runs that a page which opens the notebook can follow, and whether more may come.

    One that another page follows is left to it: two pages would both have to save it.
    """
    others = [run for run in runs.runs.values() if asker not in run.pages]
    left = [run for run in others if not any(runs.is_connected(page) for page in run.pages)]
    offers = [run for run in left if not run.has_ended or (run.has_begun and decide_need(run) is not Need.NOTHING)]
    return offers, any(not run.has_ended for run in others if run not in left)


def _play_again(run: Run, session: str) -> Iterator[Sent]:
    if run.outputs.is_whole:
        yield from play(run, session)
        return
    yield "iopub", make_note(run, session)  # the page may have more than is kept here
    if run.has_ended:
        yield from list(play(run, session))[-2:]
    elif run.input is not None:
        yield "stdin", run.input
