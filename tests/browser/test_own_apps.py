"""A web app of a user's own: a card in JupyterLab's launcher, by the configuration that docs/lab.md shows."""

import re

import pytest
from playwright.sync_api import expect

from support.browser.lab import Lab
from support.hosts import ROOT
from support.listening import list_tcp_addresses
from support.waiting import milliseconds

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
CONFIGURATION = re.search(r"(?s)```json\n(.*?)```", (ROOT / "docs/lab.md").read_text())[1]
#: The app that the page names: it listens on a Unix socket, and says how often it was asked.
DASHBOARD = b"""
import http.server, os, socketserver, sys
class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Handler.asked += 1
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f"<p>dashboard in {os.path.basename(os.getcwd())}, asked {self.asked}</p>".encode())
    def address_string(self):
        return "-"
socketserver.ThreadingUnixStreamServer(sys.argv[1], Handler).serve_forever()
"""


def test_card_starts_the_app_in_the_notebook_folder_on_a_socket(new_session, page):
    session = new_session()
    folder = f"{session.folder}/notebooks"
    session.pool.put("ap", f"{folder}/dashboard.py", DASHBOARD, "alice")
    session.pool.put("ap", f"{folder}/.jupyter-session/lab/jupyter_config.json", CONFIGURATION.encode(), "alice")
    session.submit().ready()
    Lab(page, session.tunnel().url())
    card = page.locator(".jp-LauncherCard", has_text="Dashboard").locator("visible=true").first
    with page.expect_popup() as opened:
        card.click()
    dashboard = opened.value
    expect(dashboard.get_by_text("dashboard in notebooks, asked")).to_be_visible(timeout=milliseconds(60))
    assert list_tcp_addresses(session, "dashboard.py") == []
    session.remove()


def test_configuration_that_is_not_json_costs_only_itself(new_session):
    session = new_session()
    path = f"{session.folder}/notebooks/.jupyter-session/lab/jupyter_config.json"
    session.pool.put("ap", path, b"{not json", "alice")
    session.submit().ready()
    assert "jupyter_config" in session.inside("jupyter-session", "logs", "--lines", "200")
