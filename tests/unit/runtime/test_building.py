"""What the build of an image decides: which Pythons of its base become kernels, and what is asked for."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_session import brought
from jupyter_session.building import base_kernels, base_pythons, conda_environment, portable
from jupyter_session.building.base_pythons import BasePython
from jupyter_session.building.conda_environment import Spec, SpecError, parse_spec
from jupyter_session.ssh import sshd

ROOT = Path(__file__).parents[3]


def python(prefix, *, packages=(), conda=False, version=(3, 11)):
    folder = Path(prefix)
    return BasePython(folder / "bin/python3", folder, version, frozenset(packages), has_kernel=False, is_conda=conda)


@pytest.mark.parametrize(
    ("given", "title", "name"),
    [
        (python("/usr"), "Python 3.11 (system)", "base-system"),
        (python("/usr/local", version=(3, 12)), "Python 3.12 (base)", "base-base"),
        (python("/opt/conda", conda=True), "Python 3.11 (conda)", "base-conda"),
        (python("/opt/miniconda3", conda=True), "Python 3.11 (conda)", "base-conda"),
        (python("/opt/environments/lab", conda=True), "Python 3.11 (lab)", "base-lab"),
        (python("/opt/conda/envs/My Lab", conda=True), "Python 3.11 (My Lab)", "base-my-lab"),
        (python("/opt/venv"), "Python 3.11 (venv)", "base-venv"),
    ],
)
def test_kernel_has_the_name_that_people_know_its_python_by(given, title, name):
    assert given.title == title
    assert base_kernels.name_kernel(given) == name


def test_system_python_without_packages_is_no_kernel_of_its_own():
    assert python("/usr", packages=("pip", "setuptools")).is_plain
    assert not python("/usr", packages=("pip", "numpy")).is_plain
    assert not python("/usr/local", packages=("pip",)).is_plain


CONDA, SYSTEM, VENV = python("/opt/conda", conda=True), python("/usr", packages=("x",)), python("/opt/venv")
MADE = python(conda_environment.FOLDER / "lab", conda=True)


@pytest.mark.parametrize(
    ("pythons", "path", "default"),
    [
        ([], ["/usr/bin"], None),
        ([SYSTEM], ["/usr/bin", "/bin"], None),
        ([SYSTEM, CONDA], ["/usr/bin"], None),
        ([SYSTEM, CONDA], ["/opt/conda/bin", "/usr/bin"], CONDA),
        ([CONDA, VENV], ["/opt/venv/bin", "/opt/conda/bin"], VENV),
        ([CONDA, SYSTEM, MADE], ["/opt/conda/bin", "/usr/bin"], MADE),
    ],
)
def test_new_notebooks_get_the_python_that_the_base_runs(pythons, path, default):
    assert base_kernels.choose_default(pythons, path) == default


def test_kernel_of_a_conda_environment_is_activated_and_finds_its_own_programs_first():
    spec = base_kernels.render_kernel(CONDA, Path("/lacking"))
    assert spec["argv"][:2] == ["/bin/bash", "-c"]
    assert spec["argv"][3:5] == ["/opt/conda", "/opt/conda/bin/python3"]
    assert spec["argv"][-3:] == ["/lacking", "-f", "{connection_file}"]
    assert spec["env"]["PATH"] == "/opt/conda/bin:${PATH}"
    assert spec["env"]["CONDA_PREFIX"] == "/opt/conda"
    assert "PATH" not in base_kernels.render_kernel(SYSTEM, Path("/lacking"))["env"]


def test_activation_runs_the_scripts_of_packages_and_then_the_kernel(tmp_path):
    folder = tmp_path / "etc/conda/activate.d"
    folder.mkdir(parents=True)
    (folder / "one.sh").write_text("export ONE=1\n")
    for prefix, shown in ((tmp_path, "1"), (tmp_path / "none", "")):
        argv = ["bash", "-c", base_kernels._ACTIVATE, prefix, "sh", "-c", "echo $ONE"]
        assert subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip() == shown


@pytest.mark.parametrize(
    ("spec", "adopted"),
    [
        ({"argv": ["python", "-m", "ipykernel"], "language": "python"}, None),
        ({"argv": [], "language": "R"}, None),
        ({"language": "R"}, None),
        ({"argv": ["sh", "x"], "language": "R", "env": {"A": "b"}}, ["{prefix}/bin/sh", "x"]),
        ({"argv": ["elsewhere", "x"], "language": "julia"}, ["elsewhere", "x"]),
    ],
)
def test_kernels_of_other_languages_start_from_any_path(spec, adopted, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/sh").write_text("")
    found = base_kernels.adopt_kernel(spec, tmp_path)
    if adopted is None:
        assert found is None
        return
    assert found["argv"] == [word.format(prefix=tmp_path) for word in adopted]
    assert found["env"]["PATH"].startswith(f"{tmp_path}/bin:")
    assert spec.get("env", {}).items() <= found["env"].items()


@pytest.mark.parametrize(
    ("text", "folders"),
    [
        ('export PATH="/opt/conda/bin:/usr/bin"\n', ["/opt/conda/bin", "/usr/bin"]),
        ('export A="${A:-"b"}"\nexport PATH="${PATH:-"/opt/x/bin:/bin"}"\n', ["/opt/x/bin", "/bin"]),
        ("", os.defpath.split(":")),
    ],
)
def test_path_of_a_base_is_the_one_of_its_own_settings(text, folders, tmp_path):
    (tmp_path / ".singularity.d/env").mkdir(parents=True)
    (tmp_path / base_pythons._DOCKER).write_text(text)
    assert base_pythons.read_path(tmp_path) == folders
    assert base_pythons.read_path(tmp_path / "absent") == os.defpath.split(":")


def test_pythons_are_found_in_the_path_and_where_images_keep_them_and_asked(tmp_path):
    for prefix in ("opt/conda", "opt/conda/envs/sci", "usr", "far"):
        (tmp_path / prefix / "bin").mkdir(parents=True)
        program = tmp_path / prefix / "bin/python3"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        program.chmod(0o755)
    candidates = base_pythons.list_candidates(["/far/bin", "/usr/bin"], tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in candidates] == [
        f"{prefix}/bin/python3" for prefix in ("far", "usr", "opt/conda", "opt/conda/envs/sci")
    ]
    (tmp_path / "broken").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "broken").chmod(0o755)
    asked = list(base_pythons._ask_all([tmp_path / "broken", tmp_path / "absent", candidates[0]]))
    assert [(each.version, each.prefix) for each in asked] == [(sys.version_info[:2], Path(sys.prefix))]
    assert "pytest" in asked[0].packages
    assert base_pythons.find_pythons([candidates[0]]) == []  # it is the one that asks


@pytest.mark.parametrize(
    ("content", "spec"),
    [
        (
            {"name": "lab", "channels": ["x", "nodefaults"], "dependencies": ["python=3.12", "numpy>=1,<3"]},
            Spec("lab", ("x",), ("python=3.12", "numpy>=1,<3"), ()),
        ),
        (
            {"dependencies": ["conda-forge::gdal", "pip", {"pip": ["a[b,c]>=1,<2", "-e ."]}]},
            Spec("environment", ("conda-forge",), ("conda-forge::gdal", "pip", "python"), ("a[b,c]>=1,<2", "-e .")),
        ),
        (
            {"dependencies": ["python-dateutil"]},
            Spec("environment", ("conda-forge",), ("python-dateutil", "python"), ()),
        ),
    ],
)
def test_environment_file_is_understood(content, spec):
    assert parse_spec(content) == spec


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (None, "no list `dependencies`"),
        ([], "no list `dependencies`"),
        ({"dependencies": "numpy"}, "no list `dependencies`"),
        ({"dependencies": [{"npm": ["x"]}]}, "neither a package nor `pip:`"),
        ({"dependencies": [3]}, "neither a package nor `pip:`"),
        ({"channels": ["defaults"], "dependencies": []}, "Name conda-forge instead"),
        ({"name": "../x", "dependencies": []}, "can't be the name"),
        ({"name": "..", "dependencies": []}, "can't be the name"),
    ],
)
def test_environment_file_that_can_not_be_followed_is_named(content, part):
    with pytest.raises(SpecError, match=re.escape(part)):
        parse_spec(content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["dependencies", "channels", "name", "pip"]), inner)
    ),
)


@given(JSON)
def test_any_content_is_a_spec_or_an_error(content):
    try:
        spec = parse_spec(content)
    except SpecError:
        return
    assert "/" not in spec.name
    assert spec.channels


@pytest.mark.parametrize(("package", "wants"), [("pytorch-gpu", True), ("cuda-nvcc", True), ("numpy", False)])
def test_packages_for_gpus_are_chosen_on_machines_without_one(package, wants):
    assert Spec("a", ("x",), (package,), ()).wants_gpu == wants


def test_programs_and_libraries_are_told_from_scripts(tmp_path):
    (tmp_path / "script").write_text("#!/bin/sh\n")
    assert portable.is_elf(Path(os.path.realpath(sys.executable)))
    assert not portable.is_elf(tmp_path / "script")
    assert not portable.is_elf(tmp_path / "absent")


def test_links_are_made_for_what_is_lacking_and_for_nothing_else(tmp_path):
    system, image = tmp_path / "image/opt/system", tmp_path / "image"
    for name in ("usr/bin/git", "usr/bin/less", "usr/bin/python3.13", "usr/lib/python3.13/os.py", "usr/lib/a b/c"):
        (system / name).parent.mkdir(parents=True, exist_ok=True)
        (system / name).write_text("ours")
    (system / "etc").mkdir()
    (image / "usr/bin").mkdir(parents=True)
    (image / "usr/bin/less").write_text("theirs")
    script = (ROOT / "runtime/src/jupyter_session/building/attach.sh").read_text()
    (system / "attach.sh").write_text(
        script.replace("path=${file", f"path={image}${{file").replace("/bin/bash", "/dev/null")
    )
    subprocess.run(["sh", system / "attach.sh"], check=True)
    found = {str(path.relative_to(image)) for path in (image / "usr").rglob("*") if not path.is_dir()}
    assert found == {"usr/bin/git", "usr/bin/less", "usr/lib/a b/c"}
    assert (image / "usr/bin/less").read_text() == "theirs"
    assert (image / "usr/lib/a b/c").read_text() == "ours"


def test_program_that_was_brought_along_counts_before_the_distributions(tmp_path):
    own = tmp_path / "usr/sbin/sshd"
    assert brought.find_program("/usr/sbin/sshd", str(tmp_path)) == "/usr/sbin/sshd"
    own.parent.mkdir(parents=True)
    own.write_text("")
    own.chmod(0o755)
    assert brought.find_program("/usr/sbin/sshd", str(tmp_path)) == str(own)


def test_server_of_the_distribution_runs_its_own_helpers():
    argv = sshd.build_command(Path("/s/config"), "/s/keys")
    assert argv == ["/usr/sbin/sshd", "-i", "-f", "/s/config", "-o", "AuthorizedKeysFile=/s/keys"]


def test_server_that_was_brought_along_runs_the_helpers_beside_it(monkeypatch):
    monkeypatch.setattr(sshd, "find_program", lambda path: f"/brought{path}")
    argv = sshd.build_command(Path("/s/config"), "/s/keys")
    assert argv[0] == "/brought/usr/sbin/sshd"
    assert "SshdSessionPath=/brought/usr/lib/openssh/sshd-session" in argv
    assert "SshdAuthPath=/brought/usr/lib/openssh/sshd-auth" in argv


def sections(path):
    parts = re.split(r"(?m)^%(\w+)$", (ROOT / path).read_text())
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_both_definitions_run_test_and_explain_the_same():
    first, second = sections("Apptainer.def"), sections("runtime/recipes/own-base.def")
    for section in ("environment", "runscript", "test", "help"):
        assert first[section] == second[section]


def test_recipes_name_arguments_and_files_that_there_are():
    known = sections("Apptainer.def")["arguments"]
    recipes = sorted((ROOT / "runtime/recipes").glob("*.args"))
    assert len(recipes) >= 3
    page = (ROOT / "runtime/recipes/README.md").read_text()
    for recipe in recipes:
        assert f"`{recipe.name}`" in page
        lines = recipe.read_text().splitlines()
        assert len(lines) <= 3
        for name, _, value in (line.partition("=") for line in lines):
            assert f"    {name}=" in known
            assert value
            if name in ("REQUIREMENTS", "ENVIRONMENT"):
                assert (ROOT / value).is_file()


def test_what_an_old_python_of_a_base_runs_is_as_old():
    ast.parse(base_kernels._START.read_text(), feature_version=(3, 7))
    ast.parse(base_pythons._ASK, feature_version=(3, 7))
