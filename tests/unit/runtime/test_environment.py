"""What is left out of the environment that came along with a job, and what stays."""

import os
import sys
from pathlib import Path

import pytest

from jupyter_session.environment import clean, find_breaking, find_misleading

BASE = {"PATH": os.environ["PATH"], "HOME": "/", "LANG": "C.UTF-8"}


def misleading(folder=None, **variables):
    return set(find_misleading(variables, folder, (folder or Path()) / "notebooks"))


@pytest.mark.parametrize(
    "name",
    [
        *("PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONINSPECT", "BASH_ENV", "ENV", "SHELLOPTS", "TMUX", "TMUX_PANE"),
        *("PYTHONOPTIMIZE", "BASHOPTS", "BASH_XTRACEFD", "PROMPT_COMMAND"),
        *("JUPYTER_TOKEN", "JUPYTER_TOKEN_FILE", "JUPYTER_PORT", "JUPYTER_GATEWAY_URL", "JUPYTER_RUNTIME_DIR"),
        *("JUPYTERHUB_API_TOKEN", "JUPYTERHUB_SERVICE_PREFIX", "JPY_PARENT_PID", "JPY_SESSION_NAME", "JUPYTERLAB_DIR"),
    ],
)
def test_what_leads_our_programs_astray_is_left_out(name):
    assert misleading(**{name: "/"}) == {name}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("JUPYTER_SESSION_IDLE_TIMEOUT", "2h"), ("JUPYTER_PATH", "/opt/kernels"), ("PYTHONPATH", "/home/alice/lib")),
        *(("OMP_NUM_THREADS", "4"), ("MY_ENV", "x"), ("ENVIRONMENT", "BATCH"), ("PIP_REQUIRE_VIRTUALENV", "1")),
        *(("LANG", "C.UTF-8"), ("LC_ALL", "C"), ("TMPDIR", "/tmp"), ("MPLBACKEND", "module://ipympl.backend_nbagg")),
        *(("PYTHONWARNINGS", "ignore"), ("CONDA_DEFAULT_ENV", "base"), ("_CONDOR_SLOT", "slot1")),
    ],
)
def test_what_is_of_use_stays(name, value):
    assert misleading(**{name: value}) == set()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("TMPDIR", "/nonexistent"), ("TMPDIR", "relative"), ("XDG_RUNTIME_DIR", "/run/user/471100")),
        *(("LC_ALL", "xx_XX.UTF-8"), ("LANG", "nowhere"), ("MPLBACKEND", "TkAgg"), ("MPLBACKEND", "agg")),
        *(("SSL_CERT_FILE", "/etc/pki/none.pem"), ("SSLKEYLOGFILE", "/none/log"), ("PYTHONWARNINGS", "error")),
        *(
            ("XDG_DATA_HOME", "/dev/null/none"),
            ("JUPYTER_DATA_DIR", "/dev/null/at/all"),
            ("PYTHONWARNINGS", "d,error::X"),
        ),
    ],
)
def test_a_value_that_means_nothing_here_is_left_out(name, value):
    assert misleading(**{name: value}) == {name}


def test_settings_that_are_run_as_code_count_only_in_the_jobs_own_folder(tmp_path):
    inside, outside = str(tmp_path / "job/notebooks/.jupyter"), str(tmp_path / "home/.jupyter")
    folder = tmp_path / "job"
    assert misleading(folder, JUPYTER_CONFIG_DIR=inside, IPYTHONDIR=inside) == set()
    assert misleading(folder, JUPYTER_CONFIG_DIR=outside, IPYTHONDIR=outside) == {"JUPYTER_CONFIG_DIR", "IPYTHONDIR"}
    assert misleading(folder, JUPYTER_CONFIG_PATH=f"{inside}:{outside}") == {"JUPYTER_CONFIG_PATH"}
    assert misleading(folder, JUPYTER_CONFIG_DIR=f"{inside}/../../../home") == {"JUPYTER_CONFIG_DIR"}
    assert misleading(folder, JUPYTER_CONFIG_DIR="../.jupyter", IPYTHONDIR="..") == set()  # seen from the notebooks
    assert misleading(folder, JUPYTER_CONFIG_PATH=".jupyter:../../home") == {"JUPYTER_CONFIG_PATH"}


