"""The browser is opened without a wait, by an address that is good once and has no token (reports R22, R5)."""

import time

import pytest

from support.laptop import ADDRESS
from support.waiting import patience, wait_for

pytestmark = pytest.mark.slow


def start_with_browser(laptop, script, *more, tty=False):
    """Start a session with a BROWSER of its own."""
    path = f"{laptop.home}/bin/browser"
    laptop.pool.put("laptop", path, f"#!/bin/sh\n{script}\n".encode(), laptop.user, mode=0o755)
    laptop.env |= {"BROWSER": path}
    return laptop.start("--browser", *more, tty=tty)


def test_address_answers_while_a_browser_blocks_and_its_output_stays_out_of_the_terminal(new_laptop):
    """R22: the first page took as long as the browser stayed. Ctrl-C doesn't wait for it either, nor ends it."""
    laptop = new_laptop()
    mark = f"{laptop.home}/stayed"
    running = start_with_browser(laptop, f"echo NOISE; echo NOISE >&2; sleep 20; touch {mark}", tty=True)
    url = running.url()
    began = time.monotonic()
    assert laptop.answers(url)
    assert time.monotonic() - began < 5 * patience()
    assert "NOISE" not in running.read()
    running.type("\x03")
    assert running.wait_end(15) == 0
    wait_for(laptop.pool.path("laptop", mark).exists, 40, "the browser to end by itself")


def test_browser_gets_an_http_address_that_is_good_once_without_the_token(new_laptop, pool):
    """R5: a snap, a Flatpak, and WSL's wslview can't read a file in a hidden folder."""
    laptop = new_laptop()
    called = pool.path("laptop", f"{laptop.home}/called")
    running = start_with_browser(laptop, f'case "$1" in file:*) exit 1;; esac; echo "$1" >>{laptop.home}/called')
    url = running.url()
    given = wait_for(lambda: called.exists() and called.read_text().strip(), 20, "the browser to be called")
    assert ADDRESS.fullmatch(given)
    assert given != url
    stranger = pool.exec("laptop", ["curl", "-sS", "-m", "20", given], user="bob").stdout
    assert "isn't signed in" in stranger
    running.wait_for("another user of this machine tried to open it")
    fresh = ("-b", "/dev/null", given)
    assert "Opening JupyterLab" in pool.exec("laptop", ["curl", "-sS", *fresh], user="alice").stdout
    assert "was good once" in pool.exec("laptop", ["curl", "-sS", *fresh], user="alice").stdout
    running.wait_for("somebody tried to open it again")
    assert laptop.answers(url)


def test_browser_that_can_not_be_opened_is_said_so(new_laptop):
    laptop = new_laptop()
    running = start_with_browser(laptop, "exit 1")
    assert laptop.answers(running.url())
    running.wait_for("open the address above yourself", 60)
