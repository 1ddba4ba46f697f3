"""What the recorder makes of one kernel's requests, messages, and pages, without a server."""

import tracemalloc

import pytest

from jupyter_session.recorder.kernel_runs import KernelRuns
from jupyter_session.recorder.record import Need, decide_need
from jupyter_session.recorder.subscription import Cause, Message


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def runs(clock):
    runs = KernelRuns("kernel", clock)
    runs.note_paths(frozenset({"a.ipynb"}))
    runs.note_connected("page")
    return runs


def ask(runs, cell, source="code", asker="page"):
    request = f"request of {cell} {len(runs.runs)}"
    runs.note_request({"msg_id": request}, cell, source, asker, "base")
    return request


def say(runs, request, kind, **content):
    runs.hear(Cause("message", kind, "session", request, is_kept=False), [])
    runs.note(Message(kind, request, content, sum(len(str(value)) for value in content.values())))


def run(runs, cell, *texts):
    request = ask(runs, cell)
    say(runs, request, "execute_input", execution_count=1)
    for text in texts:
        say(runs, request, "stream", name="stdout", text=text)
    say(runs, request, "status", execution_state="idle")
    return runs.runs[request]


def cell(name, *texts):
    outputs = [{"output_type": "stream", "name": "stdout", "text": text} for text in texts]
    return {"cell_type": "code", "id": name, "source": "code", "outputs": outputs}


def save(runs, cells):
    runs.note_saved(cells, runs.runs.values())


def size_of(runs):
    return sum(run.outputs.size for run in runs.runs.values())


def test_a_flood_that_a_page_saved_whole_is_not_replaced_by_what_is_kept_of_it(runs, clock):
    text = "".join(f"line {i}\n" for i in range(400_000))
    found = run(runs, "c0", text)
    assert not found.outputs.is_whole
    clock.now += 1
    save(runs, [cell("c0", text)])
    runs.note_gone("page")
    assert not runs.list_unwritten(0)


def test_a_flood_of_which_a_page_saved_the_beginning_is_written(runs, clock):
    text = "".join(f"line {i}\n" for i in range(400_000))
    found = run(runs, "c0", text)
    clock.now += 1
    save(runs, [cell("c0", text[:1_500_000])])
    runs.note_gone("page")
    assert decide_need(found) is Need.OUTPUTS


def test_a_cell_that_waits_when_all_pages_go_keeps_its_text(runs, clock):
    run(runs, "c0")
    ask(runs, "c1", "typed")
    runs.note_gone("page")
    clock.now += 90
    waiting = runs.list_unwritten(90)[-1]
    assert (waiting.code, decide_need(waiting)) == ("typed", Need.TEXT)
    save(runs, [cell("c1")])
    assert decide_need(waiting) is Need.NOTHING


def test_a_cell_without_an_id_is_not_taken_for_a_deleted_one(runs, clock):
    found = run(runs, "c0", "line\n")
    save(runs, [{"cell_type": "code", "source": "code", "outputs": []}])
    assert decide_need(found) is Need.OUTPUTS
    clock.now += 1
    save(runs, [{"cell_type": "code", "source": "code", "outputs": cell("", "line\n")["outputs"]}])
    assert decide_need(found) is Need.NOTHING


def test_a_notebook_that_gets_the_old_name_of_a_renamed_one_is_another(runs):
    runs.path = "renamed.ipynb"  # no page has it open: Jupyter's session has the old name
    runs.note_paths(frozenset({"a.ipynb"}))
    assert runs.path == "renamed.ipynb"
    other = KernelRuns("another kernel", Clock())
    other.note_paths(frozenset({"a.ipynb"}))
    assert other.path == "a.ipynb"


def test_what_ran_in_one_notebook_is_never_put_into_another_that_uses_the_same_kernel(runs):
    run(runs, "c0", "of a\n")
    runs.note_paths(frozenset({"a.ipynb", "b.ipynb"}))
    assert (runs.is_shared, runs.path) == (True, "a.ipynb")
    runs.note_paths(frozenset({"b.ipynb"}))
    assert (runs.path, list(runs.runs)) == ("b.ipynb", [])


