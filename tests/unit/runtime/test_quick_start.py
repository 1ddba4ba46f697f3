"""The quick start of JupyterLab: which modules wait, which come out of one file, and when that file doesn't count."""

import ast
import gc
import importlib
import marshal
import os
import subprocess
import sys
from importlib import metadata
from importlib.machinery import SourceFileLoader
from importlib.util import spec_from_file_location

import pytest

from jupyter_session.jupyter import module_bundle, quick_start
from jupyter_session.jupyter.module_bundle import Bundle, BundledLoader


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Yield a folder of modules that can be imported; they are forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("quick_start_")]:
        del sys.modules[name]


def make_bundle(folder, name, path, text, *, is_package=False):
    """Return a bundle of one module."""
    code = marshal.dumps(compile(text, "there.py", "exec"))
    (folder / "codes").write_bytes(b"before" + code + b"after")
    file = os.open(folder / "codes", os.O_RDONLY)
    return Bundle(file, {name: (str(path), is_package, 6, 6 + len(code))}, [], {})


def test_late_module_is_loaded_at_its_first_use(place, monkeypatch):
    (place / "quick_start_late.py").write_text("import sys\nsys.quick_start_loaded = True\nanswer = 42\n")
    monkeypatch.setattr(sys, "quick_start_loaded", False, raising=False)
    monkeypatch.setattr(sys, "meta_path", [quick_start.LateFinder(frozenset({"quick_start_late"})), *sys.meta_path])
    late = importlib.import_module("quick_start_late")
    assert not sys.quick_start_loaded
    assert late.answer == 42
    assert sys.quick_start_loaded


def test_late_module_that_is_missing_is_an_import_error_at_once():
    assert quick_start.LateFinder(frozenset({"quick_start_none"})).find_spec("quick_start_none", None) is None


def test_module_of_the_bundle_is_as_one_of_a_file_but_for_where_its_code_comes_from(place):
    package = place / "quick_start_package"
    package.mkdir()
    (package / "__init__.py").write_text("said = 'file'\n")
    (package / "data.txt").write_text("data")
    name, path = "quick_start_package", package / "__init__.py"
    bundle = make_bundle(place, name, path, "said = 'bundle'", is_package=True)
    spec = bundle.find_spec("quick_start_package", None)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.said == "bundle"
    assert module.__file__ == str(package / "__init__.py")
    assert module.__path__ == [str(package)]
    assert importlib.resources.files(module).joinpath("data.txt").read_text() == "data"
    assert bundle.find_spec("quick_start_package", None) is None  # a second import finds the file
    again = spec.loader.get_code("quick_start_package")
    assert "file" in again.co_consts
    usual = spec_from_file_location(name, path)
    for attribute in ("name", "origin", "cached", "has_location", "parent", "submodule_search_locations"):
        assert str(getattr(spec, attribute)) == str(getattr(usual, attribute))


def test_module_that_is_found_in_a_bundle_and_loaded_after_its_end_comes_from_its_file(place):
    path = place / "quick_start_late_one.py"
    path.write_text("said = 'file'\n")
    bundle = make_bundle(place, "quick_start_late_one", path, "said = 'bundle'")
    spec = bundle.find_spec("quick_start_late_one", None)
    bundle.forget()
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.said == "file"


def test_bundle_has_what_was_imported_and_what_packages_offer(tmp_path, place):
    (place / "quick_start_one.py").write_text("answer = 1\n")
    (place / "quick_start_two.py").write_text("answer = 2\n")
    for name in ("quick_start_one", "quick_start_two"):
        importlib.import_module(name)
    path = tmp_path / "bundle"
    module_bundle.write(path, {}, frozenset({"quick_start_two"}))
    bundle = module_bundle.read(path)
    spec = bundle.find_spec("quick_start_one", None)
    assert isinstance(spec.loader, BundledLoader)
    assert spec.loader.get_code("quick_start_one").co_consts == (1, None)
    assert bundle.find_spec("quick_start_two", None) is None
    assert bundle.find_spec("sys", None) is None
    scripts = {each.name for each in metadata.entry_points(group="console_scripts")}
    assert {name for name, _, group in bundle.offers if group == "console_scripts"} == scripts
    bundle.forget()


def wrap(head):
    data = marshal.dumps(head)
    return len(data).to_bytes(8, "little") + data