def test_an_environment_that_is_not_here_is_left_out_as_a_whole(tmp_path):
    there = {
        "CONDA_PREFIX": "/home/nobody/conda",
        "CONDA_DEFAULT_ENV": "x",
        "_CE_M": "",
        "VIRTUAL_ENV": "/home/nobody/v",
    }
    assert misleading(**there) == set(there)
    assert misleading(CONDA_PREFIX=str(tmp_path), CONDA_DEFAULT_ENV="x", VIRTUAL_ENV=str(tmp_path)) == set()


def test_only_the_variables_that_break_programs_are_left_out():
    tried = []

    def works(command, environ):
        tried.append(command[0])
        return "PYTHONHASHSEED" not in environ and "LD_PRELOAD" not in environ

    variables = {**BASE, "PYTHONPATH": "/a", "PYTHONHASHSEED": "many", "LD_PRELOAD": "/b", "LD_LIBRARY_PATH": "/c"}
    assert find_breaking(variables, works) == ["LD_PRELOAD", "PYTHONHASHSEED"]
    assert tried[0] == "/bin/true"


def test_variables_that_break_programs_only_together_are_all_left_out():
    def works(_command, environ):
        return not {"PYTHONPATH", "PYTHONUTF8"} <= set(environ)

    assert find_breaking({**BASE, "PYTHONPATH": "/a", "PYTHONUTF8": "1"}, works) == ["PYTHONPATH", "PYTHONUTF8"]


@pytest.mark.parametrize(
    "variables",
    [
        *({}, {"PYTHONUNBUFFERED": "1"}, {"PYTHONPATH": ""}, {"LD_LIBRARY_PATH": "/.singularity.d/libs"}),
        {"LD_LIBRARY_PATH": "/usr/local/nvidia/lib:/usr/local/cuda/lib64"},
    ],
)
def test_without_a_suspect_no_program_is_tried(variables):
    assert find_breaking({**BASE, **variables}, works=lambda *_: pytest.fail("a program was tried")) == []


def test_real_programs_are_tried(tmp_path, monkeypatch):
    """Preloading a library that isn't there, and a package that shadows the standard library's."""
    (tmp_path / "ssl.py").write_text("raise ImportError('not this one')\n")
    monkeypatch.setattr("jupyter_session.environment._KERNEL", "import ssl")
    variables = {**BASE, "LD_PRELOAD": "/usr/lib64/libsite.so", "PYTHONPATH": str(tmp_path), "PYTHONUTF8": "1"}
    assert clean(variables, None, Path()) == ["LD_PRELOAD", "PYTHONPATH"]
    assert variables["PYTHONUTF8"] == "1"
    assert Path(sys.executable).exists()


def test_a_home_that_is_not_here_becomes_the_jobs_folder(tmp_path):
    variables = {**BASE, "HOME": "/home/nobody-at-all"}
    assert clean(variables, tmp_path, Path()) == ["HOME"]
    assert variables["HOME"] == str(tmp_path)
    variables = {**BASE, "HOME": str(tmp_path / "..")}
    assert clean(variables, tmp_path, Path()) == []


def test_a_proxy_is_not_for_the_sessions_own_server():
    variables = {**BASE, "http_proxy": "http://proxy:3128", "no_proxy": "example.org"}
    clean(variables, None, Path())
    assert (variables["no_proxy"], variables["NO_PROXY"]) == ("example.org,127.0.0.1,localhost", "127.0.0.1,localhost")
    variables = dict(BASE)
    clean(variables, None, Path())
    assert variables == BASE
