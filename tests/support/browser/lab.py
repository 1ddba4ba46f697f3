"""JupyterLab in a browser, worked with as a person does: by what is on the screen, by mouse and keyboard."""

from __future__ import annotations

import json
import re
from contextlib import AbstractContextManager

from playwright.sync_api import Locator, Page, WebSocket, expect

from support.waiting import milliseconds, wait_for

#: Seconds for Lab to load, and for a kernel to start or to be reached again (Lab tries less and less often).
LOAD, KERNEL = 40, 90
_KEYS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")


class Lab:
    """JupyterLab, opened in a page."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        page.goto(url)
        page.locator("#jp-main-dock-panel").wait_for(timeout=milliseconds(LOAD))
        page.locator("#jupyterlab-splash").wait_for(state="detached", timeout=milliseconds(LOAD))
        # Dialogs that a person dismisses: JupyterLab's, that its server is away, also where it saves by itself, and
        # Jupyter Server's, that a folder is not there when a file in it was renamed while it was listed.
        said = re.compile("Server Connection Error|Directory not found|File Save Error")
        page.add_locator_handler(
            page.locator(".jp-Dialog").filter(has_text=said),
            lambda dialog: dialog.locator(".jp-Dialog-button").last.click(),
            no_wait_after=True,  # one may wait behind another
        )

    def new_notebook(self, name: str) -> Notebook:
        """Make a notebook by the launcher, and save it under a name."""
        self._launch("Notebook", "Python 3")
        notebook = Notebook(self.page)
        notebook.wait_idle()
        notebook.press_save()
        dialog = self.page.locator(".jp-Dialog", has_text="Rename file")
        dialog.locator("input[type=text]").fill(name)
        with _saving(self.page):
            dialog.get_by_text("Rename and Save").click()
        return notebook

    def open_notebook(self, name: str) -> Notebook:
        """Open a notebook by the file browser."""
        self.page.locator(".jp-DirListing-item", has_text=name).dblclick()
        self.page.locator(".lm-TabBar-tab.jp-mod-current", has_text=name).wait_for()
        return Notebook(self.page)

    def open_terminal(self) -> Terminal:
        """Open a terminal by the launcher; return once its shell has printed a prompt."""
        terminal = Terminal(self.page)
        self._launch("Other", "Terminal")
        self.page.locator(".jp-Terminal .xterm-screen").wait_for()
        terminal.wait_for("$")
        return terminal

    def popups(self) -> list[str]:
        """Return the texts of the dialogs and notifications that are on the screen."""
        return self.page.locator(".jp-Dialog, .Toastify__toast").all_inner_texts()

    def _launch(self, category: str, text: str) -> None:
        # The one in front: on a busy machine a launcher that had yet to appear may be behind one asked for here.
        cards = self.page.locator(f".jp-LauncherCard[data-category={category}]", has_text=text)
        card = cards.locator("visible=true").first
        if not card.is_visible():
            self.page.keyboard.press("Control+Shift+l")
        card.click()


class Notebook:
    """The notebook in front."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self.cells = self.panel.locator(".jp-CodeCell")
        self.status = self.panel.locator(".jp-Notebook-ExecutionIndicator")

    def wait_idle(self, seconds: float = KERNEL) -> None:
        """Wait until its kernel is there and idle."""
        expect(self.page.locator("#jp-main-statusbar")).to_contain_text("| Idle", timeout=milliseconds(seconds))
        expect(self.status).to_have_attribute("data-status", "idle", timeout=milliseconds(seconds))

    def wait_cut_off(self, seconds: float = KERNEL) -> None:
        """Wait until Lab sees that it has lost the kernel's connection."""
        expect(self.status).to_have_attribute("data-status", "connecting", timeout=milliseconds(seconds))

    def wait_back(self, seconds: float = KERNEL) -> None:
        """Wait until Lab has the connection again. It says `unknown` of such a kernel, until a cell is run."""
        expect(self.status).not_to_have_attribute("data-status", "connecting", timeout=milliseconds(seconds))

    def run(self, source: str, seconds: float = KERNEL) -> str:
        """Type into the last cell, or a new one if that has been run, and run it; return the text of its output."""
        if not self.cells.last.locator(".jp-InputArea-prompt", has_text="[ ]").count():
            self.cells.last.locator(".jp-InputArea-prompt").click()
            self.page.keyboard.press("b")
        number = self.cells.count() - 1
        cell = self.cells.nth(number)
        self.write(source)
        self.page.keyboard.press("Shift+Enter")
        expect(cell.locator(".jp-InputArea-prompt")).to_have_text(re.compile(r"\[\d+\]"), timeout=milliseconds(seconds))
        self.wait_idle(seconds)
        return self.output(number)

    def write(self, text: str) -> None:
        """Type into the last cell."""
        self.cells.last.locator(".cm-content").click()
        self.page.keyboard.insert_text(text)

    def output(self, number: int) -> str:
        """Return the text of a cell's output, as it is now."""
        return "\n".join(self._outputs(number).all_inner_texts()).strip()

    def all_output(self) -> str:
        """Return the text of all outputs. JupyterLab may keep the first cell of what was an empty notebook, unseen."""
        return "\n".join(self.panel.locator(".jp-OutputArea-output").all_inner_texts())

    def shows(self, number: int, text: str) -> bool:
        """Wait until a cell has this output; AssertionError when it has not."""
        expect(self._outputs(number)).to_have_text(text, timeout=milliseconds(LOAD))
        return True

    def _outputs(self, number: int) -> Locator:
        return self.cells.nth(number).locator(".jp-OutputArea-output")

    def save(self) -> None:
        """Save it; return once the server has it."""
        with _saving(self.page):
            self.press_save()

    def restart_and_run_all(self) -> None:
        """Click on the double arrow in its toolbar, and on the button that confirms it."""
        self.panel.locator("[data-jp-item-name=restart-and-run]").click()
        self.page.locator(".jp-Dialog .jp-Dialog-button.jp-mod-accept").click()

    def press_save(self) -> None:
        """Click on the disk in its toolbar."""
        self.panel.locator("[data-jp-item-name=save]").click()


class Terminal:
    """A terminal that is about to be opened: it hears what the server sends to it, which xterm.js only paints."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.text = ""
        page.on("websocket", self._listen)

    def type(self, line: str) -> None:
        """Type a line into it."""
        self.page.locator(".jp-Terminal .xterm-screen").click()
        self.page.keyboard.type(line + "\n")

    def wait_for(self, text: str, seconds: float = 20) -> None:
        """Wait until it has shown a text."""

        def look() -> bool:
            self.page.evaluate("0")  # Playwright hears of frames only while it is asked something
            return text in self.text

        wait_for(look, seconds, lambda: f"{text!r} in the terminal; it shows {self.text!r}")

    def _listen(self, socket: WebSocket) -> None:
        if "/terminals/websocket/" in socket.url:
            socket.on("framereceived", self._hear)

    def _hear(self, frame: str | bytes) -> None:
        kind, *data = json.loads(frame)
        if kind == "stdout":
            self.text += _KEYS.sub("", data[0])


def _saving(page: Page) -> AbstractContextManager[object]:
    """Return a context that ends once the server has the document that is saved in it."""
    return page.expect_response(lambda answer: answer.request.method == "PUT" and "/api/contents/" in answer.url)
