"""What the recorder tells pages that were away, or that open a notebook whose cells run; the server is real."""

import json
import time

import pytest

from support.jupyter_server import serve_recorder
from support.notebook_client import SLOW, NotebookClient, lines, make_notebook, text_of, write_cells
from support.waiting import wait_for

pytest.importorskip("jupyter_server")
pytest.importorskip("ipykernel")

pytestmark = pytest.mark.xdist_group("recorder pages")  # one server for all


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("server")
    with serve_recorder(home) as server:
        yield server


PAGES = []


@pytest.fixture(autouse=True)
def close_pages():
    """Close the pages that a test opened, also when it fails."""
    yield
    while PAGES:
        PAGES.pop().discard()


def new_page(server, path):
    PAGES.append(NotebookClient(server, path))
    return PAGES[-1]


@pytest.fixture
def path(request):
    return request.node.name.replace("[", "-").replace("]", "")[:60] + ".ipynb"


def open_with(server, path, *sources):
    write_cells(server, path, *sources)
    page = new_page(server, path)
    page.catch_up(opens=True)
    return page


def text_on_disk(server, path, cell=0):
    try:
        return text_of(json.loads((server.home / path).read_text())["cells"][cell])
    except ValueError:
        return None  # Jupyter is writing it


def told_hash(server, path):
    return server.ask(f"/api/contents/{path}?content=0&hash=1")["hash"]


def open_another(server, path, *, count=1):
    """Open the notebook in another page that follows what runs there; return it and the requests."""
    page = new_page(server, path)
    runs = page.catch_up(opens=True)["runs"]
    assert len(runs) == count
    for run in runs:
        page.follow(run["request"], run["cell"])
    return page, [run["request"] for run in runs]


@pytest.mark.parametrize("way", ["freeze", pytest.param("cut", marks=pytest.mark.slow)])
def test_a_page_that_comes_back_while_a_cell_runs_has_each_line_once_and_the_end(server, path, way):
    page = open_with(server, path, SLOW.format(30))
    request = page.run("c0")
    page.wait_printed("line 5")
    if way == "freeze":
        page.freeze()
    else:
        page.cut()
        time.sleep(1)
        page.reconnect()
    page.catch_up()
    page.wait_over(request)
    assert page.text[request] == lines(30)


@pytest.mark.slow
def test_a_page_that_comes_back_after_the_end_has_each_line_once_and_the_end(server, path):
    page = open_with(server, path, SLOW.format(20))
    request = page.run("c0")
    page.wait_printed("line 5")
    page.cut()
    wait_for(lambda: text_on_disk(server, path) == lines(20), 60, "the file to have all")
    page.reconnect()
    page.catch_up()
    page.wait_over(request)
    assert page.text[request] == lines(20)


@pytest.mark.slow
def test_a_page_that_comes_back_after_a_flood_is_told_what_the_recorder_keeps(server, path):
    page = open_with(server, path, "for i in range(200_000): print('line', i)")
    request = page.run("c0")
    page.wait_printed("line 5")
    page.cut()
    wait_for(lambda: "line 199999" in (text_on_disk(server, path) or ""), 90, "the file to have the last line")
    page.reconnect()
    page.catch_up()
    page.wait_over(request)
    assert page.kinds[request].count("execute_reply") == 1


def test_a_page_that_opens_the_notebook_while_a_cell_runs_shows_all_of_it_and_its_end(server, path):
    first = open_with(server, path, SLOW.format(30), "print('the second')")
    first.run("c0")
    first.run("c1")
    first.close()
    page, (one, two) = open_another(server, path, count=2)
    page.wait_over(one)
    page.wait_over(two)
    assert page.text == {one: lines(30), two: "the second\n"}


def test_a_question_is_asked_again_in_the_page_that_opens_the_notebook(server, path):
    first = open_with(server, path, "print('hello', input('name? '))")
    request = first.run("c0")
    first.wait_heard(request, "input_request")
    first.close()
    page, (request,) = open_another(server, path)
    page.wait_heard(request, "input_request")
    page.answer("Ada")
    page.wait_over(request)
    assert page.text[request] == "hello Ada\n"
    page.close()
    wait_for(lambda: text_on_disk(server, path) == "name?  Ada\nhello Ada\n", 60, "the answer in the file")


