"""docs/lab.md's defaults are those of the image, and of the JupyterLab that it has."""

import importlib
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
OVERRIDES = ROOT / "runtime/image/opt/jupyter/share/jupyter/lab/settings/overrides.json"
SCHEMA = Path(sys.prefix, "share/jupyter/lab/schemas/@jupyterlab/docmanager-extension/plugin.json")


def read_row(beginning):
    text = (ROOT / "docs/lab.md").read_text()
    line = next(line for line in text.splitlines() if line.startswith(f"| {beginning}"))
    return [int("".join(filter(str.isdecimal, cell)) or -1) for cell in line.strip("| ").split(" | ")[1:]]


def test_documents_are_saved_as_often_as_the_page_says():
    if not SCHEMA.is_file():
        pytest.skip("JupyterLab is not installed here")
    own = json.loads(OVERRIDES.read_text())["@jupyterlab/docmanager-extension:plugin"]["autosaveInterval"]
    stock = json.loads(SCHEMA.read_text())["properties"]["autosaveInterval"]["default"]
    assert read_row("a changed document") == [own, stock]


def test_quiet_connections_are_given_up_as_soon_as_the_page_says():
    websocket = pytest.importorskip("jupyter_server.base.websocket")
    extension = importlib.import_module("jupyter_session.jupyter.extension.server_extension")

    def seconds(settings):
        return type("Handler", (websocket.WebSocketMixin,), {"settings": settings})().ping_timeout / 1000

    here, stock = seconds({"ws_ping_interval": extension._PING}), seconds({})
    assert read_row("a connection to a kernel") == [here, stock]
