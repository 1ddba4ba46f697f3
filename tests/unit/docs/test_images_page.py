"""docs/images.md: what it promises is bound to tests, and its arguments are those of the definitions."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/images.md").read_text()
_BASES = "pool/test_image_bases.py::test_"
#: Words of the page, and a test that shows what they say.
BOUND = [
    ('PACKAGES="numpy torch"', "pool/test_image.py::test_packages_that_a_user_names_are_in_an_image_built_with_them"),
    ("REQUIREMENTS=requirements.txt", f"{_BASES}recipe_of_data_science_plots"),
    ("ENVIRONMENT=environment.yml", f"{_BASES}environment_file_becomes_the_kernel_of_new_notebooks"),
    ("which new notebooks get", f"{_BASES}environment_file_becomes_the_kernel_of_new_notebooks"),
    ("R with `r-cran-irkernel`", f"{_BASES}recipe_of_r_is_a_kernel_that_plots"),
    ("`pytorch.args` (with CUDA)", f"{_BASES}recipe_of_pytorch_learns"),
    ("`No space left on device`", "pool/test_image_disks.py::test_full_disk_is_named"),
    ("`Disk quota exceeded`", "pool/test_image_disks.py::test_full_quota_is_named"),
    ("Debian 12 or newer", f"{_BASES}newer_debian_is_a_base"),
    ("any other Linux: older Debian", f"{_BASES}older_debian_is_a_base_of_an_image_that_is_put_on_it"),
    ("It needs `sh` and `tar`", f"{_BASES}base_without_python_or_packages_is_a_base_of_an_image_that_is_put_on_it"),
    ("they are activated", f"{_BASES}python_of_a_base_like_condas_is_a_kernel_with_its_packages"),
    ("An image that is none of this project's", f"{_BASES}image_that_can_not_be_looked_at_is_named_at_its_first_start"),
    (
        "before the\njob is submitted",
        f"{_BASES}image_that_is_none_of_this_project_s_is_named_before_anything_is_submitted",
    ),
    (
        "builds the image in a job",
        f"{_BASES}image_is_built_in_a_job_by_one_command_though_a_connection_dies_and_ends_in_a_session",
    ),
    ("no entry in `/etc/subuid`", f"{_BASES}user_without_subordinate_ids_builds_an_image"),
]


@pytest.mark.parametrize(("words", "test"), BOUND, ids=[words for words, _ in BOUND])
def test_words_of_the_page_are_bound_to_a_test(words, test):
    assert words in PAGE
    path, name = test.split("::")
    assert re.search(rf"(?m)^def {name}\(", (ROOT / "tests" / path).read_text())


def test_arguments_of_the_page_are_those_of_the_definitions():
    named = set(re.findall(r"--build-arg ([A-Z_]+)=", PAGE)) | set(
        re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE)
    )
    texts = [(ROOT / path).read_text() for path in ("Apptainer.def", "runtime/recipes/own-base.def")]
    known = {name for text in texts for name in re.findall(r"^    ([A-Z_]+)=", text, re.MULTILINE)}
    assert {"PACKAGES", "REQUIREMENTS", "ENVIRONMENT", "APT_PACKAGES", "BASE"} <= named <= known
