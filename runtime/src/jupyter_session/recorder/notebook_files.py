"""The notebooks' files, beside the browsers that save them: reads, merges, and writes, one after another for each."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Protocol

from jupyter_core.utils import ensure_async
from nbformat import from_dict
from tornado.web import HTTPError

from jupyter_session.recorder.merging import Cells, Result, make_notebook, merge

_LOG = logging.getLogger(__name__)
_UNREADABLE, _READ_ONLY, _NOT_FOUND = 400, 403, 404
_MOST_NAMES = 1000
_LAST_WITHOUT_IDS = 4


class Browsers(Protocol):
    """Who is told of what browsers do with notebooks. A path has no slash at its ends."""

    async def before_reading(self, path: str) -> Sequence[Result]:
        """Get ready for a browser that reads a notebook; return what it should be shown beside the file's content."""

    def note_saved(self, path: str, cells: Cells, before: str | None) -> None:
        """Note that a browser saved a notebook with these cells; `before` is the hash that was known before that."""


@dataclass(frozen=True)
class Place:
    """A file and its hash."""

    path: str
    hash: str


class NotebookFiles:
    """Tells `browsers` what browsers do by `manager`, Jupyter's manager of contents, and puts results beside it.

    A page asks before it saves whether the file still has the hash that it knows, and shows "File Changed" if not
    (JupyterLab 4.6, docregistry/src/context.ts). What is put into a file here is in a page that comes back, too, so
    pages are told the hash that the file had before.
    """

    def __init__(self, manager: Any, browsers: Browsers) -> None:
        self._read, self._write = manager.get, manager.save
        self._browsers = browsers
        self._known: dict[str, str] = {}
        self._told: dict[str, tuple[str, str]] = {}  # by path: the hash of what was put there, and what pages are told
        self._storing: dict[str, str] = {}  # by path: what pages are told while something is put there
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        manager.get, manager.save = self._get, self._save

    def get_known_hash(self, path: str) -> str | None:
        """Return the hash of a file as the last browser that read or saved it knows it, None if none did."""
        return self._known.get(path)

    async def read_hash(self, path: str) -> str | None:
        """Return the hash of a file as it is now, None if there is none."""
        found = await self._find(path, content=False)
        return str(found["hash"]) if found else None

    async def learn_hash(self, path: str) -> str:
        """Return the hash of a file, also if no browser is known to know it; "" if there is none."""
        return self._known.get(path) or await self._learn(path)

    def note_renamed(self, old: str, new: str) -> None:
        """Note that Jupyter renamed a file or a folder."""
        for path in [path for path in self._known if path == old or path.startswith(old + "/")]:
            self._known[new + path.removeprefix(old)] = self._known.pop(path)
            if path in self._told:
                self._told[new + path.removeprefix(old)] = self._told.pop(path)

    async def put(self, path: str, results: Sequence[Result], base: str | None) -> Place:
        """Put results into a notebook; return where they are now.

        If the file isn't the one of hash `base`, another program has changed it, and the results go to a new file
        beside it; so they do if it can't be read or written. Raises Jupyter's errors.
        """
        try:
            return await self._put(path, results, base)
        except HTTPError as error:
            if error.status_code not in (_UNREADABLE, _READ_ONLY):
                raise
            _LOG.debug("%s can't be changed", path, exc_info=True)
            return await self._put_beside(path, results)

    async def _put(self, path: str, results: Sequence[Result], base: str | None) -> Place:
        async with self._locks[path]:
            model = await self._find(path)
            if model is None or (base is not None and model["hash"] != base):
                return await self._put_beside(path, results)
            notebook = model["content"]
            _remove_passing_ids(notebook)
            cells = merge(notebook["cells"], results)
            if cells == [dict(cell) for cell in notebook["cells"]]:
                return Place(path, model["hash"])
            notebook["cells"] = [from_dict(cell) for cell in cells]
            if await self.read_hash(path) != model["hash"]:
                return await self._put_beside(path, results)
            told = self._storing[path] = self._tell_hash(path, model["hash"])
            try:
                place = await self._store(path, notebook)
                self._told[path] = place.hash, told
            finally:
                del self._storing[path]
            _LOG.info("The output of %d cells was put into %s.", len(results), path)
            return place

    def _tell_hash(self, path: str, actual: str) -> str:
        """Return the hash that pages are told."""
        if path in self._storing:  # the file may have what is being put into it
            return self._storing[path]
        put, told = self._told.get(path, ("", ""))
        return told if actual == put else actual

    async def _put_beside(self, path: str, results: Sequence[Result]) -> Place:
        old = PurePosixPath(path)
        names = (str(old.with_name(f"{old.stem}-output{number or ''}.ipynb")) for number in range(_MOST_NAMES))
        for name in names:
            if await self._find(name, content=False) is None:
                _LOG.warning("Another program has changed %s. The output of its cells is in %s.", path, name)
                return await self._store(name, from_dict(make_notebook(results)))
        raise OSError(f"{path} has {_MOST_NAMES} files of output beside it")

    async def _store(self, path: str, notebook: Any) -> Place:
        await ensure_async(self._write({"type": "notebook", "format": "json", "content": notebook}, path))
        return Place(path, await self._learn(path))

    async def _find(self, path: str, *, content: bool = True) -> dict[str, Any] | None:
        """Return a notebook with its hash, None if there is none."""
        try:
            return dict(await ensure_async(self._read(path, content=content, type="notebook", require_hash=True)))
        except HTTPError as error:
            if error.status_code != _NOT_FOUND:
                raise
            return None

    async def _learn(self, path: str) -> str:
        self._known[path] = await self.read_hash(path) or ""
        return self._known[path]

    async def _get(self, path: str, content: Any = True, *more: Any, **options: Any) -> Any:  # noqa: FBT002 - Jupyter's
        """Answer as the manager's `get`."""
        name = path.strip("/")
        is_notebook = bool(content) and name.endswith(".ipynb")
        results = await self._browsers.before_reading(name) if is_notebook else ()
        model = await ensure_async(self._read(path, content, *more, **options))
        if is_notebook and model.get("type") == "notebook":
            if results:
                notebook = model["content"]
                notebook["cells"] = [from_dict(cell) for cell in merge(notebook["cells"], results)]
            if model.get("hash"):
                self._known[name] = str(model["hash"])
            else:
                await self._learn(name)
        if isinstance(model, dict) and model.get("hash"):
            model["hash"] = self._tell_hash(name, str(model["hash"]))
        return model

    async def _save(self, model: dict[str, Any], path: str = "") -> Any:
        """Answer as the manager's `save`."""
        name = path.strip("/")
        if model.get("type") != "notebook" or "chunk" in model:
            return await ensure_async(self._write(model, path))
        async with self._locks[name]:
            before = self._known.get(name)
            answer = await ensure_async(self._write(model, path))
            cells = (model.get("content") or {}).get("cells", [])
            self._told.pop(name, None)
            await self._learn(name)
            self._browsers.note_saved(name, cells, before)
        return answer


def _remove_passing_ids(notebook: Any) -> None:
    """Remove the IDs that Jupyter gave to the cells of a notebook older than version 4: each reader gets others."""
    if "orig_nbformat" in notebook["metadata"]:
        notebook["nbformat_minor"] = min(notebook["nbformat_minor"], _LAST_WITHOUT_IDS)
        for cell in notebook["cells"]:
            cell.pop("id", None)
