"""What came with the job is shown among the notebooks while the session runs, and HTCondor never sees the links."""

import pytest

from jupyter_session.condor.job_ad import Job
from jupyter_session.transfer import SetAside
from jupyter_session.transfer.inputs import InputLinks


class Session:
    """A job's folder with notebooks, and what `transfer_input_files` lists."""

    def __init__(self, root, listed, **attributes):
        self.root = root
        self.notebooks = root / "notebooks"
        self.notebooks.mkdir()
        given = {"transferinput": listed, "transferoutput": "notebooks", "containerimage": "jupyter.sif"}
        self.job = Job("7.0", {**given, "spoolonevict": False, **attributes}, {})
        for name in ("data.csv", "jupyter.sif", ".job.ad", "_condor_stdout"):
            (root / name).write_text(name)
        (root / "images").mkdir()
        (root / "images/1.png").write_text("a picture")

    def links(self, notebooks=None):
        return InputLinks(self.job, str(self.root), notebooks or self.notebooks)

    def shown(self):
        return {path.name: str(path.readlink()) for path in self.notebooks.iterdir() if path.is_symlink()}


@pytest.fixture
def session(tmp_path):
    return Session(tmp_path, "notebooks, /home/a/data.csv,images, osdf:///pool/deep/far.h5,/x/jupyter.sif,.job.ad")


def test_files_folders_and_urls_are_shown_and_what_is_htcondors_is_not(session):
    (session.root / "far.h5").write_text("far")
    assert session.links().make() == []
    assert session.shown() == {"data.csv": "../data.csv", "images": "../images", "far.h5": "../far.h5"}
    assert (session.notebooks / "images/1.png").read_text() == "a picture"
    session.links().remove()
    assert session.shown() == {}
    assert (session.root / "data.csv").read_text() == "data.csv"


def test_what_has_not_come_is_not_shown(session):
    session.links().make()
    assert "far.h5" not in session.shown()


def test_a_file_of_the_users_stays_and_is_named(session):
    (session.notebooks / "data.csv").write_text("mine")
    (sentence,) = session.links().make()
    assert "data.csv of its own" in sentence
    assert str(session.root / "data.csv") in sentence
    session.links().remove()
    assert (session.notebooks / "data.csv").read_text() == "mine"


def test_a_link_that_leads_elsewhere_by_now_stays(session):
    session.links().make()
    (session.notebooks / "data.csv").unlink()
    (session.notebooks / "data.csv").symlink_to("images")
    session.links().remove()
    assert session.shown() == {"data.csv": "images"}


def test_a_second_start_in_the_same_folder_says_nothing(session):
    session.links().make()
    assert session.links().make() == []


@pytest.mark.parametrize("where", ["elsewhere", "."])
def test_a_notebook_folder_that_is_not_in_the_job_has_no_links(session, tmp_path, where):
    folder = tmp_path / where if where == "." else tmp_path.parent / f"{tmp_path.name}-elsewhere"
    folder.mkdir(exist_ok=True)
    before = sorted(folder.iterdir())
    assert session.links(folder).make() == []
    assert sorted(folder.iterdir()) == before


def test_what_goes_back_of_itself_is_not_shown(tmp_path):
    session = Session(tmp_path, "notebooks,images/,data.csv", transferoutput="notebooks,data.csv")
    session.links().make()
    assert session.shown() == {}


def test_a_path_that_is_kept_is_shown_by_its_first_folder(tmp_path):
    session = Session(tmp_path, "notebooks,images/1.png", preserverelativepaths=True)
    session.links().make()
    assert session.shown() == {"images": "../images"}


def test_the_end_leaves_neither_link_nor_list_of_it_and_another_link_is_kept(session):
    (session.notebooks / "own").symlink_to("nowhere")
    set_aside = SetAside(
        session.job, session.notebooks, None, say=pytest.fail, environ={"_CONDOR_SCRATCH_DIR": str(session.root)}
    )
    set_aside.put_back()
    set_aside.show_inputs()
    text = set_aside.list_links(["data.csv", "images", "own"])
    assert "own" in text
    assert "data.csv" not in text
    set_aside.clear_way(10)
    assert session.shown() == {}
    listed = (session.notebooks / ".jupyter-session/set-aside.json").read_text()
    assert "own" in listed
    assert "data.csv" not in listed
