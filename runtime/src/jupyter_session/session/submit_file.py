"""What the submit file lacks for what a session promises: said at its start, because the file may be somebody's own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from jupyter_session.condor.job_ad import Job
from jupyter_session.transfer.outputs import find_cycle, find_output, is_spread, list_outputs, locate_there, split_list

_PROXY = (
    "This job has no chirp, so nothing is saved while the session runs, and the queue doesn't show the session: add "
    "`want_io_proxy = true` to the submit file."
)
#: What a session without access to files means.
NOTHING_SAVED = (
    "So nothing is saved while the session runs: what you do is on the access point when it ends or is evicted, and is "
    "lost if the machine fails."
)
_NO_FILES = f"This job has no access to files through chirp. {NOTHING_SAVED}"
_EVICTION = (
    "Nothing comes back if the job is removed, put on hold, or evicted: write `when_to_transfer_output = "
    "ON_EXIT_OR_EVICT` in the submit file."
)
_SPOOL = (
    "If the job is evicted or put on hold, its files stay in HTCondor's spool folder, and condor_rm deletes them: add "
    "`My.SpoolOnEvict = false` to the submit file."
)
_PRESERVE = "write `preserve_relative_paths = true`"


def find_warnings(job: Job | None, notebooks: Path, scratch: str | None) -> tuple[str, ...]:
    """Return a sentence for each line that the submit file lacks, with the line to write; the worst one first.

    `scratch` is the job's scratch folder. A notebook folder outside of it isn't HTCondor's to transfer.
    """
    if job is None:
        return ()
    try:
        inside = str(notebooks.relative_to(Path(scratch).resolve())) if scratch else ""
    except ValueError:
        inside = ""
    attributes = job.attributes
    found = list(_review_transfer(attributes, inside)) if inside not in ("", ".") else []
    if attributes.get("wantioproxy") is not True:
        found.append(_NO_FILES if attributes.get("wantremoteupdates") is True else _PROXY)
    return tuple(found)


def _review_transfer(attributes: Mapping[str, object], inside: str) -> Iterator[str]:
    outputs = list_outputs(attributes) or ()
    there = locate_there(outputs, inside)
    items = split_list(attributes.get("transferoutput"))
    same, others = (
        [item for item in items if (os.path.normpath(item) == inside) is is_same] for is_same in (True, False)
    )
    line = f"write `transfer_output_files = {', '.join([inside, *others])}` in the submit file"
    if cycle := find_cycle(attributes):
        yield (
            f"transfer_output_remaps leads {cycle} back to itself, so not all comes back, and HTCondor "
            "puts the job on hold when it ends: remove that from the submit file."
        )
    if find_output(outputs, inside) is None:
        yield f"{inside} doesn't come back when the job ends: {line}."
    elif any(is_spread(item, attributes) for item in same):
        yield (
            f"What is in {inside} comes back to the folder of the submit file itself, over files of the same names, "
            f"because of the slash at the end of the name: {line}."
        )
    elif there is None and not cycle:
        yield (
            f"{inside} doesn't come back to the folder of the submit file, so nothing is saved while the session runs: "
            "remove transfer_output_remaps, output_directory, and output_destination from the submit file."
        )
    elif there not in (None, inside):
        mend = "remove it from transfer_output_remaps" if attributes.get("transferoutputremaps") else _PRESERVE
        yield f"{inside} comes back as {there}, so the next session doesn't start with it: {mend} in the submit file."
    when = str(attributes.get("whentotransferoutput", "ON_EXIT")).upper()
    if when != "ON_EXIT_OR_EVICT":
        yield _EVICTION
    elif attributes.get("spoolonevict") is not False:
        yield _SPOOL
    inputs = [item.strip() for item in str(attributes.get("transferinput", "")).split(",") if item.strip()]
    inputs = [item for item in inputs if item != attributes.get("containerimage")]  # HTCondor adds that itself
    if not any(_brings(item, inside) for item in inputs):
        line = ", ".join([inside.split(os.sep, maxsplit=1)[0], *inputs])
        yield (
            f"{inside} doesn't go along with the job, so a session that starts again doesn't have it: write "
            f"`transfer_input_files = {line}` in the submit file."
        )


def _brings(item: str, inside: str) -> bool:
    """Return whether an item of transfer_input_files becomes the folder, or one that has it.

    With a slash at its end, what is in it goes along, but not the folder itself.
    """
    names = {Path(item).name, os.path.normpath(item)} if not item.endswith("/") else set()
    return any(inside == name or inside.startswith(name + os.sep) for name in names)
