"""Where the notebook folder is: what is replaced at the end of the job is not resolved, and all else is."""

import pytest

from jupyter_session.session.place import locate


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Return the real folder of a job, in which the test is, and to which a link leads."""
    (tmp_path / "real/data").mkdir(parents=True)
    (tmp_path / "real/notebooks").symlink_to("data")
    (tmp_path / "scratch").symlink_to("real")
    monkeypatch.chdir(tmp_path / "scratch")
    return tmp_path / "real"


@pytest.mark.parametrize(
    "folder", ["notebooks", "./notebooks", "notebooks/", "{}/notebooks", "{}/../scratch/notebooks"]
)
def test_a_link_in_the_jobs_folder_is_the_notebook_folder_itself(job, folder):
    for scratch in (job, job.parent / "scratch"):
        found = locate(type(job)(folder.format(job)), {"_CONDOR_SCRATCH_DIR": str(scratch)})
        assert found == (job / "data" if ".." in folder else job / "notebooks")
        assert found.samefile(job / "data")


def test_elsewhere_and_outside_a_job_all_is_resolved(job, tmp_path):
    (tmp_path / "elsewhere").symlink_to("real/data")
    for environ in ({}, {"_CONDOR_SCRATCH_DIR": str(job)}):
        assert locate(tmp_path / "elsewhere", environ) == job / "data"
    assert locate(type(job)("notebooks"), {}) == job / "data"
