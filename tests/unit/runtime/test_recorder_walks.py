"""Random walks of pages that come and go while cells run: no output is lost, and no page is asked about a change."""

import json
import random
import time

import pytest

from support.jupyter_server import serve_recorder
from support.notebook_client import NotebookClient, make_cell, make_notebook
from support.waiting import wait_for

pytest.importorskip("jupyter_server")
pytest.importorskip("ipykernel")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("recorder walks"), pytest.mark.timeout(180)]
PRINT = "import time\nfor i in range({count}):\n    print('{word}', i, flush=True)\n    time.sleep(0.05)\n"
CELLS = ("c0", "c1", "c2")
STEPS = 14


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("walks")
    with serve_recorder(home) as server:
        yield server


class WalkingPage:
    """A page as JupyterLab has it: what it hears is in its cells, and it asks before it saves."""

    def __init__(self, walk):
        self.walk = walk
        self.client = NotebookClient(walk.server, walk.path)
        self.known = walk.read_hash()
        self.runs = {}  # by cell: the request that it shows
        self.is_connected = True
        for run in self.client.catch_up(opens=True)["runs"]:
            self.client.follow(run["request"], run["cell"])
            self.runs[run["cell"]] = run["request"]

    def run(self, cell, source):
        self.runs[cell] = self.client.run(cell, source)
        return self.runs[cell]

    def save(self):
        if self.is_connected:
            self.client.hear(0.2)
        assert self.walk.read_hash() == self.known or self.known in self.walk.overtaken, "File Changed"
        for cell, request in self.runs.items():
            text = self.client.text.get(request, "")
            output = {"output_type": "stream", "name": "stdout", "text": text}
            self.client.cell(cell)["outputs"] = [output] if text else []
        if self.walk.read_hash() == self.known:
            self.client.save()
            self.walk.overtaken.add(self.known)
            self.known = self.walk.read_hash()


class Walk:
    """One notebook, the pages that have it open, and what was printed."""

    def __init__(self, server, seed):
        self.server, self.path = server, f"walk{seed}.ipynb"
        self.random = random.Random(seed)  # noqa: S311 - to walk, not to hide
        self.overtaken = set()  # the versions that a page has saved a newer one over
        self.expected = {}  # by cell: the text of its last run
        self.done = []
        NotebookClient.write(server, self.path, make_notebook(*(make_cell(name, "") for name in CELLS)))
        self.page = WalkingPage(self)
        self.away = []

    def read_hash(self):
        return self.server.ask(f"/api/contents/{self.path}?content=0&hash=1")["hash"]

    def step(self):
        steps = [self.run, self.save, self.wait, self.close, self.cut, self.freeze, self.come_back, self.kill]
        chosen = self.random.choice(steps)
        self.done.append(chosen.__name__)
        chosen()

    def run(self):
        cell, word = self.random.choice(CELLS), f"w{len(self.done)}"
        count = self.random.randrange(1, 30)
        if self.page.is_connected:
            self.page.run(cell, PRINT.format(count=count, word=word))
            self.page.client.wait_sent()
            self.expected[cell] = "".join(f"{word} {i}\n" for i in range(count))

    def save(self):
        self.page.save()

    def wait(self):
        time.sleep(self.random.choice((0.1, 0.5, 3)))

    def close(self):
        self.page.client.discard()
        self.page = WalkingPage(self)

    def kill(self):
        self.page.client.discard()
        time.sleep(self.random.choice((0, 2.5)))
        self.page = WalkingPage(self)

    def cut(self):
        if self.page.is_connected:
            self.page.client.cut()
            self.page.is_connected = False

    def freeze(self):
        if self.page.is_connected:
            time.sleep(self.random.random())
            self.page.client.freeze()
            self.page.client.catch_up()

    def come_back(self):
        if not self.page.is_connected:
            self.page.client.reconnect()
            self.page.is_connected = True
            self.page.client.catch_up()

    def finish(self):
        self.come_back()
        if self.random.random() < 0.5:
            self.page.save()
        self.page.client.discard()
        wait_for(lambda: self.read() == self.expected, 40, lambda: f"{self.expected}; {self.read()}; {self.done}")

    def read(self):
        try:
            cells = json.loads((self.server.home / self.path).read_text())["cells"]
        except ValueError:
            return None
        texts = {cell["id"]: "".join("".join(out.get("text", "")) for out in cell["outputs"]) for cell in cells}
        return {name: text for name, text in texts.items() if text}


@pytest.mark.parametrize("seed", range(20))
def test_a_walk_loses_no_output(server, seed):
    walk = Walk(server, seed)
    for _ in range(STEPS):
        walk.step()
    walk.finish()
