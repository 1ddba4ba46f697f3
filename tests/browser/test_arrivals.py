"""A file that is put into the notebook folder on the access point: JupyterLab says so, and one click brings it."""

import pytest

from support.browser.lab import Lab
from support.waiting import milliseconds

pytestmark = pytest.mark.timeout(400)


@pytest.mark.slow
def test_one_click_in_the_notification_brings_what_is_new(new_session, pool, page):
    session = new_session().submit()
    session.ready()
    Lab(page, session.tunnel().url())
    pool.put("ap", f"{session.folder}/notebooks/arrived.csv", b"a,b\n1,2\n", "alice")
    notice = page.locator(".Toastify__toast", has_text="arrived.csv is new on the access point")
    notice.wait_for(timeout=milliseconds(180))
    assert page.locator(".jp-DirListing-item", has_text="arrived.csv").count() == 0
    notice.get_by_role("button", name="Fetch").click()
    page.locator(".jp-DirListing-item", has_text="arrived.csv").wait_for(timeout=milliseconds(90))
    assert session.inside("cat", "notebooks/arrived.csv") == "a,b\n1,2\n"
