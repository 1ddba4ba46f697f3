"""The job that builds an image: what is sent, and what it runs."""

import io
import tarfile

import pytest

from chtc_condor.dry_run import split_list
from chtc_jupyter.commands import image_build
from chtc_jupyter.commands.image_build import Build
from chtc_jupyter.errors import MissingError, UsageError


def build(folder, *arguments, definition="Apptainer.def", inputs=(), to="jupyter/jupyter.sif"):
    return Build(definition=definition, arguments=arguments, inputs=inputs, to=to, disk="20GB", folder=folder)


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "the project"
    for name in ("Apptainer.def", "runtime/src/a.py", "runtime/node_modules/b.js", "lab/environment.yml", "secret"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (tmp_path / "outside").write_text("")
    return folder


def names(folder, *arguments, **more):
    packed = image_build.pack(image_build.list_sources(build(folder, *arguments, **more)), folder)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return archive.getnames()


def test_sources_and_the_files_that_arguments_name_are_sent_and_nothing_else(project):
    assert names(project) == ["Apptainer.def", "runtime/src/a.py"]
    assert "lab/environment.yml" in names(project, "ENVIRONMENT=lab/environment.yml")
    assert "secret" in names(project, definition="secret")


@pytest.mark.parametrize(
    ("arguments", "error", "part"),
    [
        (["PACKAGES"], UsageError, "Use NAME=VALUE"),
        (["=x"], UsageError, "Use NAME=VALUE"),
        (["REQUIREMENTS=absent.txt"], MissingError, "no file absent.txt"),
        (["REQUIREMENTS=../outside"], UsageError, "must be in"),
    ],
)
def test_argument_that_can_not_be_followed_is_named(arguments, error, part, project):
    with pytest.raises(error, match=part):
        image_build.list_sources(build(project, *arguments))


def test_other_folder_is_refused(tmp_path):
    with pytest.raises(UsageError, match="Run this in the folder"):
        image_build.list_sources(build(tmp_path))


def test_job_runs_the_build_and_brings_the_image_beside_its_place(project):
    asked = build(
        project, "PACKAGES=numpy>=1,<3 'a b'", inputs=["~/jupyter/jupyter.sif", "/far/x.sif"], to="~/mine.sif"
    )
    lines = dict(
        line.split(" = ", 1) for line in image_build.render_submit_file(asked, "/home/a").splitlines() if " = " in line
    )
    assert lines["arguments"] == "\"--build-arg '\"\"PACKAGES=numpy>=1,<3 ''a b''\"\"' image.sif Apptainer.def\""
    assert split_list(lines["transfer_input_files"]) == ["source.tar.gz", "/home/a/jupyter/jupyter.sif", "/far/x.sif"]
    assert lines["transfer_output_remaps"] == '"image.sif = /home/a/mine.sif.built"'


@pytest.mark.parametrize("place", ["a;b.sif", "a,b.sif", "$(x).sif", "a\nqueue 5"])
def test_place_that_htcondor_would_read_otherwise_is_refused(place, project):
    with pytest.raises(UsageError):
        image_build.render_submit_file(build(project, to=place), "/home/a")
