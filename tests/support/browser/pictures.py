"""Take the pictures of the README, from a session on the pool that is up.

    POOL=NAME python tests/support/browser/pictures.py

with the Python of the tests. Writes docs/pictures/lab.png (JupyterLab with the welcome notebook, and the panel) and
docs/pictures/tmux.txt (what `tmux attach` shows in the window `lab`), start.txt (what `chtc-jupyter start` prints),
list.txt, and ended.png (what the address shows after the session's end). No picture shows a token.
"""

import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "ci"), str(ROOT / "tests")]

from playwright.sync_api import sync_playwright  # noqa: E402

from support.browser.chromium import Chromium  # noqa: E402
from support.browser.lab import Lab  # noqa: E402
from support.hosts import place_image  # noqa: E402
from support.laptop import laptops  # noqa: E402
from support.session import Session, sessions  # noqa: E402
from testbed.pool.pool import Pool  # noqa: E402

PICTURES = ROOT / "docs/pictures"


def main() -> None:
    """Take them all."""
    pool = Pool.current()
    place_image(pool)
    PICTURES.mkdir(exist_ok=True)
    with sessions(pool) as new:
        session = new().submit()
        session.ready()
        take_lab(session)
        take_tmux(session)
    take_launcher(pool)


def take_lab(session: Session) -> None:
    """Open the welcome notebook, run it all, have the kernel work, open the panel, and take the picture."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = Chromium(playwright, Path(folder), session.pool.nsenter_net("laptop"))
        page = browser.new_page()
        notebook = Lab(page, session.tunnel().url()).open_notebook("welcome.ipynb")
        notebook.wait_idle()
        page.get_by_text("Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        notebook.shows(-1, "42")
        notebook.wait_idle()
        notebook.write("\nimport time\ntime.sleep(600)")
        page.keyboard.press("Control+Enter")
        notebook.save()
        page.locator(".jp-session-status button").click()
        panel = page.get_by_role("region", name="Session")
        panel.get_by_text("1 busy").first.wait_for()
        panel.get_by_text("saved while it runs").wait_for()
        page.keyboard.press("Control+Home")
        page.screenshot(path=PICTURES / "lab.png")
        browser.close()


def take_tmux(session: Session) -> None:
    """Write down the window of the server's log."""
    shown = session.inside("tmux", "capture-pane", "-p", "-S", "-", "-t", "jupyter:lab")
    assert session.token() not in shown
    (PICTURES / "tmux.txt").write_text(re.sub(r"\n{2,}", "\n", shown).strip() + "\n")


def take_launcher(pool: Pool) -> None:
    """Write down what the launcher prints in a terminal, and take the page that its address shows at last."""
    with laptops(pool) as new, sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        laptop = new()
        laptop.name = "lab"
        running = laptop.start("--max-runtime", "8h", tty=True)
        url = running.url()
        running.wait_for("ready on ep1", 10)
        write("start.txt", running.read())
        write("list.txt", laptop.call("list").stdout)
        assert laptop.answers(url)
        laptop.call("stop")
        running.wait_for("The open tab")
        browser = Chromium(playwright, Path(folder), pool.nsenter_net("laptop"))
        page = browser.new_page()
        page.goto(url)
        page.screenshot(path=PICTURES / "ended.png", clip={"x": 0, "y": 0, "width": 1200, "height": 420})
        browser.close()


def write(name: str, shown: str) -> None:
    """Write a picture of a terminal: what it shows in the end, no token, no trailing blanks."""
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).rstrip() for line in shown.replace("\a", "").split("\n")]
    text = re.sub(r"/open/[\w-]+", "/open/...", "\n".join(line.rpartition("\r")[2] for line in lines))
    text = re.sub(r"^[\u2800-\u28ff] .*\n", "", text, flags=re.MULTILINE)  # what turned, and was wiped away
    (PICTURES / name).write_text(re.sub(r"\n{3,}", "\n\n", text).strip() + "\n")


if __name__ == "__main__":
    main()