@pytest.mark.parametrize(
    "content", [b"", b"not marshaled", marshal.dumps(7), wrap(7), wrap((("3.0", 1, 2), {}, [], {}))]
)
def test_bundle_that_is_not_true_of_this_image_does_not_count(tmp_path, content):
    path = tmp_path / "bundle"
    assert module_bundle.read(path) is None
    path.write_bytes(content)
    assert module_bundle.read(path) is None


def test_bundle_does_not_count_once_pip_has_installed_something(tmp_path, monkeypatch):
    packages = tmp_path / "site-packages"
    packages.mkdir()
    monkeypatch.setattr(module_bundle, "_PACKAGES", packages)
    path = tmp_path / "bundle"
    module_bundle.write(path, {})
    assert module_bundle.read(path)
    os.utime(packages, (1, 1))
    assert module_bundle.read(path) is None


@pytest.mark.parametrize(
    ("where", "counts"), [("{}", False), ("{}/numpy/core", False), ("{}-of-another", True), ("/home/alice", True)]
)
def test_bundle_does_not_count_where_something_is_mounted_over_the_packages(tmp_path, where, counts):
    mounts = tmp_path / "mountinfo"
    place = where.format(module_bundle._PACKAGES)
    mounts.write_text(f"22 1 0:20 / / rw - overlay o rw\n36 22 98:0 /mnt {place} rw,noatime - ext4 /dev/root rw\n")
    assert module_bundle._is_mounted_over(mounts) is not counts


def test_entry_points_are_read_once_until_the_server_has_started(monkeypatch):
    asked = []
    read = metadata.entry_points
    monkeypatch.setattr(metadata, "entry_points", lambda **params: asked.append(params) or read(**params))
    points = quick_start.EntryPoints()
    first = points(group="console_scripts")
    assert list(points(group="console_scripts")) == list(first)
    assert {each.name for each in first} == {each.name for each in read(group="console_scripts")}
    assert asked == [{}]
    points.forget()
    points(group="console_scripts")
    assert asked == [{}, {"group": "console_scripts"}]


def test_script_runs_as_it_would_by_itself_and_the_collector_runs_again_in_the_end(tmp_path):
    script = tmp_path / "script"
    script.write_text(
        "import gc, sys\nprint(__name__, sys.argv[1:], __file__ == sys.argv[0], gc.isenabled())\n"
        "from jupyter_session.jupyter import quick_start\nquick_start.finish()\n"
        "print(gc.isenabled(), any(type(each).__name__ == 'Bundle' for each in sys.meta_path))\n"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    argv = [sys.executable, "-c", "from jupyter_session.jupyter.quick_start import main; main()", str(script), "--a=b"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, env=environ)
    assert done.stdout == "__main__ ['--a=b'] True False\nTrue False\n", done.stderr
    assert gc.isenabled()


def test_loader_is_a_file_loader(tmp_path):
    bundle = make_bundle(tmp_path, "x", "/x.py", "")
    assert isinstance(bundle.find_spec("x", None).loader, SourceFileLoader)


def test_modules_come_from_a_file_from_its_beginning_to_its_end(tmp_path, place):
    (place / "quick_start_begun.py").write_text("answer = 1\n")
    importlib.import_module("quick_start_begun")
    path = str(tmp_path / "bundle")
    module_bundle.write(path, {})
    (place / "quick_start_begun.py").write_text("answer = 22\n")
    for has_begun, answer in ((True, 1), (False, 22)):
        del sys.modules["quick_start_begun"]
        bundle = module_bundle.begin(path) if has_begun else None
        assert importlib.import_module("quick_start_begun").answer == answer
        module_bundle.end()
        assert bundle not in sys.meta_path
    assert module_bundle.begin(str(tmp_path / "none")) is None


def test_what_comes_before_all_modules_imports_next_to_none():
    code = (
        "import sys; before = set(sys.modules); import jupyter_session.jupyter.quick_start;"
        "print(sorted(name for name in set(sys.modules) - before if not name.startswith('jupyter_session')))"
    )
    environ = {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ, check=True)
    frozen = {"importlib", "importlib._bootstrap", "importlib._bootstrap_external", "importlib.machinery"}
    assert set(ast.literal_eval(done.stdout)) <= {*frozen, "__future__", "gc", "marshal", "warnings"}
