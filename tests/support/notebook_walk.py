"""Two notebooks, their pages that come and go while cells run, and what must be true of their files."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from typing import Any

from support.jupyter_server import JupyterServer
from support.notebook_client import NotebookClient, make_cell, make_notebook
from support.waiting import wait_for

PRINT = "import time\nfor i in range({count}):\n    print('{word}', i, flush=True)\n    time.sleep(0.05)\n"
CELLS = ("c0", "c1", "c2")
STEPS = 16


@dataclass
class Printed:
    """The last run of a cell: all that it prints, what there was before, and whether it may have been broken off."""

    text: str
    request: str
    before: frozenset[str]
    is_broken: bool = False
    may_not_run: bool = False  # the kernel drops what comes right after an error, such as that of an interrupt
    is_afloat: bool = False  # another program has changed the notebook since: the output is in it, or beside it

    def allows(self, text: str) -> bool:
        """Return whether a file may have this text of the cell in the end."""
        if self.is_broken:
            return self.text.startswith(text) or text in self.before
        return text == self.text or (self.may_not_run and not text)


class WalkingPage:
    """A page as JupyterLab has it: what it hears is in its cells, and it asks before it saves."""

    def __init__(self, walk: NotebookWalk) -> None:
        self.walk = walk
        self.client = NotebookClient(walk.server, walk.path)
        self.known = walk.read_hash()
        self.runs: dict[str, str] = {}  # by cell: the request that it shows
        self.is_connected = True
        self.is_heard = False  # by the kernel, since it is connected
        for run in self.client.catch_up(opens=True)["runs"]:
            self.client.follow(run["request"], run["cell"])
            self.runs[run["cell"]] = run["request"]

    def run(self, cell: str, source: str) -> str:
        """Run a cell, whose outputs go at once, as in JupyterLab."""
        self.runs[cell] = self.client.run(cell, source)
        self.client.text[self.runs[cell]] = ""
        self.client.cell(cell)["outputs"] = []
        self.client.wait_sent()
        if not self.is_heard:  # a request that the server has not sent yet is lost if another page comes at once
            self.client.wait_heard(self.runs[cell], "status")
        self.is_heard = True
        return self.runs[cell]

    def save(self) -> None:
        """Save it, or fail if JupyterLab would ask about a change that no other program made."""
        if self.is_connected:
            self.client.hear(0.2)
        for cell, request in self.runs.items():
            if request in self.client.text:  # else what was read is still shown
                text = self.client.text[request]
                output = {"output_type": "stream", "name": "stdout", "text": text}
                self.client.cell(cell)["outputs"] = [output] if text else []
        assert self.walk.read_hash() == self.known, "File Changed"
        self.client.save()
        self.known = self.walk.read_hash()


class NotebookWalk:
    """One notebook, the page that has it open, and what was printed and typed."""

    def __init__(self, server: JupyterServer, path: str, choice: random.Random) -> None:
        self.server, self.path, self.random = server, path, choice
        self.stem = path.removesuffix(".ipynb")
        self.printed: dict[str, Printed] = {}
        self.texts = dict.fromkeys(CELLS, "")  # what was saved or run last
        self.theirs: str | None = None  # the file as another program left it, until a page has read it
        self.number = 0
        self.is_interrupted = False  # a moment ago
        NotebookClient.write(server, path, make_notebook(*(make_cell(name, "") for name in CELLS)))
        self.page = WalkingPage(self)

    def read_hash(self) -> str:
        """Return the hash that a page is told."""
        return str(self.server.ask(f"/api/contents/{self.path}?content=0&hash=1")["hash"])

    def read(self, path: str = "") -> dict[str, dict[str, Any]]:
        """Return the cells of a file on the disk; none while Jupyter writes it."""
        try:
            cells = json.loads((self.server.home / (path or self.path)).read_text())["cells"]
        except ValueError:
            return {}
        return {cell["id"]: cell for cell in cells}

    def run(self) -> None:
        """Run a cell with a text that was typed right before."""
        cell, word = self.random.choice(CELLS), f"w{self.number}"
        count = self.random.randrange(1, 30)
        if not self.page.is_connected:
            return
        source = PRINT.format(count=count, word=word)
        text = "".join(f"{word} {i}\n" for i in range(count))
        old = self.printed.get(cell)
        before = frozenset({"", _text_of(self.read().get(cell, {})), *((old.before | {old.text}) if old else ())})
        request = self.page.run(cell, source)
        self.printed[cell] = Printed(
            text, request, before, may_not_run=self.is_interrupted, is_afloat=self.theirs is not None
        )
        if self.theirs is None:
            self.texts[cell] = source

    def edit(self) -> None:
        """Type something into a cell, and don't run it."""
        self.page.client.cell(self.random.choice(CELLS))["source"] += f"# e{self.number}\n"

    def save(self) -> None:
        """Save it, unless another program changed the file: then read it again, as JupyterLab offers."""
        if self.theirs is not None:
            self.close()
            return
        self.page.save()
        self.texts = {cell: self.page.client.cell(cell)["source"] for cell in CELLS}

    def wait(self) -> None:
        """Wait, so that cells end, and so that the recorder writes."""
        time.sleep(seconds := self.random.choice((0.1, 0.5, 3)))
        self.is_interrupted = self.is_interrupted and seconds < 1

    def close(self) -> None:
        """Close the page, and open another."""
        self.page.client.discard()
        self._open()

    def kill(self) -> None:
        """Have the browser die, and come back after a while."""
        self.page.client.discard()
        time.sleep(self.random.choice((0, 2.5)))
        self._open()

    def cut(self) -> None:
        """Cut the connection."""
        if self.page.is_connected:
            self.page.client.cut()
            self.page.is_connected = False

    def freeze(self) -> None:
        """Have the connection freeze, and connect anew."""
        if self.page.is_connected:
            time.sleep(self.random.random())
            self.page.client.freeze()
            self.page.is_heard = False
            self.page.client.catch_up()

    def come_back(self) -> None:
        """Connect again after a cut."""
        if not self.page.is_connected:
            self.page.client.reconnect()
            self.page.is_heard = False
            self.page.is_connected = True
            self.page.client.catch_up()

    def restart(self) -> None:
        """Restart the kernel."""
        self._break_off()
        if self.page.is_connected:
            self.page.client.restart()
            self.page.is_heard = False
        else:
            self.server.ask(f"/api/kernels/{self.page.client.kernel}/restart", {})

    def interrupt(self) -> None:
        """Interrupt the kernel."""
        self._break_off()
        self.is_interrupted = True
        self.server.ask(f"/api/kernels/{self.page.client.kernel}/interrupt", {})

    def rename(self) -> None:
        """Rename the notebook, as a page does that has it open."""
        new = f"{self.stem} r{self.number}.ipynb"
        self.server.ask(f"/api/contents/{self.path}", {"path": new}, method="PATCH")
        for session in self.server.ask("/api/sessions"):
            if session["path"] == self.path:
                self.server.ask(f"/api/sessions/{session['id']}", {"path": new, "name": new}, method="PATCH")
        self.path = self.page.client.path = new

    def check_out(self) -> None:
        """Change the file by another program."""
        cells = self.read()
        for name, printed in list(self.printed.items()):
            printed.is_afloat = True
            if printed.allows(_text_of(cells.get(name, {}))):
                del self.printed[name]  # the other program removed what was saved
        source = f"# theirs {self.number}\n"
        self.texts = dict.fromkeys(CELLS, source)
        self.theirs = json.dumps(make_notebook(*(make_cell(name, source) for name in CELLS)))
        (self.server.home / self.path).write_text(self.theirs)

    def finish(self) -> None:
        """Close the last page, wait until the file is right, and end the kernel."""
        self.come_back()
        if self.random.random() < 0.5:
            self.save()
        self.page.client.discard()
        wait_for(lambda: not self.list_faults(), 15, lambda: f"{self.list_faults()} to be mended in {self.path}")
        self.server.ask(f"/api/kernels/{self.page.client.kernel}", method="DELETE")

    def list_faults(self) -> list[str]:
        """Return what isn't true yet of the files."""
        cells = self.read()
        faults = []
        for name, text in self.texts.items():
            source = "".join(cells.get(name, {}).get("source", ()))
            if source != text:
                faults.append(f"{name} says {source!r}, not {text!r}")
        faults += [f"there is a cell {name}" for name in cells if name not in CELLS]
        aside = [
            file for file in self.server.home.rglob("*-output*.ipynb") if f"{self.server.home}/{self.stem}" in str(file)
        ]
        for name, printed in self.printed.items():
            found = [_text_of(cells.get(name, {}))]
            if printed.is_afloat:
                found += [_text_of(self.read(str(file)).get(name, {})) for file in aside]
            if not any(printed.allows(text) for text in found):
                faults.append(f"{name} shows {found}, not {printed}")
        return faults

    def _open(self) -> None:
        theirs, self.theirs = self.theirs, None
        self.page = WalkingPage(self)
        if theirs is not None:
            assert (self.server.home / self.path).read_text() == theirs
        shown = {name: self.page.client.cell(name)["source"] for name in CELLS}
        assert shown == self.texts, "a page that opens the notebook shows another text"

    def _break_off(self) -> None:
        for printed in self.printed.values():
            printed.is_broken = True


def walk(server: JupyterServer, seed: int) -> None:
    """Walk with two notebooks. Raises AssertionError if something is lost."""
    choice = random.Random(seed)  # noqa: S311 - to walk, not to hide
    (server.home / "a folder").mkdir(exist_ok=True)
    walks = [NotebookWalk(server, f"{place}walk {seed}.ipynb", choice) for place in ("", "a folder/")]
    done = []
    try:
        for number in range(STEPS):
            one = choice.choice(walks)
            one.number = number
            often = [one.run, one.save, one.wait, one.close, one.cut, one.freeze, one.come_back, one.kill, one.edit]
            step = choice.choice([*often, *often, one.restart, one.interrupt, one.rename, one.check_out])
            done.append(f"{walks.index(one)}:{step.__name__}")
            step()
        for one in walks:
            one.finish()
    except Exception as error:
        error.add_note(" ".join(done))
        raise


def _text_of(cell: dict[str, Any]) -> str:
    return "".join("".join(output.get("text", "")) for output in cell.get("outputs", ()))
