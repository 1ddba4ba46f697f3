"""Ways in which the recorder could put output where it doesn't belong, or lose a person's text; the server is real."""

import contextlib
import json

import pytest

from support.jupyter_server import serve_recorder
from support.notebook_client import SLOW, NotebookClient, lines, make_cell, make_notebook, text_of, write_cells
from support.waiting import assert_never, patience, wait_for

pytest.importorskip("jupyter_server")
pytest.importorskip("ipykernel")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("recorder dangers")]  # one server for all


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serve_recorder(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def path(request):
    return request.node.name[:60] + ".ipynb"


def open_with(server, path, *sources, **options):
    write_cells(server, path, *sources)
    return NotebookClient(server, path, **options)


def read(server, path):
    """Return a notebook's cells as source and text; none while Jupyter writes it."""
    with contextlib.suppress(ValueError, FileNotFoundError):
        cells = json.loads((server.home / path).read_text())["cells"]
        return [("".join(cell["source"]), text_of(cell)) for cell in cells]
    return []


def wait_cells(server, path, *cells):
    wait_for(lambda: read(server, path) == list(cells), 60, lambda: f"{cells} in the file, not {read(server, path)}")


def test_the_output_of_a_notebook_without_ids_is_in_the_cell_with_its_text(server, path):
    old = make_notebook(*({**make_cell("", text)} for text in ("1", SLOW.format(15))))
    for cell in old["cells"]:
        del cell["id"]
    (server.home / path).write_text(json.dumps({**old, "nbformat_minor": 4}))
    page = NotebookClient(server, path)
    page.request(SLOW.format(15), {"cellId": "made up by this page"})
    page.wait_printed("line 3")
    page.close()
    wait_cells(server, path, ("1", ""), (SLOW.format(15), lines(15)))


def test_two_notebooks_that_share_a_kernel_get_nothing_of_each_other(server, path):
    one = open_with(server, path, "print('one')")
    one.run("c0")
    one.wait_sent()
    two = open_with(server, "other " + path, "print('two')", kernel=one.kernel)
    two.wait_sent()
    two.wait_done(two.run("c0"))
    two.close()
    one.discard()
    wait_cells(server, path, ("print('one')", "one\n"))
    assert_never(lambda: "two\n" in json.dumps(read(server, path)), 5, "it has the other's output")
    assert read(server, "other " + path) == [("print('two')", "")]


def test_a_new_notebook_with_the_name_of_a_deleted_one_gets_nothing_of_it(server, path):
    page = open_with(server, path, SLOW.format(20))
    page.run("c0")
    page.close()
    server.ask(f"/api/contents/{path}", method="DELETE")
    NotebookClient.write(server, path, make_notebook(make_cell("new", "")))
    page = NotebookClient(server, path)
    assert [cell["id"] for cell in page.content["cells"]] == ["new"]
    page.close()
    assert_never(lambda: len(read(server, path)) > 1, 6, "a cell of the deleted notebook is in it")
    assert not list(server.home.glob(path.replace(".ipynb", "-output*")))


def test_a_notebook_that_a_program_puts_where_a_renamed_one_was_is_another(server, path):
    page = open_with(server, path, SLOW.format(20))
    page.run("c0")
    page.close()
    server.ask(f"/api/contents/{path}", {"path": "renamed " + path}, method="PATCH")
    wait_cells(server, "renamed " + path, (SLOW.format(20), lines(20)))
    server.ask(f"/api/kernels/{page.kernel}", method="DELETE")
    (server.home / path).write_text(json.dumps(make_notebook(make_cell("c0", "print('of the other')"))))
    other = NotebookClient(server, path)
    other.run("c0")
    other.close()
    wait_cells(server, path, ("print('of the other')", "of the other\n"))
    assert read(server, "renamed " + path) == [(SLOW.format(20), lines(20))]


def test_a_cell_that_was_moved_to_another_notebook_does_not_come_back(server, path):
    page = open_with(server, path, SLOW.format(15), "1")
    page.run("c0")
    moved = page.content["cells"].pop(0)
    page.save()
    NotebookClient.write(server, "other " + path, make_notebook(moved))
    page.close()
    assert_never(lambda: len(read(server, path)) == 2, 6, "the cell is back")
    assert read(server, "other " + path) == [(SLOW.format(15), "")]


def test_a_notebook_that_changed_its_kernel_has_the_last_run_of_each_cell_in_the_end(tmp_path_factory):
    with serve_recorder(tmp_path_factory.mktemp("change")) as server:
        page = open_with(server, "a.ipynb", "print('by the first')", "print('by the first only')")
        page.run("c1")
        page.wait_done(page.run("c0"))
        session = next(each for each in server.ask("/api/sessions") if each["path"] == "a.ipynb")
        kernel = server.ask("/api/kernels", {"name": "python3"})["id"]
        server.ask(f"/api/sessions/{session['id']}", {"kernel": {"id": kernel}}, method="PATCH")  # ends the first
        second = NotebookClient(server, "a.ipynb")
        assert second.kernel == kernel
        second.wait_done(second.run("c0", "print('by the second')"))
        second.close()
        page.discard()
        server.ask("/api/shutdown", {})
        server.process.wait(60 * patience())
    assert read(server, "a.ipynb") == [
        ("print('by the second')", "by the second\n"), ("print('by the first only')", "by the first only\n")
    ]  # fmt: skip


def test_a_script_that_is_run_by_percent_run_and_what_it_starts_are_recorded(server, path):
    code = "import os\nprint('a script')\nos.system('echo a program')"
    (server.home / "script.py").write_text(code)
    page = open_with(server, path, "%run script.py")
    page.run("c0")
    page.close()
    wait_cells(server, path, ("%run script.py", "a script\na program\n"))


def test_the_text_of_cells_that_wait_is_kept_when_the_server_ends(tmp_path_factory):
    with serve_recorder(tmp_path_factory.mktemp("end"), grace=600) as server:
        page = open_with(server, "a.ipynb", SLOW.format(200), "2", "3")
        page.run("c0")
        page.run("c1", "typed")
        page.content["cells"].append(make_cell("c3", ""))
        page.run("c3", "typed, too")
        page.wait_printed("line 5")
        page.discard()
        server.ask("/api/shutdown", {})
        server.process.wait(60 * patience())
    assert [source for source, _ in read(server, "a.ipynb")][1:] == ["typed", "typed, too", "3"]


def test_a_notebook_open_twice_keeps_what_the_page_that_stays_saves(server, path):
    one = open_with(server, path, "print('x')", "2")
    one.wait_done(one.run("c0"))
    two = NotebookClient(server, path)
    two.catch_up(opens=True)
    one.close()
    two.cell("c1")["source"] = "typed in the second"
    two.save()
    two.close()
    wait_cells(server, path, ("print('x')", "x\n"), ("typed in the second", ""))


def test_a_page_that_opens_what_another_program_changed_shows_that_and_the_output_is_beside_it(server, path):
    code = SLOW.format(30)
    one = open_with(server, path, "1")
    one.run("c0", code)
    one.wait_printed("line 3")
    (server.home / path).write_text(json.dumps(make_notebook(make_cell("c0", "of another branch"))))
    two = NotebookClient(server, path)  # while the first is there
    assert two.cell("c0")["source"] == "of another branch"
    assert not two.cell("c0")["outputs"]
    two.save()
    two.close()
    one.close()
    wait_cells(server, path.replace(".ipynb", "-output.ipynb"), (code, lines(30)))
    assert read(server, path) == [("of another branch", "")]
