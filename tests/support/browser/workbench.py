"""VS Code in a browser, worked with as a person does: by mouse and keyboard."""

from __future__ import annotations

from playwright.sync_api import Page

from support.waiting import milliseconds

#: Seconds for all of it to load.
LOAD = 120


class Workbench:
    """VS Code, opened in a page."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url

    def log_in(self, password: str) -> None:
        """Open the address, and give the password that it asks for."""
        self.page.goto(self.url, timeout=milliseconds(LOAD))
        self.page.locator("input[name=password]").fill(password)
        self.page.locator("input[type=submit]").click()
        self._wait()

    def reload(self) -> None:
        """Load the page anew."""
        self.page.goto(self.url, timeout=milliseconds(LOAD))
        self._wait()

    def open_terminal(self) -> None:
        """Open the panel with a terminal."""
        self.page.keyboard.press("Control+Backquote")

    def type_in_terminal(self, line: str) -> None:
        """Type a line into the terminal that is open."""
        self.page.locator(".terminal .xterm-screen").click(timeout=milliseconds(LOAD))
        self.page.keyboard.type(line + "\n")

    def open_file(self, name: str) -> None:
        """Open a file of the folder by the explorer."""
        self.page.locator(".explorer-folders-view .monaco-list-row", has_text=name).dblclick(timeout=milliseconds(LOAD))
        self.page.locator(".tab.active", has_text=name).wait_for(timeout=milliseconds(LOAD))

    def write(self, text: str) -> None:
        """Type at the end of the file that is open, and save it."""
        self.page.locator(".editor-instance .view-lines").click()
        self.page.keyboard.press("Control+End")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Control+s")

    def _wait(self) -> None:
        self.page.locator(".monaco-workbench").wait_for(timeout=milliseconds(LOAD))
        self.page.locator(".explorer-folders-view .monaco-list-row").first.wait_for(timeout=milliseconds(LOAD))
