"""What the recorder keeps of a notebook's output, in a real Jupyter server with real kernels."""

import contextlib
import json
import signal
import time

import pytest

from support.jupyter_server import serve_recorder
from support.notebook_client import SLOW, NotebookClient, lines, make_cell, make_notebook, text_of, write_cells
from support.waiting import assert_never, patience, wait_for

pytest.importorskip("jupyter_server")
pytest.importorskip("ipykernel")

pytestmark = pytest.mark.xdist_group("recorder")  # one server for all


#: Prints three seconds after its cell has ended.
THREAD = """
import threading, time
def print_late():
    time.sleep(3)
    print("late", flush=True)
threading.Thread(target=print_late).start()
print("started", flush=True)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serve_recorder(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def path(request):
    return request.node.name.replace("[", "-").replace("]", "")[:60] + ".ipynb"


def on_disk(server, path):
    """Return a notebook, once Jupyter has written all of it."""
    found = []

    def read():
        with contextlib.suppress(ValueError):
            found[:] = [json.loads((server.home / path).read_text())]
        return found

    return wait_for(read, 10, f"{path} to be whole")[0]


def open_with(server, path, *sources):
    write_cells(server, path, *sources)
    return NotebookClient(server, path)


def wait_text(server, path, text, cell=0):
    def look():
        return [text_of(found) for found in on_disk(server, path)["cells"][cell : cell + 1]] == [text]

    wait_for(look, 60, lambda: f"{text!r} in the file, which has {on_disk(server, path)['cells']}", every=0.2)


def test_a_closed_tab_s_output_is_in_the_file_with_its_count_and_trusted(server, path):
    page = open_with(server, path, SLOW.format(15))
    page.run("c0")
    page.close()
    wait_text(server, path, lines(15))
    cell = on_disk(server, path)["cells"][0]
    assert cell["execution_count"] == 1
    assert NotebookClient.read(server, path)["cells"][0]["metadata"]["trusted"] is True


@pytest.mark.slow
def test_a_page_that_opens_the_notebook_meanwhile_has_what_was_printed_and_the_file_has_all_in_the_end(server, path):
    page = open_with(server, path, SLOW.format(30))
    page.run("c0")
    page.close()
    time.sleep(1.5)
    second = NotebookClient(server, path)
    shown = text_of(second.content["cells"][0])
    assert shown.startswith("line 0\n")
    assert "line 29" not in shown
    second.save()
    second.close()
    wait_text(server, path, lines(30))


def test_the_file_isn_t_touched_while_a_browser_is_there(server, path):
    page = open_with(server, path, "print(1)")
    before = (server.home / path).read_bytes()
    page.wait_done(page.run("c0"))
    assert_never(lambda: (server.home / path).read_bytes() != before, 8, "the file is written")
    page.close()


def test_what_a_person_saved_after_the_end_stays(server, path):
    page = open_with(server, path, "print('secret')")
    page.wait_done(page.run("c0"))
    time.sleep(6)
    page.save()  # cleared
    page.close()
    assert_never(lambda: "secret\\n" in (server.home / path).read_text(), 8, "the output is back")


@pytest.mark.slow
def test_text_that_was_typed_and_run_but_not_saved_is_kept(server, path):
    page = open_with(server, path, "1", "2")
    page.content["cells"].insert(1, make_cell("new", ""))
    page.run("c0", "print('typed')")
    page.run("new", "print('a new cell')")
    page.close()
    wait_text(server, path, "a new cell\n", cell=1)
    cells = on_disk(server, path)["cells"]
    assert ["".join(cell["source"]) for cell in cells] == ["print('typed')", "print('a new cell')", "2"]


@pytest.mark.slow
def test_text_that_was_saved_while_the_cell_ran_is_kept(server, path):
    page = open_with(server, path, SLOW.format(15))
    page.run("c0")
    page.cell("c0")["source"] += "# a thought"
    page.save()
    page.close()
    wait_text(server, path, lines(15))
    assert "".join(on_disk(server, path)["cells"][0]["source"]).endswith("# a thought")


@pytest.mark.slow
def test_a_cell_that_was_deleted_while_it_ran_stays_deleted(server, path):
    page = open_with(server, path, SLOW.format(15), "print('the other')")
    page.run("c0")
    page.run("c1")
    page.content["cells"] = page.content["cells"][1:]
    page.save()
    page.close()
    wait_text(server, path, "the other\n")
    assert [cell["id"] for cell in on_disk(server, path)["cells"]] == ["c1"]


def test_a_file_that_another_program_changed_stays_as_it_is_and_the_output_is_beside_it(server, path):
    page = open_with(server, path, SLOW.format(30), "print('the second')")
    page.run("c0")
    page.run("c1")
    page.close()
    other = json.dumps(make_notebook(make_cell("c0", "of another branch")))
    (server.home / path).write_text(other)
    beside = path.replace(".ipynb", "-output.ipynb")
    wait_for((server.home / beside).exists, 60, "the file beside")
    wait_text(server, beside, lines(30))
    wait_text(server, beside, "the second\n", cell=1)
    assert (server.home / path).read_text() == other
    assert not list(server.home.glob(path.replace(".ipynb", "-output1*")))


@pytest.mark.slow
def test_a_notebook_that_was_renamed_gets_its_output_under_the_new_name(server, path):
    page = open_with(server, path, SLOW.format(20))
    page.run("c0")
    server.ask(f"/api/contents/{path}", {"path": "new " + path}, method="PATCH")
    page.close()
    wait_text(server, "new " + path, lines(20))
    assert not (server.home / path).exists()


@pytest.mark.slow
def test_all_cells_are_kept_and_none_runs_after_an_error(server, path):
    page = open_with(server, path, SLOW.format(10), "print('b')", "1/0", "print('never')")
    for name in ("c0", "c1", "c2", "c3"):
        page.run(name)
    page.close()
    wait_for(lambda: on_disk(server, path)["cells"][2]["outputs"], 60, "the error in the file")
    cells = on_disk(server, path)["cells"]
    assert text_of(cells[1]) == "b\n"
    assert cells[2]["outputs"][0]["ename"] == "ZeroDivisionError"
    assert cells[3]["outputs"] == []
    assert [cell["execution_count"] for cell in cells] == [1, 2, 3, None]


@pytest.mark.slow
def test_displays_are_updated_cleared_and_drawn_over_as_in_a_page(server, path):
    page = open_with(
        server,
        path,
        "from IPython.display import display\nh = display('old', display_id=True)",
        "import time\nfor i in range(30):\n    print(f'\\r{i:3d} %', end='', flush=True)\n    time.sleep(0.02)",
        "from IPython.display import clear_output\nprint('gone')\nclear_output(wait=True)\nprint('stays')",
        "import time; time.sleep(1); h.update('new')",
    )
    for name in ("c0", "c1", "c2", "c3"):
        page.run(name)
    page.close()
    wait_for(lambda: "'new'" in json.dumps(on_disk(server, path)["cells"][0]), 60, "the update")
    cells = on_disk(server, path)["cells"]
    assert len(cells[0]["outputs"]) == 1
    assert text_of(cells[1]) == " 29 %"
    assert text_of(cells[2]) == "stays\n"


@pytest.mark.slow
def test_a_flood_is_bounded_and_the_file_says_so(server, path):
    page = open_with(server, path, "for i in range(1_000_000): print('line', i)")
    page.run("c0")
    page.close()
    wait_for(lambda: "line 999999" in (server.home / path).read_text(), 120, "the last line")
    text = text_of(on_disk(server, path)["cells"][0])
    assert text.startswith("line 0\n")
    assert text.endswith("line 999999\n")
    assert "are left out here" in text
    assert len(text) < 3_000_000


@pytest.mark.slow
def test_a_restarted_kernel_is_recorded_and_so_is_one_that_died(server, path):
    page = open_with(server, path, "print('a')", "import os; os.kill(os.getpid(), 9)", "print('c')")
    page.wait_done(page.run("c0"))
    page.restart()
    page.wait_done(page.run("c0", "print('b')"))
    page.run("c1")
    wait_for(lambda: server.ask(f"/api/kernels/{page.kernel}")["execution_state"] == "idle", 60, "it to be back")
    page.close()
    page = NotebookClient(server, path)
    page.run("c2")
    page.close()
    wait_text(server, path, "c\n", cell=2)
    assert text_of(on_disk(server, path)["cells"][0]) == "b\n"


#: Has ZeroMQ connect the recorder to a kernel late when that is back, as it may by chance.
LATE = """
import zmq
from jupyter_session.recorder.subscription import Subscription

