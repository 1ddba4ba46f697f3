"""Where JupyterLab's settings and layout are kept."""

import pytest

from jupyter_session.session.lab_settings import keep_settings

SETTINGS, LAYOUT = "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"


@pytest.fixture
def environ(tmp_path):
    (tmp_path / "notebooks").mkdir()
    return {"HOME": str(tmp_path), "_CONDOR_SCRATCH_DIR": str(tmp_path)}


def test_they_travel_with_the_notebooks(tmp_path, environ):
    keep_settings(environ, tmp_path / "notebooks")
    folder = tmp_path / "notebooks/.jupyter-session/lab"
    assert (environ[SETTINGS], environ[LAYOUT]) == (str(folder / "user-settings"), str(folder / "workspaces"))


def test_configuration_that_travels_with_the_notebooks_counts_before_what_the_job_brings(tmp_path, environ):
    environ["JUPYTER_CONFIG_PATH"] = "/mine"
    keep_settings(environ, tmp_path / "notebooks")
    assert environ["JUPYTER_CONFIG_PATH"] == f"{tmp_path}/notebooks/.jupyter-session/lab:/mine"


@pytest.mark.parametrize("changed", [{"HOME": "/"}, {"_CONDOR_SCRATCH_DIR": ""}, {"JUPYTER_CONFIG_DIR": "/settings"}])
def test_settings_that_outlive_the_job_stay_where_they_are(tmp_path, environ, changed):
    environ.update(changed)
    keep_settings(environ, tmp_path / "notebooks")
    assert SETTINGS not in environ


def test_place_that_the_user_named_stays(tmp_path, environ):
    environ[SETTINGS] = "/mine"
    keep_settings(environ, tmp_path / "notebooks")
    assert environ[SETTINGS] == "/mine"
    assert LAYOUT in environ


def test_folder_that_cannot_be_written_costs_only_the_settings(tmp_path, environ):
    (tmp_path / "a file").touch()
    keep_settings(environ, tmp_path / "a file")
    assert SETTINGS not in environ
