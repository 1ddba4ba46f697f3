"""What a submit file asks for, as far as it is on the access point."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import condor
import dag_file
import notify
from chtc_condor.dry_run import parse_dry_run, split_list
from chtc_condor.notebook_folder import find_folder, find_name
from dag_file import Node

#: Macros that DAGMan gives to the first try of each node, beside its name.
_GIVEN = ("RETRY=0", "DAG_STATUS=0", "FAILED_COUNT=0")
#: A submit description that says how many jobs it is for.
_QUEUE = re.compile(r"^\s*queue\b", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Plan:
    """The job's folder, its input files (the image among them), the name of its image, and its notebook folder.

    `output` is that folder in the job, `notebooks` is where it comes back to on the access point. `entries` are the
    inputs as they stand in transfer_input_files, where a slash at the end counts.
    """

    iwd: Path
    inputs: tuple[Path, ...]
    image: str
    output: str
    notebooks: Path
    entries: tuple[str, ...] = ()

    @classmethod
    def from_ad(cls, ad: Mapping[str, Any]) -> Plan:
        """Read a job's ad. An input with `://` in its name is not on the access point."""
        ad = {name.lower(): value for name, value in ad.items()}
        iwd = Path(str(ad.get("iwd") or "."))
        local = [name for name in split_list(ad.get("transferinput")) if "://" not in name]
        return cls(
            iwd=iwd,
            inputs=tuple(iwd / name for name in local),
            image=Path(str(ad.get("containerimage") or "")).name,
            output=find_name(ad),
            notebooks=iwd / find_folder(ad),
            entries=tuple(os.path.join(iwd, name) for name in local),
        )


def read_ads(submit_file: str, node: str = "") -> list[dict[str, Any]]:
    """Return the ads of the jobs that DAGMan would submit for a node.

    Without a node's name it is the one with this submit description. Raises CondorError if the description can't be
    found or read.
    """
    found = _find_node(submit_file, node)
    folder = notify.find_dag().parent / found.folder if found.in_dag else Path()
    before = [f"{name}={value}" for name, value in found.before.items()]
    after = [word for name, value in found.after.items() for word in ("-append", f"{name} = {value}")]
    with _as_file(found, submit_file, folder) as file:
        queue = [] if _QUEUE.search(file.read_text(errors="replace")) else ["-queue", "1"]
        given = (f"JOB={found.name}", *_GIVEN)
        shown = condor.dry_run(*before, *given, str(file.absolute()), *after, *queue, folder=folder)
    return parse_dry_run(shown)


def read_plan(submit_file: str, node: str = "") -> Plan:
    """Return what a node's job will use; raises CondorError as `read_ads` does."""
    return Plan.from_ad(next(iter(read_ads(submit_file, node)), {}))


def _find_node(submit_file: str, node: str) -> Node:
    dag = notify.find_dag()
    append = condor.get_setting("DAGMAN_DEFAULT_APPEND_VARS").lower() == "true"
    try:
        nodes = dag_file.read_nodes(dag.name, lambda path: (dag.parent / path).read_text(), append=append)
        return dag_file.select_node(nodes, submit_file, node)
    except OSError as error:
        raise condor.CondorError(f"can't read {error.filename} of the DAG ({error.strerror})") from None
    except ValueError as error:
        raise condor.CondorError(str(error)) from None


@contextlib.contextmanager
def _as_file(node: Node, submit_file: str, folder: Path) -> Iterator[Path]:
    """Yield a node's submit description as a file."""
    if not node.text:
        path = folder / (node.file or submit_file)
        if not path.is_file():
            raise condor.CondorError(f"there is no submit file {path}: put it there, or name another one in the DAG")
        yield path
        return
    with tempfile.NamedTemporaryFile("w", suffix=".sub") as file:
        file.write(node.text)
        file.flush()
        yield Path(file.name)