begin = Subscription.__init__

def begin_late(self, kernel, *more):
    usual = dict(kernel.context.sockopts)
    kernel.context.sockopts = {**usual, zmq.RECONNECT_IVL: 1500}
    begin(self, kernel, *more)
    kernel.context.sockopts = usual

Subscription.__init__ = begin_late
"""


@pytest.mark.slow
def test_the_first_line_after_a_restart_is_heard(tmp_path_factory, path):
    with serve_recorder(tmp_path_factory.mktemp("late"), python=LATE) as server:
        page = open_with(server, path, "print('a')")
        page.wait_done(page.run("c0"))
        page.restart()
        page.wait_heard(page.run("c0", "print('first')\nprint('second')"), "execute_reply")
        page.close()
        wait_text(server, path, "first\nsecond\n")


@pytest.mark.slow
def test_a_kernel_that_is_shut_down_after_its_browser_has_gone_leaves_its_output(server, path):
    page = open_with(server, path, SLOW.format(100))
    page.run("c0")
    time.sleep(1)
    page.close()
    server.ask(f"/api/kernels/{page.kernel}", method="DELETE")
    wait_for(lambda: text_of(on_disk(server, path)["cells"][0]).startswith("line 0\n"), 60, "the output")


def test_what_a_thread_prints_after_its_cell_is_kept_though_another_request_came_meanwhile(server, path):
    page = open_with(server, path, THREAD)
    page.wait_done(page.run("c0"))
    page.ask_about_kernel()
    page.close()
    wait_text(server, path, "started\nlate\n")


@pytest.mark.slow
def test_a_console_is_not_recorded(server, path):
    page = open_with(server, path, "1")
    page.wait_done(page.request("print('of a console')", {}))
    page.close()
    assert_never(lambda: "of a console" in (server.home / path).read_text(), 7, "it is recorded")


@pytest.mark.slow
@pytest.mark.parametrize("is_open", [True, False], ids=["tab open", "tab closed"])
@pytest.mark.parametrize("way", ["request", "signal"])
def test_all_is_written_when_the_server_ends(tmp_path_factory, way, is_open):
    with serve_recorder(tmp_path_factory.mktemp("end"), grace=600) as server:  # short: sockets are in it
        page = open_with(server, "a.ipynb", SLOW.format(100))
        page.run("c0")
        page.wait_printed("line 9")
        if not is_open:
            page.close()
        if way == "request":
            server.ask("/api/shutdown", {})
        else:
            server.process.send_signal(signal.SIGTERM)
        server.process.wait(30 * patience())
        page.discard()
    assert text_of(on_disk(server, "a.ipynb")["cells"][0]).startswith(lines(10))
