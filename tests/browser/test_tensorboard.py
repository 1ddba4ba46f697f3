"""TensorBoard, from the launcher's card, on real event files."""

import pytest
from playwright.sync_api import expect

from support.browser.lab import Lab
from support.listening import list_tcp_addresses
from support.waiting import milliseconds
from testbed.artifacts import image

#: Writes event files as a training loop does.
TRAIN = """
from tensorboard.summary import Writer
writer = Writer("notebooks/runs/first")
for step in range(100):
    writer.add_scalar("loss", 1 / (step + 1), step)
writer.close()
"""


def open_tensorboard(page, folder):
    """Click on the card of a new launcher, and name a folder."""
    page.keyboard.press("Control+Shift+L")
    page.locator(".jp-LauncherCard[data-category=Other]", has_text="TensorBoard").locator("visible=true").first.click()
    dialog = page.locator(".jp-Dialog")
    dialog.locator("input").fill(folder)
    dialog.get_by_role("button", name="Open").click()


def test_card_says_how_to_install_it_and_which_folder_is_not_there(ready_session, page):
    Lab(page, ready_session.tunnel().url())
    for folder, answer in (("", "pip install tensorboard"), ("nowhere", "There is no folder 'nowhere'")):
        open_tensorboard(page, folder)
        dialog = page.locator(".jp-Dialog", has_text=answer)
        dialog.wait_for(timeout=milliseconds(20))
        dialog.locator(".jp-Dialog-button").last.click()


@pytest.mark.slow
@pytest.mark.timeout(900)  # it builds an image
def test_card_opens_it_on_a_folder_by_a_socket_and_looking_is_no_activity(new_session, page, pool):
    built = image.build({"PACKAGES": "tensorboard"}).path / "jupyter.sif"
    session = new_session()
    session.ap("rm", "jupyter.sif", check=True)
    pool.copy("ap", built, f"{session.folder}/jupyter.sif", "alice")
    session.submit("--idle-timeout 90s --idle-warning 10s").ready(180)
    session.inside("/opt/jupyter/bin/python", "-c", TRAIN)
    url = session.tunnel().url()
    Lab(page, url)
    open_tensorboard(page, "runs")
    board = page.frame_locator("iframe")
    expect(board.get_by_text("loss").first).to_be_visible(timeout=milliseconds(120))
    assert list_tcp_addresses(session, "tensorboard_server.py") == []  # no other user of the machine can look at it
    ad = session.wait_gone(240)
    assert (ad["JupyterState"], ad["JupyterEnd"]) == ("stopped", "idle"), ad["JupyterReason"]
