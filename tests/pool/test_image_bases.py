"""Images on other bases: what a base has stays, and is a kernel; and images that are none of this project's."""

import base64
import json
import platform
import re
from pathlib import Path

import pytest

from support import kernels
from support.conda_channel import make_channel
from support.hosts import ROOT, SHARED_IMAGE
from testbed.artifacts import image
from testbed.artifacts.image import Variant
from testbed.host.errors import UserError
from testbed.pool.rootfs import Base

#: The notes of HTCondor's package have this image, to try Apptainer with; it has no session.
FOREIGN = "/usr/libexec/condor/exit_37.sif"
#: What a base has, and a session hasn't: a module in Debian's packages.
ONLY_BASE = ("python3", "python3-tabulate")
USE = "import sys, tabulate; print(sys.version_info[:2], sys.prefix, tabulate.tabulate([[42]], tablefmt='plain'))"
#: Makes a stand-in for conda's own Python: Debian's, moved, with a module that is only there; then Debian's goes.
LIKE_CONDA = """
mkdir -p /opt/conda/bin /opt/conda/lib /opt/conda/conda-meta /opt/conda/etc/conda/activate.d
cp -a /usr/lib/python3* /opt/conda/lib
cp /usr/bin/python3.11 /opt/conda/bin
ln -s python3.11 /opt/conda/bin/python3
ln -s python3.11 /opt/conda/bin/python
echo 'def answer(): return 42' >/opt/conda/lib/python3/dist-packages/only_conda.py
echo 'export ONLY_CONDA=activated' >/opt/conda/etc/conda/activate.d/only.sh
echo '#!/bin/sh\necho conda 24.0' >/opt/conda/bin/conda
chmod +x /opt/conda/bin/conda
touch /opt/conda/conda-meta/history
rm -r /usr/bin/python3* /usr/lib/python3*
"""
#: Makes a stand-in for a distribution that isn't Debian's.
NO_DEBIAN = """
rm -r /usr/bin/apt* /usr/bin/dpkg* /var/lib/dpkg /etc/apt
"""


#: Learns that y is 2 x.
LEARN = """
import torch
x = torch.linspace(-1, 1, 50).unsqueeze(1)
line = torch.nn.Linear(1, 1)
descent = torch.optim.SGD(line.parameters(), lr=0.5)
for step in range(200):
    descent.zero_grad()
    torch.nn.functional.mse_loss(line(x), 2 * x).backward()
    descent.step()
print(round(line.weight.item(), 2))
"""


#: An image that can't be told from this project's before it runs, and starts something else.
OTHER = f"""\
Bootstrap: localimage
From: {SHARED_IMAGE}
%runscript
    echo 'no notebooks here' >&2
    exit 3
"""


@pytest.fixture
def start(new_session):
    """Return a function that builds an image, and starts a session with it."""

    def build_and_start(name, variant, *lines):
        entry = image.build(variant=variant)
        session = new_session()
        session.pool.copy("ap", entry.path / "jupyter.sif", f"{session.folder}/{name}.sif", session.user)
        session.ap("ln", "-sf", f"{name}.sif", "jupyter.sif", check=True)
        session.submit("", "request_disk = 4GB", *lines)
        session.ready(180)
        return session

    return build_and_start


def recipe(name):
    """Return the arguments of a recipe."""
    lines = (ROOT / f"runtime/recipes/{name}.args").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def titles(session):
    specs = json.loads(session.request("/api/kernelspecs"))
    return {spec["spec"]["display_name"]: name for name, spec in specs["kernelspecs"].items()}, specs["default"]


def ask(session, title, *cells):
    kernel = kernels.start_kernel(session, titles(session)[0][title])
    return kernels.ask_all(session, kernel, *cells, seconds=60)  # its Python's files are read for the first time


def assert_jupyterlab_is_whole(session):
    """Check what a session needs of its image: a kernel of its own, tmux, save-back, ssh's server, the bundle."""
    assert kernels.ask(session, session.start_kernel(), "6*7").text == "42"
    assert "jupyter" in session.inside("tmux", "list-sessions")
    assert session.inside("git", "--version").startswith("git version")
    key = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(32)).decode()
    serve = f"sleep 1 | timeout 5 jupyter-session sshd ssh-ed25519 {key}; true"
    assert "SSH-2.0" in session.inside("sh", "-c", serve)
    code = "from jupyter_session.jupyter.module_bundle import *; print(None not in (read(LAB), read(SESSION)))"
    assert session.inside("/opt/jupyter/bin/python", "-I", "-c", code).strip() == "True"
    session.save_notebook("kept.ipynb", "kept")
    session.remove()
    assert session.has_notebook("kept.ipynb", "kept")


