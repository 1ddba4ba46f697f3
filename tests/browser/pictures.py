"""Take the pictures of the README, from a session on the pool that is up.

    POOL=NAME python tests/browser/pictures.py

with the Python of the tests. Writes submit/pictures/lab.png (JupyterLab with the welcome notebook, run) and
submit/pictures/tmux.txt (what `tmux attach` shows in the window `lab`). No picture shows a token.
"""

import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "ci"), str(ROOT / "tests")]

from playwright.sync_api import sync_playwright  # noqa: E402

from bed import Session, place_image, sessions  # noqa: E402
from browser.chromium import Chromium  # noqa: E402
from browser.lab import Lab  # noqa: E402
from testbed.pool import Pool  # noqa: E402

PICTURES = ROOT / "submit/pictures"


def main() -> None:
    """Take both."""
    pool = Pool.current()
    place_image(pool)
    PICTURES.mkdir(exist_ok=True)
    with sessions(pool) as new:
        session = new().submit()
        session.ready()
        take_lab(session)
        take_tmux(session)


def take_lab(session: Session) -> None:
    """Open the welcome notebook, run it all, and take the picture."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = Chromium(playwright, Path(folder), session.pool.nsenter_net("laptop"))
        page = browser.new_page()
        notebook = Lab(page, session.tunnel().url()).open_notebook("welcome.ipynb")
        notebook.wait_idle()
        page.get_by_text("Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        notebook.shows(-1, "42")
        notebook.wait_idle()
        notebook.save()
        page.keyboard.press("Control+Home")
        page.screenshot(path=PICTURES / "lab.png")
        browser.close()


def take_tmux(session: Session) -> None:
    """Write down the window of the server's log."""
    shown = session.inside("tmux", "capture-pane", "-p", "-S", "-", "-t", "jupyter:lab")
    assert session.token() not in shown
    (PICTURES / "tmux.txt").write_text(re.sub(r"\n{2,}", "\n", shown).strip() + "\n")


if __name__ == "__main__":
    main()
