"""What save-back sends, leaves out, removes and never overwrites, as rules."""

import itertools
import os

import pytest

from jupyter_session.condor.file_stat import FileStat
from jupyter_session.saveback.plan import Entry, Limits, find_removed, generate_own_names, may_replace, plan_transfers
from jupyter_session.saveback.scan import Scan, Signature

LIMITS = Limits(max_file=1000, max_total=2000)
FILE, LINK, FOLDER = 0o100644, 0o120777, 0o040755


def local(size=10, mtime=1):
    return Signature(size, mtime, mtime, 7, 0o644)


def there(size=10, mtime=50, *, inode=3, ctime=50, mode=FILE):
    return FileStat(mode, size, inode, mtime, ctime)


def scanned(files, *, root=(1, 1), complete=True):
    return Scan(root, files, {}, complete)


@pytest.mark.parametrize(
    ("files", "ledger", "send", "left_out"),
    [
        ({"a": local()}, {"a": Entry(local(), "a")}, (), {}),
        ({"a": local(mtime=2)}, {"a": Entry(local(), "a")}, ("a",), {}),
        ({"a": local(30), "b": local(20)}, {}, ("b", "a"), {}),
        ({"a": local(1001), "b": local(1000)}, {}, ("b",), {"a": "--save-max-file"}),
        ({"a": local(900), "b": local(900), "c": local(900)}, {}, ("a", "b"), {"c": "--save-max-total"}),
        ({"a": local(900, 2), "b": local(900, 2)}, {"a": Entry(local(900), "a", there())}, ("a", "b"), {}),
        ({"a": local(900)}, {"b": Entry(local(1999), "b", there())}, (), {"a": "--save-max-total"}),
        ({"a": local(900)}, {"b": Entry(local(1999), "b")}, ("a",), {}),
        ({"a\nb": local(), "c d": local()}, {}, ("c d",), {"a\nb": "line break"}),
        ({"é" * 1300: local(), "-x": local()}, {}, ("-x",), {"é" * 1300: "too long"}),
    ],
)
def test_what_changed_is_sent_within_the_limits_the_small_ones_first(files, ledger, send, left_out):
    made = plan_transfers(ledger, scanned(files), LIMITS)
    assert made.send == send
    assert made.left_out.keys() == left_out.keys()
    for path, words in left_out.items():
        assert words in made.left_out[path]


@pytest.mark.parametrize(
    ("entry", "now", "answer"),
    [
        (None, None, True),
        (None, there(), False),
        (Entry(local(), "a", arrived=60), None, True),
        (Entry(local(), "a", arrived=60), there(ctime=60), True),
        (Entry(local(), "a", arrived=60), there(ctime=61), False),
        (Entry(local(), "a", arrived=60), there(11), False),
        (Entry(local(), "a", arrived=160, sent=150), there(11, ctime=80), True),  # ours was changed before we looked
        (Entry(local(), "a", arrived=160, sent=150), there(11, ctime=100), False),
        (Entry(local(), "a", arrived=60), there(mode=LINK), False),
        (Entry(local(), "a", arrived=60), there(mode=FOLDER), False),
        (Entry(local(), "a", there()), there(), True),
        (Entry(local(), "a", there()), there(ctime=99, mode=0o100600), True),
        (Entry(local(), "a", there()), there(mtime=51), False),
        (Entry(local(), "a", there()), there(inode=4), False),
        (Entry(local(), "a", there()), there(11), False),
    ],
)
def test_only_what_is_known_is_replaced(entry, now, answer):
    assert may_replace(entry, now) is answer


NEW = {"a": Entry(local(), "a", there(), is_new=True)}


@pytest.mark.parametrize(
    ("ledger", "before", "now", "removed"),
    [
        (NEW, scanned({}), scanned({}), ["a"]),
        (NEW, None, scanned({}), []),
        (NEW, scanned({"a": local()}), scanned({}), []),
        (NEW, scanned({}), scanned({"a": local()}), []),
        (NEW, scanned({}, complete=False), scanned({}), []),
        (NEW, scanned({}), scanned({}, complete=False), []),
        (NEW, scanned({}, root=(1, 2)), scanned({}), []),
        ({"a": Entry(local(), "a")}, scanned({}), scanned({}), []),
        ({"a": Entry(local(), "a", there())}, scanned({}), scanned({}), []),
        ({"a": Entry(local(), "a (from job 1.0)", there(), is_new=True)}, scanned({}), scanned({}), []),
    ],
)
def test_only_what_this_session_put_there_and_is_surely_gone_here_is_removed(ledger, before, now, removed):
    assert find_removed(ledger, now, before) == removed


@pytest.mark.parametrize(("size", "is_sent"), [(1500, True), (2500, False)])
def test_archive_of_packages_may_be_larger_than_other_files(size, is_sent):
    kept = ".jupyter-session/packages-cpython-313-x86_64-linux-gnu.tar.zst"
    plan = plan_transfers({}, scanned({kept: local(size), "data": local(size)}), LIMITS)
    assert plan.send == ((kept,) if is_sent else ())
    assert "--save-max-file" in plan.left_out["data"]
    assert ("--save-max-total" in plan.left_out.get(kept, "")) != is_sent


def test_own_names_are_beside_the_file_and_keep_its_extension():
    assert list(itertools.islice(generate_own_names("x/analysis.ipynb", "123.0"), 2)) == [
        "x/analysis (from job 123.0).ipynb",
        "x/analysis (from job 123.0, 2).ipynb",
    ]
    assert next(generate_own_names(".bashrc", "1.0")) == ".bashrc (from job 1.0)"


@pytest.mark.parametrize("name", ["ä" * 127, "a" * 240 + ".ipynb", "a." + "b" * 250, "\udcff" * 255])
def test_own_names_of_long_names_fit_a_file_system(name):
    own = next(generate_own_names(name, "123.0"))
    assert len(os.fsencode(own)) <= 255
    assert "(from job 123.0)" in own
