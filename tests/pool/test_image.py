"""The image: it explains itself, tests itself, has what a user asked for, and runs with GPUs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.artifacts import image

SIF = "/srv/jupyter.sif"


def on_ap(pool, *argv):
    return pool.exec("ap", argv, user="alice", timeout=60, check=True).stdout


def test_help_tells_a_new_user_the_whole_flow(pool):
    text = on_ap(pool, "apptainer", "run-help", SIF)
    for word in (
        "condor_submit jupyter.sub",
        "JupyterConnect",
        "tmux attach",
        "condor_rm",
        "apptainer run jupyter.sif",
    ):
        assert word in text


def test_it_is_smaller_than_190_megabytes(pool):
    assert int(on_ap(pool, "stat", "-Lc", "%s", SIF)) < 190e6


def test_labels_say_what_it_is_and_which_version(pool):
    labels = json.loads(on_ap(pool, "apptainer", "inspect", "--json", "--labels", SIF))
    labels = labels["data"]["attributes"]["labels"]
    version = on_ap(pool, "apptainer", "exec", SIF, "jupyter-session", "--version").split()[1]
    assert labels["org.opencontainers.image.title"] == "jupyter-session"
    assert labels["org.opencontainers.image.version"] == version


def test_its_own_test_passes_without_network_or_gpu(pool):
    out = pool.exec("ap", ["unshare", "-n", "apptainer", "test", "--userns", SIF], timeout=20)
    assert out.returncode == 0, out.stderr
    assert "jupyter-session" in out.stdout


def test_its_own_test_names_a_program_that_is_missing(pool):
    broken = pool.exec("ap", ["apptainer", "test", "--userns", "--bind", "/dev/null:/usr/bin/git", SIF], timeout=20)
    assert broken.returncode != 0
    assert "The image is broken: it has no git." in broken.stderr


def test_jupyterlab_starts_without_the_grammar_that_takes_a_third_of_its_start(pool):
    code = "import jupyterlab.labapp, jsonschema, sys; print('lark' in sys.modules)"
    assert on_ap(pool, "apptainer", "exec", SIF, "/opt/jupyter/bin/python", "-c", code) == "False\n"


@pytest.mark.slow
@pytest.mark.timeout(600)  # it builds an image while other tests run
def test_packages_that_a_user_names_are_in_an_image_built_with_them(pool):
    asked = {
        "PACKAGES": "cowsay>=6,<6.2 'tabulate[widechars] >= 0.9'",
        "REQUIREMENTS": "mine.txt",
        "APT_PACKAGES": "tree",
    }
    variant = image.Variant(asked, {"mine.txt": b"toolz>=0.12,<2  # a comment\n"}, image.usual_base())
    pool.copy("ap", image.build(variant=variant).path / "jupyter.sif", "/srv/with-packages.sif")
    code = "import cowsay, tabulate, toolz, wcwidth; print(cowsay.__version__)"
    assert on_ap(pool, "apptainer", "exec", "/srv/with-packages.sif", "/opt/jupyter/bin/python", "-c", code) == "6.1\n"
    assert on_ap(pool, "apptainer", "exec", "/srv/with-packages.sif", "tree", "--version").startswith("tree v")


def test_a_job_that_asks_for_a_gpu_gets_a_session_with_one(session_with_gpu):
    ad = session_with_gpu.ready()
    assert ad["AssignedGPUs"]
    assert ad["AssignedGPUs"].split(",")[0] in session_with_gpu.inside("printenv", "CUDA_VISIBLE_DEVICES")


def test_jupyterlab_starts_from_the_bundle_and_without_what_its_start_does_not_use(pool):
    code = """
import sys
from jupyter_session.jupyter import module_bundle, quick_start
quick_start.begin(module_bundle.begin(module_bundle.LAB))
import jupyterlab.labapp, jupyter_server_proxy.handlers
print([name for name in ("IPython", "urllib3", "yarl") if name in sys.modules])
import aiohttp
print(aiohttp.ClientSession.__name__, "yarl" in sys.modules)
loaders = [type(module.__spec__.loader).__name__ for module in list(sys.modules.values()) if module.__spec__]
print(loaders.count("BundledLoader") > 400)
"""
    out = on_ap(pool, "apptainer", "exec", SIF, "/opt/jupyter/bin/python", "-I", "-c", code)
    assert out == "[]\nClientSession True\nTrue\n"


def test_a_session_starts_from_its_own_bundle(ready_session):
    code = """
import sys
before = set(sys.modules)
sys.argv = ["jupyter-session", "run", "--help"]
from jupyter_session import __main__
try:
    __main__.main()
except SystemExit:
    pass
import jupyter_session.session.run, jupyter_session.session.supervisor
from importlib.machinery import SourceFileLoader
loaders = {name: type(module.__spec__.loader) for name, module in sys.modules.items() if name not in before}
print(sorted(name for name, loader in loaders.items() if loader is SourceFileLoader))
"""
    found = ready_session.inside("/opt/jupyter/bin/python", "-I", "-c", code).splitlines()[-1]
    ours = ["__main__", "jupyter", "jupyter.compiled_patterns", "jupyter.module_bundle"]
    assert found == str(["__future__", "importlib", "jupyter_session", *(f"jupyter_session.{name}" for name in ours)])


def test_bundle_does_not_count_where_a_user_mounts_another_package_over_the_images(pool):
    code = "from jupyter_session.jupyter import module_bundle; print(module_bundle.read())"
    place = "/opt/jupyter/lib/python3.13/site-packages/tornado"
    on_ap(pool, "sh", "-c", f"apptainer exec {SIF} cp -r {place} /home/alice/tornado")
    argv = ["apptainer", "exec", "--bind", f"/home/alice/tornado:{place}", SIF, "/opt/jupyter/bin/python", "-I", "-c"]
    assert on_ap(pool, *argv, code) == "None\n"


def test_a_session_starts_without_the_modules_that_it_needs_later(pool):
    code = """
import sys
import jupyter_session.cli, jupyter_session.session.run, jupyter_session.session.supervisor
later = ("http.client", "ssl", "hashlib", "asyncio", "urllib.request")
print([name for name in later if name in sys.modules])
"""
    assert on_ap(pool, "apptainer", "exec", SIF, "/opt/jupyter/bin/python", "-I", "-c", code) == "[]\n"


@pytest.mark.slow
def test_all_packages_of_the_image_are_there_for_arm_machines(tmp_path):
    systems = [f"--platform=manylinux{version}_aarch64" for version in ("_2_28", "_2_17", "2014")]
    asked = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps"),
            *("--require-hashes", "--only-binary=:all:", "--implementation=cp", "--python-version=3.13"),
            *(*systems, f"--target={tmp_path}", "-r", Path(__file__).parents[2] / "runtime/requirements.txt"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