@pytest.mark.slow
def test_base_without_a_python_that_will_do_is_refused_with_the_way():
    with pytest.raises(UserError) as caught:
        image.build(variant=Variant(base=Base("bullseye")))
    said = Path(str(caught.value).partition("see ")[2].partition(")")[0]).read_text()
    assert "has Python 3.9, but JupyterLab needs 3.11 or newer here" in said
    assert "runtime/recipes/own-base.def" in said
    assert "Setting up" not in said  # nothing was installed


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("suite", "version"), [("bookworm", "3, 11"), ("sid", "3, ")])
def test_newer_debian_is_a_base(suite, version, start):
    session = start(suite, Variant(base=Base(suite, ONLY_BASE)))
    (title,) = [title for title in titles(session)[0] if title.endswith("(system)")]
    said = ask(session, title, USE)[0].text
    assert said.startswith(f"({version}")
    assert said.split()[-2:] == ["/usr", "42"]
    assert_jupyterlab_is_whole(session)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_older_debian_is_a_base_of_an_image_that_is_put_on_it(start):
    session = start("bullseye", Variant(base=Base("bullseye", ONLY_BASE), onto=True))
    assert ask(session, "Python 3.9 (system)", USE)[0].text.split() == ["(3,", "9)", "/usr", "42"]
    assert session.inside("cat", "/etc/debian_version").startswith("11")
    assert_jupyterlab_is_whole(session)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_base_without_python_or_packages_is_a_base_of_an_image_that_is_put_on_it(start):
    session = start("bare", Variant(base=Base("bookworm", script=NO_DEBIAN), onto=True))
    assert list(titles(session)[0]) == ["Python 3 (ipykernel)"]
    assert_jupyterlab_is_whole(session)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_python_of_a_base_like_condas_is_a_kernel_with_its_packages(start):
    packages = ("python3", "python3-tabulate", "libexpat1", "zlib1g")
    session = start("conda", Variant(base=Base("bookworm", packages, LIKE_CONDA), onto=True))
    cells = (
        "import only_conda, sys, os; print(only_conda.answer(), sys.prefix, os.environ['ONLY_CONDA'])",
        "!conda --version; which python",
    )
    first, second = ask(session, "Python 3.11 (conda)", *cells)
    assert first.text.split() == ["42", "/opt/conda", "activated"]
    assert second.text.split() == ["conda", "24.0", "/opt/conda/bin/python"]
    assert session.inside("sh", "-c", "ls /opt/conda/lib/python3*/dist-packages | grep -c ipykernel").strip() == "0"
    assert_jupyterlab_is_whole(session)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_recipe_of_r_is_a_kernel_that_plots(start):
    session = start("r", Variant(recipe("r")))
    cells = (
        "cat(6 * 7, R.version$language)",
        "library(tidyverse); cat(nrow(filter(tibble(x = 1:3), x > 1)))",
        "ggplot(mpg, aes(displ, hwy)) + geom_point()",
    )
    first, second, plot = ask(session, "R", *cells)
    assert first.text.split() == ["42", "R"]
    assert second.text.split()[-1] == "2"
    assert plot.status == "ok", plot
    assert_jupyterlab_is_whole(session)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_environment_file_becomes_the_kernel_of_new_notebooks(start):
    """The channel is a stand-in, with a stand-in for Python: see support/conda_channel.py."""
    assert platform.machine() == "x86_64"
    channel = "file:///usr/src/jupyter-session/channel"
    spec = f"name: lab\nchannels: [{channel}]\ndependencies:\n- only_conda>=1,<2\n- pip: ['cowsay>=6,<7']\n"
    files = {f"runtime/channel/{path}": data for path, data in make_channel("3.13").items()}
    variant = Variant({"ENVIRONMENT": "environment.yml"}, {**files, "environment.yml": spec.encode()})
    session = start("environment", variant)
    assert titles(session)[1] == titles(session)[0]["Python 3.13 (lab)"]
    cell = "import only_conda, cowsay, sys; print(only_conda.answer(), cowsay.__version__, sys.prefix)"
    assert ask(session, "Python 3.13 (lab)", cell)[0].text.split() == ["42", "6.1", "/opt/environments/lab"]
    assert_jupyterlab_is_whole(session)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_recipe_of_data_science_plots(start):
    session = start("science", Variant(recipe("data-science")))
    cells = (
        "import numpy, pandas, scipy, sklearn",
        "%matplotlib inline\nimport matplotlib.pyplot as p; p.plot([1, 2])",
    )
    answers = kernels.ask_all(session, session.start_kernel(), *cells, seconds=120)
    assert [answer.status for answer in answers] == ["ok", "ok"]
    assert "<Figure size" in answers[1].text
    assert_jupyterlab_is_whole(session)


