"""How recorded outputs are put into a notebook: by the cells' IDs, or by their texts if it has none."""

from jupyter_session.recorder.merging import Result, merge
from jupyter_session.recorder.same_outputs import has_same_ends, is_beginning


def stream(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


def old_cell(source, *texts):
    """Return a cell as notebooks before version 4.5 have it, without an ID."""
    outputs = [stream(text) for text in texts]
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": outputs, "execution_count": None}


def result(cell, source, text, **more):
    return Result(cell=cell, source=source, outputs=[stream(text)], count=1, **more)


def shown(cells):
    return [(cell["source"], "".join(output["text"] for output in cell["outputs"])) for cell in cells]


def test_a_cell_without_an_id_is_found_by_its_text():
    cells = [old_cell("a", "old"), old_cell(["b\n", "b"])]
    merged = merge(cells, [result("x", "b\nb", "of b"), result("y", "a", "of a")])
    assert shown(merged) == [("a", "of a"), (["b\n", "b"], "of b")]
    assert all("id" not in cell for cell in merged)


def test_of_cells_with_the_same_text_none_loses_another_s_output():
    cells = [old_cell("plot()", "first"), old_cell("plot()"), old_cell("plot()", "th")]
    assert shown(merge(cells, [result("x", "plot()", "third")])) == [
        ("plot()", "first"), ("plot()", "third"), ("plot()", "th")
    ]  # fmt: skip
    full = [old_cell("plot()", "first"), old_cell("plot()", "second")]
    assert shown(merge(full, [result("x", "plot()", "third")]))[:2] == shown(full)


def test_a_text_that_no_cell_has_comes_into_a_new_cell_behind_the_one_that_ran_before():
    cells = [old_cell("a"), old_cell("b")]
    merged = merge(cells, [result("x", "a", "1"), result("y", "typed", "2", after="x")])
    assert shown(merged) == [("a", "1"), ("typed", "2"), ("b", "")]


def test_a_cell_that_has_not_run_yet_keeps_its_outputs_and_gets_its_text():
    cells = [{**old_cell("a", "old"), "id": "x"}]
    waiting = [Result(cell=name, source=f"new {name}", outputs=None, count=None, after="x") for name in "xy"]
    assert shown(merge(cells, waiting)) == [("new x", "old"), ("new y", "")]


def test_output_that_grew_begins_with_what_it_was():
    assert is_beginning([stream("a"), stream("b")], [stream("abc")])
    assert is_beginning([], [stream("a")])
    assert not is_beginning([stream("xy")], [stream("abc")])
    assert not is_beginning([stream("abc"), {"output_type": "error"}], [stream("abc")])


def test_a_long_output_of_which_the_middle_is_left_out_has_the_same_ends():
    text = "".join(f"line {i}\n" for i in range(1000))
    part = [stream(text[:2000] + "[...]" + text[-2000:])]
    assert has_same_ends([stream(text)], part)
    assert not has_same_ends([stream(text[:-9])], part)
    assert not has_same_ends([], part)
