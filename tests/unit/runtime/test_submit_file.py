"""What the session says at its start about a submit file that lacks something."""

from pathlib import Path

import pytest

from jupyter_session.condor.job_ad import Job
from jupyter_session.session.submit_file import find_warnings

#: What the stock submit file makes.
STOCK = {
    "transferinput": "notebooks,jupyter.sif",
    "containerimage": "jupyter.sif",
    "transferoutput": "notebooks",
    "whentotransferoutput": "ON_EXIT_OR_EVICT",
    "spoolonevict": False,
    "wantioproxy": True,
}


def warnings(folder="/scratch/notebooks", scratch="/scratch", **attributes):
    ad = {name: value for name, value in {**STOCK, **attributes}.items() if value is not None}
    return find_warnings(Job("1.0", ad, {}), Path(folder), scratch)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"transferinput": "/home/alice/work/notebooks"},
        {"transferinput": "a.csv, notebooks"},
        {"transferoutput": "results, notebooks/", "preserverelativepaths": True},
        {"transferoutput": "results/, ./notebooks"},
        {"transferoutput": "."},
        {"transferoutputremaps": "notebooks=./notebooks"},
        {"transferoutputremaps": "./notebooks=elsewhere"},
        {"transferoutputremaps": "results=two/results"},
        {"whentotransferoutput": "on_exit_or_evict"},
    ],
)
def test_a_file_that_has_all_is_not_warned_of(attributes):
    assert warnings(**attributes) == ()


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"transferoutput": None}, "write `transfer_output_files = notebooks` in"),
        ({"transferoutput": ""}, "write `transfer_output_files = notebooks` in"),
        ({"transferoutput": "results"}, "write `transfer_output_files = notebooks, results` in"),
        ({"transferoutputremaps": "notebooks=two/results"}, "notebooks comes back as two/results,"),
        ({"transferoutputremaps": '"notebooks = osdf:///chtc/staging/alice/nb"'}, "remove transfer_output_remaps,"),
        ({"transferoutput": "notebooks/"}, "over files of the same names"),
        ({"transferoutput": "./notebooks/"}, "write `transfer_output_files = notebooks` in"),
        ({"transferoutput": "results/, notebooks/."}, "write `transfer_output_files = notebooks, results/` in"),
        ({"transferoutput": "notebooks, notebooks//"}, "write `transfer_output_files = notebooks` in"),
        ({"transferoutput": "notebooks/", "transferoutputremaps": "notebooks=x"}, "over files of the same names"),
        ({"transferoutputremaps": "notebooks=notebooks/"}, "leads notebooks back to itself"),
        ({"transferoutputremaps": "a.csv=a.csv"}, "puts the job on hold when it ends: remove that"),
        ({"transferoutputremaps": "a=b/c; b=a"}, "leads a back to itself"),
        ({"outputdestination": "osdf:///chtc/staging/alice"}, "output_directory, and output_destination"),
        ({"outputdirectory": "results"}, "remove transfer_output_remaps, output_directory"),
        ({"whentotransferoutput": "ON_EXIT"}, "write `when_to_transfer_output = ON_EXIT_OR_EVICT`"),
        ({"whentotransferoutput": "ON_SUCCESS"}, "write `when_to_transfer_output = ON_EXIT_OR_EVICT`"),
        ({"whentotransferoutput": None}, "write `when_to_transfer_output = ON_EXIT_OR_EVICT`"),
        ({"spoolonevict": None}, "add `My.SpoolOnEvict = false`"),
        ({"spoolonevict": True}, "add `My.SpoolOnEvict = false`"),
        ({"wantioproxy": None}, "add `want_io_proxy = true`"),
        ({"wantioproxy": None, "wantremoteupdates": True}, "no access to files through chirp"),
        ({"wantioproxy": False}, "add `want_io_proxy = true`"),
        ({"transferinput": None}, "write `transfer_input_files = notebooks` in"),
        ({"transferinput": "data.csv,jupyter.sif"}, "write `transfer_input_files = notebooks, data.csv` in"),
        ({"transferinput": "notebooks/"}, "doesn't go along with the job"),
        ({"transferinput": "my-notebooks"}, "doesn't go along with the job"),
    ],
)
def test_what_is_missing_is_one_sentence_with_the_line_to_write(attributes, says):
    (sentence,) = warnings(**attributes)
    assert says in sentence
    assert sentence.endswith(".")


def test_an_empty_file_is_warned_of_with_the_worst_first():
    names = dict.fromkeys(STOCK)
    found = warnings(**names)
    assert len(found) == 4
    assert found[0].startswith("notebooks doesn't come back when the job ends")


def test_a_folder_of_ones_own_is_named():
    (first, *_) = warnings("/scratch/work/nb", transferinput="work")
    assert first.startswith("work/nb doesn't come back")
    assert warnings("/scratch/work/nb", transferinput="work", transferoutput="work") == ()
    [sentence] = warnings("/scratch/work/nb", transferinput="work", transferoutput="work/nb")
    assert sentence.startswith("work/nb comes back as nb,")
    assert "write `preserve_relative_paths = true`" in sentence


@pytest.mark.parametrize(
    ("folder", "scratch"), [("/home/alice/notebooks", "/scratch"), ("/scratch", "/scratch"), ("/n", None)]
)
def test_a_folder_that_htcondor_does_not_transfer_needs_no_transfer(folder, scratch):
    assert warnings(folder, scratch, transferoutput=None, transferinput=None) == ()
