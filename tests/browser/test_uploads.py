"""A large file that is uploaded in JupyterLab: the page names a better way, once."""

import pytest

from support.browser.lab import Lab
from support.waiting import milliseconds

pytestmark = [pytest.mark.timeout(400), pytest.mark.slow]


def test_a_large_upload_names_a_better_way_once_and_arrives(new_session, page, tmp_path):
    session = new_session().submit()
    session.ready()
    Lab(page, session.tunnel().url())
    for name, size in (("small.bin", 20_000_000), ("large.bin", 120_000_000), ("larger.bin", 130_000_000)):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
        with page.expect_file_chooser() as chooser:
            page.get_by_title("Upload Files").click()
        chooser.value.set_files(tmp_path / name)
        page.get_by_role("button", name="Upload", exact=True).click()
        page.locator(".jp-DirListing-item", has_text=name).wait_for(timeout=milliseconds(120))
    hints = page.locator(".Toastify__toast", has_text="chtc-jupyter cp")
    assert [hint.split()[0] for hint in hints.all_inner_texts()] == ["large.bin"]
    assert session.inside("stat", "-c", "%s", "notebooks/large.bin").strip() == "120000000"
