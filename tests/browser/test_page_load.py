"""What a browser asks for at the start of JupyterLab's page, and when."""

import re
from urllib.parse import urlsplit

import pytest

from support.browser.lab import Lab

pytestmark = pytest.mark.timeout(300)

#: The page itself, for the browser's debugger.
PAGE = {"urlPattern": "*/lab*", "resourceType": "Document", "requestStage": "Response"}


def test_the_page_names_the_scripts_that_it_loads_at_its_start_and_no_other(new_session, page):
    session = new_session().submit()
    session.ready()
    named, asked = [], []
    debugger = page.context.new_cdp_session(page)

    def take_names(paused):
        """Hand on the page without the names, so that it asks for what it needs, when it needs it."""
        headers = paused["responseHeaders"]
        kept = [header for header in headers if header["name"].lower() != "link"]
        named.extend(re.findall("<([^>]+)>", str([header for header in headers if header not in kept])))
        about = {"responseCode": paused["responseStatusCode"], "responseHeaders": kept}
        debugger.send("Fetch.continueResponse", {"requestId": paused["requestId"], **about})

    def note(request):
        address = urlsplit(request.url)
        if request.resource_type == "script" and address.path.endswith(".js"):
            asked.append(f"{address.path}?{address.query}" if address.query else address.path)

    debugger.on("Fetch.requestPaused", take_names)
    debugger.send("Fetch.enable", {"patterns": [PAGE]})
    page.on("request", note)
    Lab(page, session.tunnel().url())
    page.wait_for_load_state("networkidle")
    # Those of extensions that have no hash load nothing.
    needed = [address for address in asked if not address.endswith("/style.js")]
    scripts = "\n".join(address.rpartition("/")[2].partition("?")[0] for address in needed if "/static/lab/" in address)
    assert sorted(named) == sorted(needed), f"startup_scripts.txt should be:\n{scripts}"
