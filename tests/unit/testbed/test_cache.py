"""The test bed's cache: whole entries or none, and few of them."""

import os
from pathlib import Path

import pytest

from testbed.host import cache, locks
from testbed.host.errors import UserError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_CI_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def get(key: str, text: str = "made") -> cache.Entry:
    return cache.get("thing", key, lambda place: put(place, text), what="a thing", takes="1 s")


def put(place: Path, text: str) -> None:
    (place / "file").write_text(text)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("thing-*")}


def test_an_entry_is_built_once():
    first = get("a", "first")
    second = get("a", "second")
    assert (first.path, (second.path / "file").read_text()) == (second.path, "first")


def test_a_build_that_fails_leaves_nothing_and_the_next_one_works(folder):
    def fail(place: Path) -> None:
        put(place, "half")
        raise UserError("no")

    with pytest.raises(UserError, match="no"):
        cache.get("thing", "a", fail, what="a thing", takes="1 s")
    assert names(folder) == set()
    assert (get("a").path / "file").read_text() == "made"


def test_what_a_killed_build_left_is_removed_by_the_next_one(folder):
    left = folder / "thing-old.partial"
    left.mkdir(parents=True)
    get("new")
    assert names(folder) == {"thing-new"}


def test_the_last_two_that_were_used_are_kept(folder):
    for age, key in enumerate(["a", "b", "c"]):
        entry = get(key)
        os.close(entry.lock)
        os.utime(entry.path, (1000 + age, 1000 + age))
    os.close(get("a").lock)  # used again: now b is the oldest
    cache.prune("thing")
    assert names(folder) == {"thing-a", "thing-c"}


def test_an_entry_in_use_is_kept(folder):
    used = get("a")
    os.utime(used.path, (0, 0))
    for key in ["b", "c", "d"]:
        os.close(get(key).lock)
    cache.prune("thing")
    assert "thing-a" in names(folder)


def test_keys_tell_apart_what_is_put_together_otherwise():
    assert cache.key("a", "b") != cache.key("ab") != cache.key(["a", "b"])


def test_a_file_s_key_holds_its_name_its_mode_and_its_content(tmp_path):
    file = tmp_path / "file"
    file.write_text("text")
    keys = [cache.files_key([file], tmp_path)]
    file.chmod(0o755)
    keys.append(cache.files_key([file], tmp_path))
    file.write_text("other")
    keys.append(cache.files_key([file], tmp_path))
    other = file.rename(tmp_path / "renamed")
    keys.append(cache.files_key([other], tmp_path))
    assert len(set(keys)) == 4


def test_a_lock_whose_file_was_removed_is_not_held_by_the_next_one(tmp_path):
    path = tmp_path / "lock"
    first = locks.acquire(path)
    path.unlink()
    second = locks.try_acquire(path)
    assert second is not None
    assert locks.try_acquire(path) is None
    os.close(first)
    os.close(second)
