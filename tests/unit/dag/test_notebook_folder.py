"""Where a job's notebooks come back to."""

import pytest

from chtc_condor.notebook_folder import find_folder, find_name


@pytest.mark.parametrize(
    ("ad", "folder"),
    [
        ({}, "notebooks"),
        ({"TransferOutput": "notebooks"}, "notebooks"),
        ({"TransferOutput": "results, notebooks"}, "notebooks"),
        ({"TransferOutput": "results,notebooks/", "TransferOutputRemaps": "results=r; notebooks = /x/y"}, "/x/y"),
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
