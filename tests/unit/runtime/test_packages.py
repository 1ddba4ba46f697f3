"""pip installs into the session's own environment, over that of the image, which is read-only."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from jupyter_session.jupyter import kernel_hints
from jupyter_session.jupyter.packages import Environment, make_environment
from jupyter_session.state_dir import StateDir
from support.hosts import ROOT
from support.wheels import ANSWER, NAME, make_wheel


@pytest.fixture
def environment(tmp_path):
    made = Environment(tmp_path / "python")
    made.make()
    environ = {"PATH": os.defpath, "PYTHONPATH": str(ROOT / "runtime/src")}
    made.activate(environ)
    (tmp_path / NAME).write_bytes(make_wheel())

    def run(*argv):
        found = subprocess.run(argv, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)
        return SimpleNamespace(code=found.returncode, out=found.stdout.strip(), err=found.stderr)

    return run


@pytest.mark.parametrize(
    "command",
    [("pip", "install"), ("pip", "install", "--user"), ("python", "-m", "pip", "install"), ("pip3", "install")],
    ids=" ".join,
)
def test_whatever_is_installed_can_be_imported_and_run(environment, command):
    done = environment(*command, "--no-index", f"./{NAME}")
    assert done.code == 0, done
    assert (kernel_hints.NOTE in done.err) == (command[0] != "python")
    assert environment("python", "-c", "import tiny_thing; print(tiny_thing.answer())").out == str(ANSWER)
    assert environment("tiny-thing").out == str(ANSWER)


def test_what_the_image_has_is_there_and_what_is_installed_comes_first(environment, tmp_path):
    assert environment("python", "-c", "import pip; print(pip.__file__)").out.startswith(sys.prefix)
    path = json.loads(environment("python", "-c", "import sys, json; print(json.dumps(sys.path))").out)
    order = [next(i for i, entry in enumerate(path) if entry.startswith(str(base))) for base in (tmp_path, sys.prefix)]
    assert order == sorted(order)


def test_pip_that_fails_does_not_say_that_something_was_installed(environment):
    done = environment("pip", "install", "--no-index", "not-there")
    assert done.code != 0
    assert kernel_hints.NOTE not in done.err


@pytest.fixture
def job(tmp_path):
    state = StateDir(tmp_path / "state", in_job=True)
    (tmp_path / "scratch").mkdir()
    return state, {"_CONDOR_SCRATCH_DIR": str(tmp_path / "scratch"), "PATH": "/bin"}


def test_environment_of_a_job_is_on_the_jobs_disk(job, tmp_path):
    made = make_environment(*job, tmp_path / "scratch/notebooks")
    assert made.root.parent == tmp_path / "scratch"


def test_environment_is_not_in_the_notebook_folder(job, tmp_path):
    made = make_environment(*job, tmp_path / "scratch")
    assert made.root == tmp_path / "state/python"


def test_session_without_room_for_an_environment_goes_on(job, tmp_path):
    (tmp_path / "scratch").rmdir()
    (tmp_path / "state").touch()
    assert make_environment(*job, tmp_path) is None
    assert job[1]["PATH"] == "/bin"


@pytest.mark.parametrize(
    ("module", "package"), [("torch", "torch"), ("torch.nn", "torch"), ("cv2", "opencv-python-headless")]
)
def test_missing_module_is_explained_with_the_package_to_install(module, package):
    assert f"`%pip install {package}`" in kernel_hints.describe_missing(module)


@pytest.mark.parametrize(
    ("cell", "installs"),
    [
        ("%pip install x", True),
        ("pip install x", True),
        ("import os\n  %pip install -q x", True),
        ("!python -m pip install x", True),
        ("!cd /tmp && python3.13 -m pip install x", True),
        ("!pip install x", False),  # the command says it itself
        ("%pip list", False),
        ("%pip uninstall -y x", False),
        ("print('%pip install x')", False),
        ("", False),
    ],
)
def test_cell_that_installs_is_known(cell, installs):
    assert kernel_hints.is_installing(cell) == installs
