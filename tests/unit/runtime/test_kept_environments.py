"""Virtual environments in the notebook folder travel as one file, and work in the next session's folder."""

import shutil
import subprocess
import sys

import pytest

from jupyter_session.packages import archive
from jupyter_session.packages.environments import Environments, is_brought_back
from jupyter_session.packages.errors import ArchiveError

ENVIRONMENT = ".jupyter-session/environment-my env.tar.zst"


def go_on():
    return False


@pytest.fixture
def notebooks(tmp_path):
    folder = tmp_path / "job 1/notebooks"
    folder.mkdir(parents=True)
    return folder


def make(notebooks, name="my env"):
    """Make an environment with a command."""
    folder = notebooks / name
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    command = folder / "bin/tell"
    command.write_text(f"#!/bin/sh\nexec '{folder}/bin/python' -c 'import sys; print(sys.prefix)'\n")
    command.chmod(0o755)
    return folder


def tell(folder):
    return subprocess.run([folder / "bin/tell"], capture_output=True, text=True, check=True).stdout.strip()


def travel(notebooks, tmp_path):
    """Take the notebook folder to the next job, as HTCondor does; return it."""
    following = tmp_path / f"job {'x' * 20}/notebooks"
    shutil.copytree(notebooks, following, symlinks=True)
    shutil.rmtree(notebooks)
    return following


def test_environment_travels_as_one_file_and_works_in_the_next_session(notebooks, tmp_path):
    make(notebooks)
    Environments(notebooks).pack(go_on)
    assert [str(path.relative_to(notebooks)) for path in notebooks.rglob("*") if path.is_file()] == [ENVIRONMENT]
    following = travel(notebooks, tmp_path)
    second = Environments(following)
    assert second.restore(go_on) == []
    assert tell(following / "my env") == str(following / "my env")
    second.pack(go_on)
    assert not (following / "my env").exists()
    assert (following / ENVIRONMENT).stat().st_size


def test_environment_that_came_as_files_works_and_stays_files(notebooks, tmp_path):
    make(notebooks)
    following = travel(notebooks, tmp_path)
    session = Environments(following)
    assert session.restore(go_on) == []
    assert tell(following / "my env") == str(following / "my env")
    session.pack(go_on)
    assert (following / "my env").is_dir()
    assert not (following / ENVIRONMENT).exists()


def packed(notebooks):
    make(notebooks)
    Environments(notebooks).pack(go_on)
    assert not (notebooks / "my env").exists()
    return notebooks / ENVIRONMENT


def test_environment_that_is_removed_does_not_come_back(notebooks):
    kept = packed(notebooks)
    session = Environments(notebooks)
    session.restore(go_on)
    shutil.rmtree(notebooks / "my env")
    session.pack(go_on)
    assert kept.stat().st_size == 0  # HTCondor would bring back what is missing here
    assert Environments(notebooks).restore(go_on) == []
    assert not (notebooks / "my env").exists()


def test_archive_overwrites_nothing(notebooks):
    kept = packed(notebooks)
    (notebooks / "my env").write_text("mine")
    before = kept.read_bytes()
    session = Environments(notebooks)
    (said,) = session.restore(go_on)
    assert "my env is in the notebook folder already" in said
    session.pack(go_on)
    assert (notebooks / "my env").read_text() == "mine"
    assert kept.read_bytes() == before


@pytest.mark.parametrize("harm", ["cut", "garbage", "full"])
def test_archive_that_cant_be_unpacked_is_said_and_stays(notebooks, harm, monkeypatch):
    kept = packed(notebooks)
    if harm == "cut":
        kept.write_bytes(kept.read_bytes()[:-50])
    elif harm == "garbage":
        kept.write_bytes(b"no archive")
    else:
        monkeypatch.setattr(archive, "unpack", lambda *_, **__: (_ for _ in ()).throw(ArchiveError("the disk is full")))
    before = kept.read_bytes()
    session = Environments(notebooks)
    (said,) = session.restore(go_on)
    assert said.startswith("The environment my env could not be unpacked (")
    session.pack(go_on)
    assert kept.read_bytes() == before
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


@pytest.mark.parametrize("when", ["pack", "check"])
def test_environment_that_cant_be_packed_comes_back_as_files(notebooks, monkeypatch, when):
    kept = packed(notebooks)
    session = Environments(notebooks)
    session.restore(go_on)
    before = kept.read_bytes()
    monkeypatch.setattr(archive, when, lambda *_, **__: (_ for _ in ()).throw(ArchiveError("the disk is full")))
    session.pack(go_on)
    assert tell(notebooks / "my env") == str(notebooks / "my env")
    assert kept.read_bytes() == before
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


def test_environment_for_which_there_is_no_time_comes_back_as_files(notebooks):
    folder = make(notebooks)
    Environments(notebooks).pack(lambda: True)
    assert tell(folder) == str(folder)


def test_conda_environment_is_left_alone_and_explained(notebooks):
    (notebooks / "conda env/conda-meta").mkdir(parents=True)
    session = Environments(notebooks)
    (said,) = session.restore(go_on)
    assert said.startswith("The conda environment conda env was made in another folder")
    session.pack(go_on)
    Environments(notebooks).pack(go_on)
    assert (notebooks / "conda env/conda-meta").is_dir()


def test_folder_with_files_of_the_user_stays_as_it_is(notebooks):
    folder = make(notebooks)
    (folder / "analysis.ipynb").write_text("{}")
    Environments(notebooks).pack(go_on)
    assert (folder / "analysis.ipynb").read_text() == "{}"
    assert not (notebooks / ENVIRONMENT).exists()


def test_link_to_an_environment_is_not_followed(notebooks, tmp_path):
    folder = make(tmp_path, "elsewhere")
    (notebooks / "link").symlink_to(folder)
    session = Environments(notebooks)
    session.restore(go_on)
    session.pack(go_on)
    assert tell(folder) == str(folder)


def test_activate_that_names_a_short_path_changes_nothing(notebooks):
    folder = make(notebooks)
    activate = folder / "bin/activate"
    activate.write_text('VIRTUAL_ENV="/"\n')
    Environments(notebooks).restore(go_on)
    assert activate.read_text() == 'VIRTUAL_ENV="/"\n'


def test_folder_on_a_shared_disk_is_not_brought_back(tmp_path):
    (tmp_path / "scratch").mkdir()
    assert is_brought_back(tmp_path / "scratch/notebooks", str(tmp_path / "scratch"))
    assert not is_brought_back(tmp_path / "home/notebooks", str(tmp_path / "scratch"))
    assert not is_brought_back(tmp_path / "notebooks", None)
