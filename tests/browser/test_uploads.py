"""A large file that is uploaded in JupyterLab: the page names a better way, once."""

import pytest
from playwright.sync_api import expect

from support.browser.lab import Lab
from support.waiting import wait_for

pytestmark = [pytest.mark.timeout(400), pytest.mark.slow]


def test_a_large_upload_names_a_better_way_once_and_arrives(new_session, page, tmp_path):
    session = new_session().submit()
    session.ready()
    Lab(page, session.tunnel().url())

    def upload(name, size):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
        with page.expect_file_chooser() as chooser:
            page.get_by_title("Upload Files").click()
        chooser.value.set_files(tmp_path / name)
        page.get_by_role("button", name="Upload", exact=True).click()
        look = f"stat -c %s notebooks/{name} || :"
        wait_for(lambda: session.inside("sh", "-c", look).strip() == str(size), 180, f"all of {name}")

    hints = page.locator(".Toastify__toast", has_text="chtc-jupyter cp")
    upload("small.bin", 20_000_000)
    assert hints.count() == 0
    upload("large.bin", 120_000_000)
    expect(hints).to_contain_text("large.bin is large.")
    upload("larger.bin", 130_000_000)
    assert not [text for text in hints.all_inner_texts() if text.startswith("larger.bin")]