@pytest.mark.slow
@pytest.mark.timeout(3000)  # it downloads 3 GB
def test_recipe_of_pytorch_learns(start):
    session = start("torch", Variant(recipe("pytorch")), "request_disk = 25GB", "request_memory = 3GB")
    answers = kernels.ask_all(session, session.start_kernel(), LEARN, "torch.cuda.is_available()", seconds=180)
    assert [answer.text.strip() for answer in answers] == ["2.0", "False"], answers
    assert_jupyterlab_is_whole(session)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("onto", [False, True], ids=["Apptainer.def", "own-base.def"])
def test_user_without_subordinate_ids_builds_an_image(onto, start):
    arguments = {} if onto else {"PACKAGES": "tabulate>=0.9,<1"}
    session = start("alice", Variant(arguments, base=Base("bookworm"), builder="alice", onto=onto))
    assert_jupyterlab_is_whole(session)


def test_image_that_is_none_of_this_project_s_is_named_before_anything_is_submitted(new_laptop):
    laptop = new_laptop()
    refused = laptop.call("start", laptop.name, "--ap", "ap", "--no-browser", "--image", FOREIGN)
    assert refused.returncode == 20, refused
    assert "exit_37.sif on ap has no jupyter-session" in refused.stderr
    assert "runtime/recipes/own-base.def" in refused.stderr
    assert laptop.queued() == []


@pytest.mark.slow
def test_image_that_can_not_be_looked_at_is_named_at_its_first_start(new_laptop):
    """The image has this project's labels, as one at another address has none that can be read from here."""
    laptop = new_laptop()
    folder = f"{laptop.home}-other"
    laptop.pool.put("ap", f"{folder}/other.def", OTHER.encode(), "alice")
    build = ["apptainer", "build", "--mksquashfs-args", image.SQUASH, "other.sif", "other.def"]
    laptop.pool.exec("ap", build, user="alice", cwd=folder, timeout=200, check=True)
    running = laptop.start("--image", f"{folder}/other.sif")
    assert running.wait_end(120) != 0
    said = running.read()
    assert "The image other.sif seems to have no jupyter-session" in said, said
    assert "runtime/recipes/own-base.def. Its error file says: no notebooks here" in said
    assert laptop.queued() == []
    laptop.on_ap("rm", "-r", folder)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_image_is_built_in_a_job_by_one_command_though_a_connection_dies_and_ends_in_a_session(new_laptop):
    """The definition needs no network, which the pool's machines haven't."""
    laptop = new_laptop()
    project, to = f"{laptop.home}/project", f"{laptop.home}-mine.sif"
    definition = "Bootstrap: localimage\nFrom: jupyter.sif\n%post\n    sleep 20\n    echo made in a job >/made\n"
    for name, text in (("Apptainer.def", "x"), ("runtime/x", "x"), ("mine.def", definition)):
        laptop.pool.put("laptop", f"{project}/{name}", text.encode(), "alice")
    laptop.prefix = ["env", "-C", project]
    built = laptop.run_on("image", "build", "mine.def", "--input", SHARED_IMAGE, "--to", to, "--ap", "ap")
    built.wait_for("builds on ", 120)
    (tag,) = built.tags()
    laptop.pool.exec("laptop", ["pkill", "-9", "-o", "-f", f"^ssh .*{tag}"], check=True)
    built.wait_for("lost the connection to ap; connecting again")
    assert built.wait_end(400) == 0, built.output
    laptop.prefix = []
    assert f"The image is at {to} on ap." in built.output
    folder = re.search(r"its files are in (\S+)\.", built.output)[1]
    assert "No such file" in laptop.on_ap("ls", "-d", folder)
    assert "No such file" in laptop.on_ap("ls", f"{to}.built")
    running = laptop.start("--image", to)
    assert laptop.answers(running.url(180))
    assert laptop.inside("cat", "/made").strip() == "made in a job"
    assert laptop.call("stop", laptop.name).returncode == 0
    laptop.on_ap("rm", to)


@pytest.mark.slow
def test_build_in_a_job_that_fails_says_why(new_laptop):
    laptop = new_laptop()
    project = f"{laptop.home}/project"
    definition = "Bootstrap: localimage\nFrom: absent.sif\n"
    for name, text in (("Apptainer.def", definition), ("runtime/x", "x")):
        laptop.pool.put("laptop", f"{project}/{name}", text.encode(), "alice")
    argv = ["chtc-jupyter", "image", "build", "--to", f"{laptop.home}-mine.sif", "--ap", "ap"]
    built = laptop.pool.exec("laptop", argv, user="alice", env=laptop.env, cwd=project, timeout=200)
    assert built.returncode == 31, built
    assert "absent.sif" in built.stderr
    assert "build.err on ap" in built.stderr
    laptop.on_ap("sh", "-c", "rm -r ~/jupyter/build-*")
