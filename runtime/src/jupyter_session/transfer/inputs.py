"""What came with the job beside the notebooks is shown among them, by links that never leave the job."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from jupyter_session.condor.job_ad import Job
from jupyter_session.transfer.outputs import list_outputs, split_list
from jupyter_session.units.printable import escape_name

_LOG = logging.getLogger(__name__)
_COVERED = "The notebook folder has a {0} of its own, so the {0} that came with the job is only at {1}."
#: How the names of HTCondor's own files begin.
_NOT_DATA = (".", "_condor_", "condor_exec", "docker_")


class InputLinks:
    """The links of one session, from the notebook folder to what came with the job: HTCondor must not see them."""

    def __init__(self, job: Job | None, root: str, notebooks: Path) -> None:
        self._root = root
        self._notebooks = os.path.realpath(notebooks)
        inside = root and (self._notebooks + os.sep).startswith(root + os.sep) and self._notebooks != root
        self._names = list(_list_names(job.attributes, root, self._notebooks)) if job and inside else []

    def make(self) -> list[str]:
        """Make the links; return a sentence for each one that can't be there."""
        problems = []
        for name in self._names:
            link, target = os.path.join(self._notebooks, name), os.path.join(self._root, name)
            if self.is_ours(link) or not os.path.lexists(target):
                continue
            try:
                os.symlink(os.path.relpath(target, self._notebooks), link)
            except FileExistsError:
                problems.append(_COVERED.format(escape_name(name), escape_name(target)))
            except OSError as error:
                _LOG.warning("%s isn't shown among the notebooks: %s", escape_name(name), error)
        return problems

    def remove(self) -> None:
        """Remove the links, as far as they still are what they were."""
        for name in self._names:
            link = os.path.join(self._notebooks, name)
            try:
                if self.is_ours(link):
                    os.unlink(link)
            except OSError as error:
                _LOG.warning("%s can't be removed: %s", escape_name(link), error)

    def is_ours(self, link: str) -> bool:
        """Return whether this is one of the links, and leads to where it did. It need not be there for us to ask."""
        folder, name = os.path.split(link)
        if name not in self._names or os.path.realpath(folder) != self._notebooks:
            return False
        try:
            text = os.readlink(link)
        except OSError:
            return False
        return os.path.normpath(os.path.join(self._notebooks, text)) == os.path.join(self._root, name)


def _list_names(attributes: Mapping[str, object], root: str, notebooks: str) -> Iterator[str]:
    """Yield the names in the job's folder of what came with it, but for what goes back or is HTCondor's."""
    back = {os.path.relpath(notebooks, root).split(os.sep)[0]}
    back |= {output.path.split(os.sep)[0] for output in list_outputs(attributes) or ()}
    image = os.path.basename(str(attributes.get("containerimage") or ""))
    for item in dict.fromkeys(split_list(attributes.get("transferinput"))):
        path = item.partition("://")[2].partition("?")[0] if "://" in item else item
        name = os.path.basename(path)
        if not os.path.lexists(os.path.join(root, name)):  # with preserve_relative_paths
            name = next((part for part in path.split(os.sep) if os.path.lexists(os.path.join(root, part))), name)
        if name and name not in back and name != image and not name.startswith(_NOT_DATA):
            back.add(name)
            yield name
