"""docs/pools.md has a row for each kind of pool; what is in it, the runs on the pools check."""

from support import kinds
from testbed.pool.kinds import KINDS, USUAL

PAGE = kinds.PAGE.read_text()
ROWS = {line.split("`")[1]: line for line in PAGE.splitlines() if line.startswith("| `")}


def test_each_kind_has_a_row_with_a_cell_for_each_column():
    assert list(ROWS) == [USUAL, *(kind.name for kind in KINDS)]
    for kind in KINDS:
        cells = ROWS[kind.name].strip("| ").split(" | ")
        assert cells[1] == kind.about
        assert len(cells) == 2 + len(kinds.COLUMNS)


def test_rows_that_were_noted_take_the_place_of_the_old_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(kinds, "NOTED", tmp_path)
    assert kinds.update_page(PAGE) == PAGE
    (tmp_path / "no-chirp.md").write_text(kinds.render_row("no-chirp", {"launcher": "maybe"}))
    changed = kinds.update_page(PAGE)
    assert "| maybe | - | - | - | - | - | - |\n" in changed
    assert len(changed.splitlines()) == len(PAGE.splitlines())
