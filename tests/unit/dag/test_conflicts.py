"""What takes the notebooks away, whatever else a submission says."""

import pytest

from chtc_condor import conflicts

AD = {"jobuniverse": 5, "iwd": "/home/a", "transferinput": "notebooks", "transferoutput": "notebooks"}


def find(name="notebooks", **more):
    return list(conflicts.find({**AD, **more}, name))


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ({"transferoutput": "notebooks, old/notebooks"}, "brings old/notebooks back over the notebooks"),
        ({"transferoutputremaps": "results=notebooks"}, "brings results back over the notebooks"),
        ({"transferoutputremaps": "out.txt = notebooks/a.ipynb"}, "brings out.txt back over the notebooks"),
        ({"transferoutputremaps": "out.txt = /home/a/notebooks/a.ipynb"}, "brings out.txt back over the notebooks"),
        ({"transferoutputremaps": "notebooks/c=c"}, "brings notebooks/c back to another place"),
    ],
)
def test_what_comes_back_over_the_notebooks_or_not_with_them_is_refused(more, part):
    [said] = find(**more)
    assert part in said


def test_a_remap_of_the_folder_around_the_notebooks_is_refused():
    more = {"transferinput": "work/notebooks", "transferoutput": "work/notebooks", "preserverelativepaths": True}
    assert find("work/notebooks", **more) == []
    [said] = find("work/notebooks", **more, transferoutputremaps="work = elsewhere")
    assert "brings work back to another place" in said


@pytest.mark.parametrize(
    "more",
    [
        {"transferoutput": "results, notebooks", "transferoutputremaps": "results/figures.pdf = figures.pdf"},
        {"transferoutput": "notebooks, a/b/results"},
        {"transferoutputremaps": "results = osdf:///x/notebooks"},
        {"transferoutput": "notebooks, notebooks/sub"},
    ],
)
def test_what_comes_back_beside_the_notebooks_is_in_nobodys_way(more):
    assert find(**more) == []
