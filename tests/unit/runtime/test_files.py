"""Files that are written whole or not at all."""

import stat

import pytest

from jupyter_session.files import write_atomically


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_is_replaced_with_its_mode(tmp_path, mode):
    path = tmp_path / "a"
    path.write_text("old")
    (tmp_path / ".a.new").write_text("left behind")
    write_atomically(path, "new", mode=mode)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", mode)
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "a"
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        write_atomically(path, "new")
    assert [file.name for file in tmp_path.iterdir()] == ["a"]
