"""JupyterLab is restarted, and so has a new token, while the launcher is connected to it."""

from support.waiting import wait_for

KILL = ("pkill", "-9", "-f", "^/opt/jupyter/bin/python3 .*[j]upyter-lab --config=")


def test_the_open_address_leads_to_jupyterlab_after_its_restart(new_laptop):
    laptop = new_laptop()
    address = laptop.start().url()
    assert laptop.answers(address)
    before = laptop.inside("jupyter-session", "url")
    assert "token=" in before
    laptop.inside(*KILL)
    wait_for(lambda: "token=" in (now := laptop.inside("jupyter-session", "url")) and now != before, 60, "a new token")
    wait_for(lambda: laptop.answers(address), 60, "the launcher to let its user in again")
