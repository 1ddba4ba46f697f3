"""A session, by the real launcher, and its notebooks in browsers."""

from __future__ import annotations

import json

from support.browser.chromium import Chromium
from support.browser.lab import Lab, Notebook
from support.laptop import ADDRESS, Laptop
from support.notebook_client import make_cell, make_notebook

#: What a notebook says of its kernel, so that JupyterLab doesn't ask for one.
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}


class RecordedSession:
    """One session; its notebooks are made by its API, and opened in pages without a past."""

    def __init__(self, laptop: Laptop) -> None:
        self.laptop = laptop
        self.running = laptop.start("--set", "request_memory = 3000MB")
        found = ADDRESS.search(self.running.url())
        assert found
        self.base = found[1]
        self._program = laptop.at("/api/contents/NAME")

    def write(self, name: str, *sources: str) -> None:
        """Make a notebook with cells c0, c1, and so on."""
        content = make_notebook(*(make_cell(f"c{number}", source) for number, source in enumerate(sources)))
        content["metadata"] = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
        body = json.dumps({"type": "notebook", "format": "json", "content": content})
        said = self.laptop.pool.exec(
            self.laptop.host,
            ["curl", "-sS", "-m", "20", "-X", "PUT", "-d", body, self._program.replace("NAME", name)],
            check=True,
        )
        assert '"last_modified"' in said.stdout, said.stdout

    def sign_in(self, browser: Chromium) -> Chromium:
        """Sign a browser in, and return it."""
        browser.share_past()
        page = browser.new_page()
        page.goto(self.laptop.call("url").stdout.strip())
        page.close()
        browser.pages.remove(page)
        return browser

    def open(self, browser: Chromium, name: str, *, is_idle: bool = True) -> Notebook:
        """Open a notebook in a new page of a browser that is signed in."""
        page = browser.new_page()
        Lab(page, f"{self.base}/lab/tree/{name}?reset")
        notebook = Notebook(page)
        notebook.cells.first.wait_for()
        if is_idle:
            notebook.wait_idle()
        return notebook

    def close(self, browser: Chromium, notebook: Notebook) -> None:
        """Close the page of a notebook."""
        browser.pages.remove(notebook.page)
        notebook.page.close()


def run(notebook: Notebook, number: int = 0) -> None:
    """Run a cell by the keyboard."""
    notebook.cells.nth(number).locator(".cm-content").click()
    notebook.page.keyboard.press("Control+Enter")
