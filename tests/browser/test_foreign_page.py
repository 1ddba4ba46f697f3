"""A page of another site in the user's browser, which asks for JupyterLab's pages all the time."""

import time

import pytest

from support.browser.lab import Lab
from support.hosts import background
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(1500)
#: A page of bob's, at another port of the same machine: browsers take it for the same site, and send the cookies.
SERVE = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>bob</title><body>hello")
print("listening", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
#: Asks every second in each way that a page has without a click, always for another path.
ASK = """
target => {
  window.asked = 0;
  setInterval(() => {
    const n = ++window.asked;
    for (const path of ["/lab", `/lab/tree/${n}`, `/files/welcome.ipynb?${n}`, `/proxy/9/${n}`]) {
      new Image().src = target + path;
      fetch(target + path, {mode: "no-cors", credentials: "include"}).catch(() => 0);
    }
    fetch(target + "/api/contents", {method: "POST", mode: "no-cors", credentials: "include"}).catch(() => 0);
    const frame = document.createElement("iframe");
    frame.src = target + "/lab";
    document.body.replaceChildren(frame);
  }, 1000);
}
"""
PORT = 18999


def assert_ends_beside_foreign_page(session, browser, timeout):
    """Assert that a session with an idle timeout of `timeout` seconds ends, whatever a page of another site does."""
    context = browser.browser.new_context()
    page = context.new_page()
    tunnel = session.tunnel()
    address = tunnel.url()
    Lab(page, address)
    with background(session.pool, "laptop", ["python3", "-uc", SERVE, str(PORT)], user="bob") as foreign:
        assert foreign.stdout.readline() == "listening\n"
        other = context.new_page()
        answers = []
        other.on("response", lambda answer: answers.append((answer.status, answer.url)))
        other.goto(f"http://127.0.0.1:{PORT}/")
        other.evaluate(ASK, address.partition("/lab")[0])
        wait_for(lambda: other.evaluate("window.asked") > 3, 30, "the page to ask", every=0.5)
        page.goto(address)  # the idle time begins anew
        opened = time.monotonic()
        page.goto("about:blank")  # Chromium may never answer that it has closed a page which has just been loaded
        before = len(answers)
        wait_for(lambda: other.wait_for_timeout(1000) or session.log.has_ended(), timeout + 120, "the end", every=0)
        assert time.monotonic() - opened > timeout / 2
        asked = {url for _, url in answers[before:] if "/lab/tree/" in url}  # another each time
        assert len(asked) > timeout / 8
    ad = session.wait_gone(60)
    assert (ad["JupyterState"], ad["JupyterEnd"]) == ("stopped", "idle"), ad["JupyterReason"]
    # It came with the user's cookie: nobody sent it to the login page.
    assert (200, f"{address.partition('?')[0]}") in answers
    assert not [url for _, url in answers if "/login" in url]


@pytest.mark.slow
def test_a_foreign_page_that_asks_every_second_does_not_keep_the_session_alive(new_session, laptop_browser):
    session = new_session().submit("--idle-timeout 40s")
    session.ready()
    assert_ends_beside_foreign_page(session, laptop_browser(), 40)


@pytest.mark.slow
def test_a_foreign_page_that_asks_for_ten_minutes_does_not_keep_the_session_alive(new_session, laptop_browser):
    session = new_session().submit("--idle-timeout 10m")
    session.ready()
    assert_ends_beside_foreign_page(session, laptop_browser(), 600)
