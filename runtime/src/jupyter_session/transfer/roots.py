"""The outputs themselves: each is there at the end, and is what the access point expects."""

from __future__ import annotations

import logging
import math
import os
import shutil
import stat
from dataclasses import dataclass

from jupyter_session.transfer.linked_folder import copy_by_hard_links, copy_changed, find_target
from jupyter_session.transfer.obstacles import explain_link
from jupyter_session.transfer.outputs import Output
from jupyter_session.transfer.received import Received
from jupyter_session.transfer.there import There, UnknownError
from jupyter_session.units.printable import escape_name

_LOG = logging.getLogger(__name__)
_LARGEST = 64 << 20  # bytes of a file that is brought back from the access point
_LARGEST_COPY = 1 << 30  # bytes of a file here


@dataclass(frozen=True)
class Roots:
    """The job's folder `root`, its outputs, and what came with the job.

    `began` is when the job started (epoch seconds), and `until` when this must be over (monotonic).
    """

    root: str
    outputs: tuple[Output, ...]
    received: Received
    began: float = 0.0
    until: float = math.inf

    def complete(self, output: Output, there: There) -> str:
        """Make an output what HTCondor can bring back; return what was done, or "" if nothing had to be.

        Raises OSError if it can't be done.
        """
        full = os.path.join(self.root, output.path)
        try:
            mode = os.lstat(full).st_mode
        except FileNotFoundError:
            return self._replace_missing(output, there)
        if stat.S_ISLNK(mode) and explain_link(self.root, output.path):
            return self._replace_link(output, full, there)
        if stat.S_ISREG(mode) and output.path in self.received.folders:
            beside = f"{full}.file"
            os.rename(full, beside)
            os.mkdir(full)
            os.rename(beside, os.path.join(full, os.path.basename(full)))
            return "a file where a folder was: it lies in a folder of that name"
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
            os.unlink(full)
            return self._replace_missing(output, there)
        return ""

    def _replace_missing(self, output: Output, there: There) -> str:
        """Make what HTCondor would miss: it holds the job otherwise. A folder would replace a file there."""
        full = os.path.join(self.root, output.path)
        if output.path not in self.received.folders and not output.is_folder:
            if output.there is None:
                return "missing: HTCondor will put the job on hold"
            try:
                about = there.look(output.there)
                if about and about.is_file:
                    if about.size > _LARGEST:
                        return "missing: HTCondor will put the job on hold"
                    data = there.read(output.there)
                    os.makedirs(os.path.dirname(full), exist_ok=True)
                    with open(full, "xb") as file:
                        file.write(data)
                    os.chmod(full, about.mode & 0o777 | 0o600)
                    return "missing: the access point's file is kept"
            except UnknownError:
                _LOG.debug("the access point doesn't say what %s is", escape_name(output.path))
                return "missing: HTCondor will put the job on hold"
        os.makedirs(full)
        return "missing: it comes back as an empty folder"

    def _replace_link(self, output: Output, full: str, there: There) -> str:
        """Put the folder to which an output leads into its place, if it is one of the job's own."""
        text = os.readlink(full)
        target, own = os.path.realpath(full), find_target(self.root, output.path)
        shown = escape_name(text)
        if os.path.isfile(target) and os.access(target, os.R_OK) and output.path not in self.received.folders:
            if os.path.getsize(target) > _LARGEST_COPY:
                return f"a link to {shown}, a large file: HTCondor may not find it"
            shutil.copyfile(target, f"{full}.file")
            os.replace(f"{full}.file", full)
            return f"a link to {shown}: it is a copy of that file now"
        os.unlink(full)
        if not os.path.isdir(target):
            return f"a link to {shown}; {self._replace_missing(output, there)}"
        if own is None:
            os.mkdir(full)
            is_around = (full + os.sep).startswith(target.rstrip(os.sep) + os.sep)
            if not is_around and copy_changed(target, full, since=self.began, until=self.until):
                return f"a link to {shown}: what changed in that folder was copied"
            return f"a link to {shown}: only what was saved while the session ran, or copied in time, comes back"
        if any((other.path + os.sep).startswith(own + os.sep) for other in self.outputs):
            copy_by_hard_links(target, full)
            return f"a link to {shown}: what is in that folder is in both"
        os.rename(target, full)
        return f"a link to {shown}: it is that folder now"
