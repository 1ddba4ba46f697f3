"""What goes into the image, and how its build reaches PyPI."""

from testbed.artifacts import image
from testbed.host import pip_config


def test_the_def_file_s_packages_are_found_over_its_lines():
    definition = (
        "%post\n    apt-get update\n    apt-get install -qq -y \\\n        git tmux \\\n less </dev/null\n    true\n"
    )
    assert image.apt_packages(definition) == ["git", "less", "tmux"]


def test_the_project_s_own_def_file_tells_its_packages():
    definition = (image.CHECKOUT / "Apptainer.def").read_text()
    assert {"python3", "tmux"} <= set(image.apt_packages(definition))


def test_without_git_the_image_is_made_of_all_files_but_caches(tmp_path):
    (tmp_path / "Apptainer.def").write_text("")
    for name in ("runtime/src/a.py", "runtime/src/__pycache__/a.pyc", "other/b.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    found = [str(path.relative_to(tmp_path)) for path in image.source_files(tmp_path)]
    assert sorted(found) == ["Apptainer.def", "runtime/src/a.py"]


def test_pip_s_options_come_from_files_then_from_the_environment(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("[global]\nindex-url = https://one.example/simple\ntimeout = 5\n")
    second.write_text("[global]\nindex-url = https://two.example/simple\n")
    environment = {"PIP_TIMEOUT": "9"}
    options = pip_config.machine_options(environment, [first, second, tmp_path / "absent"])
    assert options == {"index-url": "https://two.example/simple", "timeout": "9"}


def test_places_on_the_machine_s_disk_stay_behind(tmp_path):
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nfind-links = /opt/wheels\ncert = /etc/ca.crt\n"
        "extra-index-url = file:///opt/simple https://far.example/simple\n"
    )
    options = pip_config.machine_options({}, [file])
    assert options == {"extra-index-url": "https://far.example/simple"}
    assert pip_config.render(options) == "[global]\nextra-index-url = https://far.example/simple\n"


def test_a_pip_configuration_that_cannot_be_read_is_none(tmp_path):
    file = tmp_path / "pip.conf"
    file.write_text("no section\n")
    assert pip_config.machine_options({}, [file]) == {}
