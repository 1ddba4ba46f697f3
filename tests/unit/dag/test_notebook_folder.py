"""Where a job's notebooks come back to."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chtc_condor.dry_run import split_remaps
from chtc_condor.notebook_folder import find_folder, find_name, follow_remaps
from jupyter_session.transfer.outputs import find_cycle, find_output, list_outputs


@pytest.mark.parametrize(
    ("ad", "folder"),
    [
        ({}, "notebooks"),
        ({"TransferOutput": "notebooks"}, "notebooks"),
        ({"TransferOutput": "results, notebooks"}, "notebooks"),
        ({"TransferOutput": "results,./notebooks", "TransferOutputRemaps": "results=r; notebooks = /x/y"}, "/x/y"),
        ({"TransferOutput": "notebooks/", "TransferOutputRemaps": "notebooks=/x/y", "Iwd": "/home/a"}, "/home/a"),
        ({"TransferOutput": "./notebooks/."}, "."),
        ({"TransferOutput": "notebooks//, notebooks"}, "notebooks"),
        ({"TransferOutput": "notebooks/", "PreserveRelativePaths": True}, "notebooks"),
        ({"TransferOutput": "cells,out", "Arguments": "--notebooks out --idle-timeout 2h"}, "out"),
        ({"TransferOutput": "cells", "Environment": "JUPYTER_SESSION_NOTEBOOKS=cells"}, "cells"),
        ({"TransferOutput": "my work", "Arguments": "--notebooks 'my work'"}, "my work"),
        ({"TransferOutput": "results"}, "notebooks"),
        ({"TransferOutput": "a/b", "Arguments": "--notebooks a/b"}, "b"),
        ({"TransferOutput": "a/b", "Arguments": "--notebooks a/b", "PreserveRelativePaths": True}, "a/b"),
        ({"TransferOutput": 5, "TransferOutputRemaps": ";=;x"}, "notebooks"),
    ],
)
def test_the_notebook_folder_is_found_in_the_ad(ad, folder):
    assert find_folder(ad) == folder


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, "notebooks"),
        ({"Arguments": "--idle-timeout 1h --notebooks my' 'work"}, "my work"),
        ({"Args": "--notebooks=a/b/"}, "a/b"),
        ({"Environment": "A=1 JUPYTER_SESSION_NOTEBOOKS=mine"}, "mine"),
        ({"JupyterNotebooks": "x", "Environment": "JUPYTER_SESSION_NOTEBOOKS=y", "Arguments": "--notebooks z"}, "z"),
        ({"Arguments": "--notebooks"}, "notebooks"),
    ],
)
def test_the_notebook_folder_is_found_as_the_session_finds_it(attributes, expected):
    assert find_name(attributes) == expected


@pytest.mark.parametrize(
    ("place", "remaps", "leads"),
    [
        ("a", {}, "a"),
        ("a", {"a": "b"}, "b"),
        ("a/c", {"a": "b/"}, "b//c"),
        ("a", {"a": "./a"}, "./a"),
        ("a", {"./a": "b", "a/": "c"}, "a"),
        ("a", {"a": "x/a"}, "x/a"),
        ("a", {"a": "osdf://x/a"}, "osdf://x/a"),
        ("a", {"a": "a"}, None),
        ("a", {"a": "a/"}, None),
        ("a", {"a": "a/b"}, None),
        ("a", {"a": "b", "b": "a"}, None),
        ("a", {"a": ""}, "a"),
    ],
)
def test_remaps_are_followed_as_htcondor_does(place, remaps, leads):
    assert follow_remaps(place, remaps) == leads


_PARTS = st.sampled_from(["notebooks", "notebooks/", "./notebooks", "notebooks/.", "a", "a/", "b/a"])
_REMAPS = st.lists(st.tuples(_PARTS, _PARTS), max_size=4).map(lambda pairs: ";".join(f"{a}={b}" for a, b in pairs))


@given(outputs=st.lists(_PARTS, max_size=4).map(",".join), remaps=_REMAPS, preserve=st.booleans())
def test_the_session_and_the_launcher_read_outputs_alike(outputs, remaps, preserve):
    ad = {
        "transferoutput": outputs,
        "transferoutputremaps": remaps,
        "preserverelativepaths": preserve,
        "iwd": "/home/a",
    }
    pairs = split_remaps(remaps)
    assert bool(find_cycle(ad)) == any(follow_remaps(name, pairs) is None for name in pairs)
    found = find_output(list_outputs(ad) or (), "notebooks")
    if found and found.there:
        assert posixpath.normpath(posixpath.join("/home/a", find_folder(ad))) == posixpath.join(
            "/home/a", found.there
        ).removesuffix("/.")
