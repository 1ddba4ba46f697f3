"""Where a job's notebooks come back to."""

import pytest

from chtc_condor.notebook_folder import find_folder


@pytest.mark.parametrize(
    ("ad", "folder"),
    [
        ({}, "notebooks"),
        ({"TransferOutput": "notebooks"}, "notebooks"),
        ({"TransferOutput": "results, notebooks"}, "notebooks"),
        ({"TransferOutput": "results,notebooks/", "TransferOutputRemaps": "results=r; notebooks = /x/y"}, "/x/y"),
        ({"TransferOutput": "cells,out", "Arguments": "--notebooks out --idle-timeout 2h"}, "out"),
        ({"TransferOutput": "my work", "Arguments": "--notebooks 'my work'"}, "my work"),
        ({"TransferOutput": "results"}, "results"),
        ({"TransferOutput": "a/b/notebooks"}, "notebooks"),
        ({"TransferOutput": 5, "TransferOutputRemaps": ";=;x"}, "5"),
    ],
)
def test_the_notebook_folder_is_found_in_the_ad(ad, folder):
    assert find_folder(ad) == folder
