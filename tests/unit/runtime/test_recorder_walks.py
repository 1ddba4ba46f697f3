"""Random walks of pages that come and go while cells run: no output and no typed character is lost.

A page is never asked about a change that only the recorder made. Text must be kept once it was saved or ran.
"""

import json
import os
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
STEPS = 20


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
        assert {name: self.client.cell(name)["source"] for name in CELLS} == walk.sources
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
            self.walk.sources = {name: self.client.cell(name)["source"] for name in CELLS}
            self.walk.overtaken.add(self.known)
            self.known = self.walk.read_hash()


class Walk:
    """One notebook, the pages that have it open, and what was printed."""

    def __init__(self, server, seed, number):
        self.server, self.path = server, f"walk{seed}-{number}.ipynb"
        self.random = random.Random(2 * seed + number)  # noqa: S311 - to walk, not to hide
        self.sources = dict.fromkeys(CELLS, "")  # the text that the file must have in the end
        self.cut_short = {}  # by cell: what its page had of a run that a restart has ended, or may have
        self.overtaken = set()  # the versions that a page has saved a newer one over
        self.expected = {}  # by cell: the text of its last run
        self.done = []
        NotebookClient.write(server, self.path, make_notebook(*(make_cell(name, "") for name in CELLS)))
        self.page = WalkingPage(self)

    def read_hash(self):
        return self.server.ask(f"/api/contents/{self.path}?content=0&hash=1")["hash"]

    def step(self):
        steps = [self.run, self.save, self.wait, self.close, self.cut, self.freeze, self.come_back, self.kill]
        steps += [self.run, self.edit, self.restart, self.rename]
        chosen = self.random.choice(steps)
        self.done.append(chosen.__name__)
        chosen()

    def run(self):
        cell, word = self.random.choice(CELLS), f"w{len(self.done)}"
        count = self.random.randrange(1, 30)
        if self.page.is_connected:
            self.sources[cell] = PRINT.format(count=count, word=word) + f"# {word}"
            self.page.run(cell, self.sources[cell])
            self.page.client.wait_sent()
            self.cut_short.pop(cell, None)
            self.expected[cell] = "".join(f"{word} {i}\n" for i in range(count))

    def edit(self):
        self.page.client.cell(self.random.choice(CELLS))["source"] += f"# typed at {len(self.done)}\n"

    def save(self):
        self.page.save()

    def restart(self):
        for cell, request in self.page.runs.items():
            self.cut_short.setdefault(cell, self.page.client.text.get(request, ""))
        self.server.ask(f"/api/kernels/{self.page.client.kernel}/restart", {})

    def rename(self):
        new = f"{len(self.done)}-{self.path}"
        self.server.ask(f"/api/contents/{self.path}", {"path": new}, method="PATCH")
        self.path = self.page.client.path = new

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
        wait_for(self.is_kept, 40, lambda: f"{vars(self)}; it has {self.read()}")

    def is_kept(self):
        """Return whether the file has all text, and all output; of what a restart ended, at least what a page had."""
        cells = self.read()
        if cells is None or {name: source for name, (source, _) in cells.items()} != self.sources:
            return False
        texts = {name: text for name, (_, text) in cells.items()}
        return all(
            texts[name].startswith(self.cut_short[name]) and text.startswith(texts[name])
            if name in self.cut_short
            else texts[name] == text
            for name, text in self.expected.items()
        )

    def read(self):
        """Return the text and the output of each cell, None while the file is being written."""
        try:
            cells = json.loads((self.server.home / self.path).read_text())["cells"]
        except ValueError:
            return None
        return {
            cell["id"]: ("".join(cell["source"]), "".join("".join(out.get("text", "")) for out in cell["outputs"]))
            for cell in cells
        }


@pytest.mark.parametrize("seed", range(int(os.environ.get("WALKS", "20"))))
def test_walks_on_two_notebooks_lose_nothing(server, seed):
    walks = [Walk(server, seed, number) for number in range(2)]
    chance = random.Random(seed)  # noqa: S311
    for _ in range(STEPS):
        chance.choice(walks).step()
    for walk in walks:
        walk.finish()
