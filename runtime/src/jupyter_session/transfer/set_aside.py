"""What HTCondor can't carry is taken out of its way at the end of a session, and put back at the start of the next."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from jupyter_session.condor import chirp
from jupyter_session.condor.chirp import ChirpClient
from jupyter_session.condor.job_ad import Job
from jupyter_session.transfer.inputs import InputLinks
from jupyter_session.transfer.linked_folder import find_target
from jupyter_session.transfer.manifest import (
    DamagedError,
    Manifest,
    is_safe_path,
    make_room,
    read_manifest,
    render_manifest,
    shorten,
    write_manifest,
)
from jupyter_session.transfer.obstacles import Obstacles, find_obstacles, read_link
from jupyter_session.transfer.outputs import Output, find_output, list_outputs
from jupyter_session.transfer.put_back import put_back
from jupyter_session.transfer.received import Received, find_received
from jupyter_session.transfer.roots import Roots
from jupyter_session.transfer.there import There
from jupyter_session.transfer.way import Way
from jupyter_session.units.printable import escape_name

_LOG = logging.getLogger(__name__)
_MOST_WHILE_IT_RUNS = 10_000  # links in a list that is sent again and again
_DAMAGED = "The list of what the last session set aside can't be used ({}), so nothing of it is put back."
_NOT_KEPT = "The list of what is set aside can't be written ({}), so the next session won't have it again."
_TOO_MANY = "There are too many links to keep all of them for the next session."
_TOO_LATE = "There was not enough time to look at all files: HTCondor may put the job on hold for one of them."


class SetAside:
    """Sees to one session's outputs. `say` is called with each sentence for the user.

    `memory` is a file for what came with the job, for another process that ends the session. Outside a job, there is
    nothing to do.
    """

    def __init__(
        self,
        job: Job | None,
        notebooks: Path,
        memory: Path | None,
        *,
        say: Callable[[str], None],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._job = job
        self._root = os.path.realpath(environ["_CONDOR_SCRATCH_DIR"]) if "_CONDOR_SCRATCH_DIR" in environ else ""
        self._notebooks = notebooks
        self._memory = memory
        self._say = say
        self._began = _find_start(environ)
        self._can_ask = chirp.is_configured(environ)
        self._inputs = InputLinks(job, self._root, notebooks)
        self._received = Received()
        self._earlier = self._kept = Manifest()
        self._text: str | None = None
        self._names: dict[str, str] = {}

    @property
    def names(self) -> Mapping[str, str]:
        """What was set aside, by its printable path in the job's folder, and what it is."""
        return {escape_name(path): why for path, why in self._names.items()}

    def show_inputs(self) -> list[str]:
        """Show among the notebooks what came with the job beside them; return what to say. Call it after `put_back`."""
        return self._inputs.make()

    def put_back(self) -> None:
        """Put back what the last session set aside. Call it before anything in the folder changes."""
        try:
            self._put_back(self._list_outputs())
        except OSError as error:
            self._say(_DAMAGED.format(error.strerror))

    def _put_back(self, outputs: tuple[Output, ...]) -> None:
        if not outputs:
            return
        linked = {output.path: target for output in outputs if (target := find_target(self._root, output.path))}

        def may(path: str) -> bool:
            return find_output(outputs, path) is not None

        def find(path: str) -> str:
            output = find_output(outputs, path)
            is_linked = output is not None and output.path in linked and path != output.path
            return linked[output.path] + path.removeprefix(output.path) if output and is_linked else path

        try:
            self._earlier = manifest = read_manifest(self._notebooks)
            count = put_back(Path(self._root), manifest, may=may, find=find)
            _LOG.info("%d things that the last session had set aside are there again", count)
        except DamagedError as error:
            self._say(_DAMAGED.format(error))
        self._received = find_received(self._root, [output.path for output in outputs])
        try:
            if self._memory:
                self._received.write(self._memory)
        except OSError as error:
            _LOG.debug("what came with the job is not written down: %s", error)

    def list_links(self, links: list[str]) -> str | None:
        """Return the list of what would be set aside now, for a session that can't end in order.

        None if there never was anything. `links` are those in the notebook folder, but for the environments in it,
        which aren't saved while the session runs.
        """
        prefix = os.path.relpath(self._notebooks, self._root) if self._root else ".."
        paths = {os.path.join(prefix, link) for link in links} | set(self._earlier.links)
        found: dict[str, str] = {}
        for path in filter(is_safe_path, paths):
            if self._inputs.is_ours(os.path.join(self._root, path)):
                continue
            try:
                found[path] = read_link(self._root, path)
            except OSError as error:  # it has been removed
                _LOG.debug("%s is no link any more: %s", escape_name(path), error)
        modes = {
            path: mode for path, mode in self._earlier.modes.items() if os.path.lexists(os.path.join(self._root, path))
        }
        manifest = Manifest(found, modes)
        if (manifest or self._earlier or self._text is not None) and len(paths) <= _MOST_WHILE_IT_RUNS:
            self._text = render_manifest(manifest)
        return self._text

    def recall(self) -> None:
        """Learn from `memory` what another process found when it called `put_back`."""
        try:
            if self._memory:
                self._received = Received.read(self._memory)
        except (OSError, ValueError, KeyError, TypeError) as error:
            _LOG.debug("what came with the job is not known: %r", error)

    def clear_way(self, seconds: float) -> None:
        """Take out of HTCondor's way what it can't carry, for at most `seconds`. Call it when nothing else runs.

        It may be called again, for what has come since.
        """
        until = time.monotonic() + seconds
        self._inputs.remove()
        outputs = self._list_outputs()
        if not outputs or self._job is None:
            return
        with There(ChirpClient.connect if self._can_ask else None, until) as there:
            self._complete(outputs, there, until)
            self._make_room()
            found = Obstacles()
            for output in outputs:
                lies_in_another = any(output.path.startswith(other.path + os.sep) for other in outputs)
                if not lies_in_another and os.path.lexists(os.path.join(self._root, output.path)):
                    find_obstacles(self._root, output.path, self._received, found, until=until)
            way = Way(
                self._root,
                self._job.id,
                outputs,
                self._keep,
                spools=self._job.attributes.get("spoolonevict") is not False,
            )
            way.clear(found, there)
        self._names.update(way.names)
        if not found.complete:
            self._say(_TOO_LATE)

    def _make_room(self) -> None:
        try:
            make_room(self._notebooks)
        except OSError as error:  # a folder that can't be written yet
            _LOG.debug("there is no room for the list of what is set aside: %s", error)

    def _complete(self, outputs: tuple[Output, ...], there: There, until: float) -> None:
        roots = Roots(self._root, outputs, self._received, self._began, until)
        for output in outputs:
            try:
                done = roots.complete(output, there)
            except OSError as error:
                done = f"HTCondor may put the job on hold for it ({error.strerror})"
            if done:
                self._names[output.path] = done
                self._say(f"{escape_name(output.path)} is {done}.")

    def _list_outputs(self) -> tuple[Output, ...]:
        """Return the outputs in the job's folder. If the job names none, these are its files."""
        if self._job is None or not self._root:
            return ()
        listed = list_outputs(self._job.attributes)
        if listed is None:
            files = (entry for entry in os.scandir(self._root) if entry.is_file(follow_symlinks=False))
            listed = tuple(Output(entry.name, entry.name) for entry in files if _is_own(entry.name))
        return tuple(output for output in listed if is_safe_path(output.path))

    def _keep(self, manifest: Manifest) -> None:
        self._kept = Manifest({**self._kept.links, **manifest.links}, {**manifest.modes, **self._kept.modes})
        kept = shorten(self._kept)
        if kept != self._kept:
            self._say(_TOO_MANY)
        try:
            write_manifest(self._notebooks, kept)
        except OSError as error:
            self._say(_NOT_KEPT.format(error.strerror))


def _is_own(name: str) -> bool:
    """Return whether a file in the job's folder isn't one of HTCondor's."""
    return not name.startswith((".", "_condor_", "condor_exec"))


def _find_start(environ: Mapping[str, str]) -> float:
    """Return when the job started, in epoch seconds: when its ads were written, or else now."""
    times = []
    for name in ("_CONDOR_JOB_AD", "_CONDOR_MACHINE_AD"):
        with contextlib.suppress(OSError):
            times.append(os.stat(environ.get(name, "")).st_mtime)
    return min(times, default=time.time())