@pytest.mark.slow
def test_a_question_that_comes_while_all_pages_are_away_is_asked_in_the_next(server, path):
    first = open_with(server, path, "import time\ntime.sleep(3)\nprint('hello', input('name? '))")
    first.run("c0")
    first.close()
    page, (request,) = open_another(server, path)
    page.close()  # now its server keeps nothing for the first page
    time.sleep(4)
    page, (request,) = open_another(server, path)
    page.wait_heard(request, "input_request")
    page.answer("Ada")
    page.wait_over(request)
    assert page.text[request] == "hello Ada\n"


@pytest.mark.slow
def test_a_page_that_comes_back_is_not_asked_twice(server, path):
    page = open_with(server, path, "print('hello', input('name? '))")
    request = page.run("c0")
    page.wait_heard(request, "input_request")
    page.freeze()
    page.catch_up()
    page.answer("Ada")
    page.wait_over(request)
    assert page.kinds[request].count("input_request") == 1


def test_another_connected_page_keeps_its_run(server, path):
    first = open_with(server, path, SLOW.format(20))
    first.run("c0")
    second = new_page(server, path)
    assert second.catch_up(opens=True) == {"status": "ok", "runs": [], "again": True}
    second.close()


def test_a_page_that_comes_back_can_save_what_the_recorder_wrote_in_the_meantime(server, path):
    page = open_with(server, path, SLOW.format(10))
    known = told_hash(server, path)
    page.run("c0")
    page.wait_printed("line 0")  # else the request may be cut off, too
    page.cut()
    wait_for(lambda: text_on_disk(server, path) == lines(10), 60, "the output in the file")
    assert told_hash(server, path) == known
    page.cell("c0")["outputs"] = [{"output_type": "stream", "name": "stdout", "text": lines(10)}]
    page.save()
    assert told_hash(server, path) != known
    (server.home / path).write_text(json.dumps(make_notebook()))
    assert told_hash(server, path) not in (known, page)


@pytest.mark.slow
def test_output_that_a_page_which_comes_back_overwrites_is_written_again(server, path):
    page = open_with(server, path, SLOW.format(10))
    page.run("c0")
    page.wait_printed("line 0")  # else the request may be cut off, too
    page.cut()
    wait_for(lambda: text_on_disk(server, path) == lines(10), 60, "the output in the file")
    page.reconnect()  # and doesn't ask what it missed
    page.save()
    assert text_on_disk(server, path) == ""
    page.close()
    wait_for(lambda: text_on_disk(server, path) == lines(10), 60, "the output in the file again")


@pytest.mark.slow
def test_what_a_person_clears_in_a_page_that_opened_it_later_stays_cleared(server, path):
    page = open_with(server, path, "print('gone')")
    page.wait_done(page.run("c0"))
    page.close()
    wait_for(lambda: text_on_disk(server, path) == "gone\n", 60, "the output in the file")
    page = new_page(server, path)
    page.catch_up(opens=True)
    page.cell("c0")["outputs"] = []
    page.save()
    page.close()
    time.sleep(8)
    assert text_on_disk(server, path) == ""


@pytest.mark.slow
def test_a_cell_that_is_run_right_after_the_page_is_back_runs(server, path):
    page = open_with(server, path, "1")
    for _ in range(5):  # seed 8 of the walks: its request was lost between two connections of one name
        page.freeze()
        page.catch_up()
        page.wait_over(page.run("c0"))


@pytest.mark.slow
def test_the_text_of_help_is_kept(server, path):
    page = open_with(server, path, "import time\ntime.sleep(1)\nget_ipython().run_line_magic('pinfo', 'len')")
    page.run("c0")
    page.close()
    wait_for(lambda: "Return the number of items" in (server.home / path).read_text(), 60, "the help in the file")


@pytest.mark.slow
def test_a_run_of_a_kernel_that_is_restarted_ends_in_the_page_that_follows_it(server, path):
    first = open_with(server, path, SLOW.format(300))
    first.run("c0")
    first.close()
    page, _ = open_another(server, path)
    server.ask(f"/api/kernels/{page.kernel}/restart", {})
    again = new_page(server, path)
    assert again.catch_up(opens=True)["runs"] == []
    again.close()