def test_a_deleted_notebook_gets_nothing(runs):
    found = run(runs, "c0", "line\n")
    runs.note_deleted()
    assert decide_need(found) is Need.NOTHING


def test_what_a_thread_prints_after_its_cell_belongs_to_the_last_that_ran(runs):
    first, last = run(runs, "c0", "a\n"), run(runs, "c1", "b\n")
    ask(runs, "c2")  # it waits
    say(runs, "", "stream", name="stdout", text="late\n")
    say(runs, "", "status", execution_state="idle")
    assert [each.outputs.render()[0]["text"] for each in (first, last)] == ["a\n", "b\nlate\n"]
    runs.hear(Cause("m", "execute_input", "s", "a console's", is_kept=True), [])
    say(runs, "", "stream", name="stdout", text="later\n")
    assert last.outputs.render()[0]["text"] == "b\nlate\n"


def test_displays_that_nobody_sees_any_longer_are_forgotten(runs):
    request = ask(runs, "c0")
    for number in range(3000):
        data = {"text/plain": f"{number} " * 500}
        say(runs, request, "display_data", data=data, transient={"display_id": f"d{number}"})
        say(runs, request, "clear_output", wait=True)
    assert len(runs.runs._displays) < 1500
    for _ in range(100):
        run(runs, "c1")
    assert len(runs.runs) == 2


def test_a_display_that_grows_is_counted(runs):
    request = ask(runs, "c0")
    say(runs, request, "display_data", data={"text/plain": "x"}, transient={"display_id": "d"})
    say(runs, request, "update_display_data", data={"text/plain": "x" * 100_000}, transient={"display_id": "d"})
    assert runs.runs[request].outputs.size > 100_000
    assert runs.runs[request].outputs.render()[0]["data"] == {"text/plain": "x" * 100_000}


def test_many_cells_that_no_file_has_keep_their_ends(runs):
    runs.note_gone("page")
    for number in range(150):
        run(runs, f"c{number}", "first\n", "x" * 1_900_000, "\nlast\n")
    assert len(runs.runs) == 150
    assert size_of(runs) < 70_000_000
    for found in runs.runs.values():
        (output,) = found.outputs.render()
        assert output["text"].startswith("first\n")
        assert output["text"].endswith("\nlast\n")
    assert "are left out here" in runs.runs["request of c0 0"].outputs.render()[0]["text"]


def test_many_cells_with_pictures_are_bounded_too(runs):
    for number in range(100):
        request = ask(runs, f"c{number}")
        for _ in range(4):
            say(runs, request, "display_data", data={"image/png": "x" * 1_000_000})
    assert size_of(runs) < 70_000_000


def test_what_a_file_has_is_forgotten_first(runs):
    for number in range(60):
        found = run(runs, f"c{number}", f"{number}" * 900_000)
        if number < 50:
            found.written = found.changes
    runs.runs.bound()
    left = [found.cell for found in runs.runs.values()]
    assert left[-10:] == [f"c{number}" for number in range(50, 60)]
    assert all(found.outputs.is_whole for found in runs.runs.values())


@pytest.mark.slow
def test_the_memory_for_a_thousand_cells_with_big_outputs_is_bounded_while_no_file_has_them(runs):
    runs.note_gone("page")
    tracemalloc.start()
    try:
        peaks = []
        for number in range(1000):
            parts = (f"{number} {part} " + "x" * 300_000 + "\n" for part in range(8))
            run(runs, f"c{number}", *parts)
            if number in (99, 999):
                peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert len(runs.runs) == 1000
    assert peaks[0] < 100_000_000
    assert peaks[1] < 250_000_000  # 2,400 MB were printed; of each cell, both ends stay
