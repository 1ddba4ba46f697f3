"""The README's first command."""

import os
import subprocess

import pytest

from support.browser.lab import Lab
from support.hosts import ROOT
from support.waiting import wait_for
from testbed.pool.pool import STATE, Pool

pytestmark = pytest.mark.timeout(600)


def test_demo_prints_a_url_that_opens_in_a_browser_here_and_stop_leaves_nothing(open_browser):
    name = f"demo-{os.getpid()}"
    env = {**os.environ, "POOL": name}
    try:
        shown = subprocess.run([ROOT / "ci/demo"], env=env, stdout=subprocess.PIPE, text=True, check=True).stdout
        url = shown.splitlines()[-1]
        assert processes(name)
        assert Lab(open_browser().new_page(), url).new_notebook("answer.ipynb").run("6*7") == "42"
    finally:
        subprocess.run([ROOT / "ci/demo", "stop"], env=env, check=True)
    assert not list(STATE.glob(f"{name}/*"))
    assert not Pool(name).disk.exists()
    wait_for(lambda: not processes(name), 10, "the demo's processes to end")


def processes(name):
    """Return the processes of this machine that name the pool in their command line."""
    found = subprocess.run(["pgrep", "-af", f"{name}(/|$)"], capture_output=True, text=True, check=False).stdout
    return found.splitlines()
