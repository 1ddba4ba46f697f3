"""What a browser asks for at the start of JupyterLab's page, and when."""

import re
from urllib.parse import urlsplit

import pytest

from support.browser.lab import Lab

pytestmark = pytest.mark.timeout(300)

PAGE = re.compile(r"^https?://[^/]+/lab(\?.*)?$")


def test_the_page_names_the_scripts_that_it_loads_at_its_start_and_no_other(new_session, page):
    session = new_session().submit()
    session.ready()
    named, asked = [], []

    def take_names(route):
        """Hand on the page without the names, so that it asks for what it needs, when it needs it."""
        answer = route.fetch()
        headers = answer.headers
        named.extend(re.findall("<([^>]+)>", headers.pop("link", "")))
        route.fulfill(response=answer, headers=headers)

    def note(request):
        address = urlsplit(request.url)
        if request.resource_type == "script" and address.path.endswith(".js"):
            asked.append(f"{address.path}?{address.query}" if address.query else address.path)

    page.route(PAGE, take_names)
    page.on("request", note)
    Lab(page, session.tunnel().url())
    page.wait_for_load_state("networkidle")
    # Those of extensions that have no hash load nothing.
    needed = [address for address in asked if not address.endswith("/style.js")]
    scripts = "\n".join(address.rpartition("/")[2].partition("?")[0] for address in needed if "/static/lab/" in address)
    assert sorted(named) == sorted(needed), f"startup_scripts.txt should be:\n{scripts}"
