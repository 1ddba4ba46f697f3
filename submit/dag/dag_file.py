"""Find a node's submit description in the DAG's own files, with the variables that DAGMan gives it.

DAGMan gives a node's VARS to its submit description as macros before the first line, or after the last if they are
said to be appended. The description may be a file, or be written in the DAG itself. HTCondor's manual: "DAG Commands".
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

_VARIABLE = re.compile(r'([A-Za-z_+][\w.]*)\s*=\s*"((?:[^"\\]|\\.)*)"')
#: Files in files, at most.
_DEEPEST = 20
#: Words of a command without its last argument.
_SHORTEST = 2

Read = Callable[[str], str]


@dataclass(frozen=True)
class Node:
    """A node that submits a job: the file of its submit description, or the description itself, and its variables.

    `folder` is relative to the DAG's. `before` are the macros that stand before the description, `after` those behind.
    `in_dag` is false if the DAG's files don't have the node.
    """

    name: str
    file: str = ""
    text: str = ""
    folder: str = ""
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    in_dag: bool = True


@dataclass(frozen=True)
class _Vars:
    """A VARS line: the node, or `ALL_NODES`, whether it is appended (None: as configured), and the variables."""

    node: str
    appended: bool | None
    values: Mapping[str, str]


@dataclass
class _Parsed:
    nodes: list[Node] = field(default_factory=list)
    variables: list[_Vars] = field(default_factory=list)
    descriptions: dict[str, str] = field(default_factory=dict)


def read_nodes(path: str, read: Read, *, append: bool = False) -> list[Node]:
    """Return the nodes of the DAG in a file, with those of its splices and of the files that it includes.

    `read` returns the text of a file, whose path is relative to the DAG's folder; `append` is DAGMan's own
    DAGMAN_DEFAULT_APPEND_VARS. Raises OSError if a file can't be read.
    """
    parsed = _Reader(read, append).parse(path)
    return [_complete(node, parsed, append=append) for node in parsed.nodes]


def _complete(node: Node, parsed: _Parsed, *, append: bool) -> Node:
    """Return a node with its variables, and with its description if that is in the DAG."""
    before, after = dict(node.before), dict(node.after)
    for line in parsed.variables:
        if line.node.upper() == "ALL_NODES" or line.node == node.name:
            (after if (append if line.appended is None else line.appended) else before).update(line.values)
    text = node.text or parsed.descriptions.get(node.file, "")
    return replace(node, text=text, before=before, after=after)


@dataclass(frozen=True)
class _Reader:
    """Reads a DAG's files."""

    read: Read
    append: bool

    def parse(self, path: str, folder: str = "", depth: int = 0) -> _Parsed:
        """Return what a file says; its path is relative to `folder`."""
        found = _Parsed()
        if depth > _DEEPEST:
            return found
        lines = iter(self.read(posixpath.join(folder, path)).splitlines())
        for line in lines:
            words = line.split()
            command = words[0].upper() if words else ""
            if command in ("JOB", "NODE") and len(words) > _SHORTEST:
                own = posixpath.join(folder, _find_option(words, "DIR"))
                inline = words[2].startswith(("{", "@="))
                text = _read_block(lines, words[2]) if inline else ""
                found.nodes.append(Node(words[1], "" if inline else words[2], text, own))
            elif command == "SUBMIT-DESCRIPTION" and len(words) > 1:
                found.descriptions[words[1]] = _read_block(lines, words[2] if len(words) > _SHORTEST else "{")
            elif command == "VARS" and len(words) > _SHORTEST:
                found.variables.append(_read_variables(line, words))
            elif command == "INCLUDE" and len(words) > 1:
                included = self.parse(words[1], folder, depth + 1)
                found.nodes += included.nodes
                found.variables += included.variables
                found.descriptions.update(included.descriptions)
            elif command == "SPLICE" and len(words) > _SHORTEST:
                own = posixpath.join(folder, _find_option(words, "DIR"))
                splice = self.parse(words[2], own, depth + 1)
                nodes = (_complete(node, splice, append=self.append) for node in splice.nodes)
                found.nodes += [replace(node, name=f"{words[1]}+{node.name}") for node in nodes]
        return found


def _read_block(lines: Iterator[str], opening: str) -> str:
    """Return the lines up to the end of a block that begins with `{`, or with `@=TOKEN`."""
    closing = f"@{opening[2:]}" if opening.startswith("@=") else "}"
    block = []
    for line in lines:
        if line.strip() == closing:
            break
        block.append(line)
    return "".join(f"{line}\n" for line in block)


def _read_variables(line: str, words: list[str]) -> _Vars:
    how = {"APPEND": True, "PREPEND": False}.get(words[2].upper())
    values = {name: re.sub(r"\\(.)", r"\1", value) for name, value in _VARIABLE.findall(line)}
    return _Vars(words[1], how, values)


def _find_option(words: list[str], name: str) -> str:
    upper = [word.upper() for word in words]
    at = upper.index(name) + 1 if name in upper[2:] else len(words)
    return words[at] if at < len(words) else ""


def select_node(nodes: list[Node], submit_file: str, name: str = "") -> Node:
    """Return the node that is meant: by its name, or else the only one with this submit description.

    Without such a node, it is one that has the file and nothing else. Raises ValueError if there are several, which
    have different variables.
    """
    meant = [node for node in nodes if name in ("", node.name) and (name or submit_file in (node.file, node.name))]
    if not meant:
        return Node(name, submit_file, in_dag=False)
    given = [(node.before, node.after, node.folder) for node in meant]
    if any(one != given[0] for one in given):
        raise ValueError(f"several nodes use {submit_file}: write $JOB after {submit_file} in their SCRIPT lines")
    return meant[0]
