"""How the recorder puts output into files beside the browsers: Jupyter's own manager of contents, and no server."""

import asyncio
import json

import pytest

from jupyter_session.recorder.merging import Result
from jupyter_session.recorder.notebook_files import NotebookFiles
from support.notebook_client import make_cell, make_notebook

pytest.importorskip("jupyter_server")

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from tornado.web import HTTPError

RESULT = Result(cell="c0", outputs=[{"output_type": "stream", "name": "stdout", "text": "x"}], count=1, source="code")
OLDEST = {
    "metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"metadata": {}, "cells": [
        {"cell_type": "code", "input": "code", "language": "python", "metadata": {}, "collapsed": False, "outputs": []},
    ]}],
}  # fmt: skip
OLD = {
    **make_notebook({key: value for key, value in make_cell("", "code").items() if key != "id"}), "nbformat_minor": 4
}  # fmt: skip


class Nobody:
    """Browsers that do nothing."""

    async def before_reading(self, path):
        return []

    def note_saved(self, path, cells, before):
        pass


@pytest.fixture
def manager(tmp_path):
    return AsyncLargeFileManager(root_dir=str(tmp_path))


@pytest.fixture
def files(manager):
    return NotebookFiles(manager, Nobody())


def write(folder, content, name="a.ipynb"):
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


def read(folder, name="a.ipynb"):
    return json.loads((folder / name).read_text())


def text_of(notebook):
    return ["".join("".join(output["text"]) for output in cell["outputs"]) for cell in notebook["cells"]]


def put(files, base=None, *, times=1):
    for _ in range(times):
        place = asyncio.run(files.put("a.ipynb", [RESULT], base))
    return place.path


@pytest.mark.parametrize("content", [OLD, OLDEST], ids=["version 4.4", "version 3"])
def test_a_notebook_without_ids_gets_its_output_once_and_stays_valid(tmp_path, files, content):
    nbformat = pytest.importorskip("nbformat")
    write(tmp_path, content)
    assert put(files, times=3) == "a.ipynb"
    found = read(tmp_path)
    assert text_of(found) == ["x"]
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 4)
    nbformat.validate(found, relax_add_props=False)


def test_a_notebook_with_conflict_markers_stays_as_it_is_and_the_output_is_beside_it(tmp_path, files):
    markers = "<<<<<<< HEAD\n" + json.dumps(make_notebook()) + "\n=======\n{}\n>>>>>>> other\n"
    write(tmp_path, markers)
    assert put(files) == "a-output.ipynb"
    assert (tmp_path / "a.ipynb").read_text() == markers
    assert text_of(read(tmp_path, "a-output.ipynb")) == ["x"]


def test_the_output_of_a_notebook_that_can_t_be_written_is_beside_it(tmp_path, manager):
    save = manager.save

    async def refuse(model, path):
        if path == "a.ipynb":
            raise HTTPError(403)
        return await save(model, path)

    manager.save = refuse
    write(tmp_path, make_notebook(make_cell("c0", "code")))
    assert put(NotebookFiles(manager, Nobody())) == "a-output.ipynb"
    assert text_of(read(tmp_path, "a-output.ipynb")) == ["x"]


def test_a_full_disk_is_an_error_and_nothing_is_put_beside(tmp_path, manager):
    async def refuse(model, path):
        raise HTTPError(500)

    manager.save = refuse
    write(tmp_path, make_notebook(make_cell("c0", "code")))
    with pytest.raises(HTTPError):
        put(NotebookFiles(manager, Nobody()))
    assert [path.name for path in tmp_path.glob("*.ipynb")] == ["a.ipynb"]


def test_the_version_of_a_file_that_no_browser_has_read_is_learned(tmp_path, files):
    write(tmp_path, make_notebook(make_cell("c0", "code")))
    base = asyncio.run(files.learn_hash("a.ipynb"))
    write(tmp_path, make_notebook(make_cell("c0", "of another branch")))
    assert put(files, base) == "a-output.ipynb"
