"""The launcher's address in Firefox, in a window and in a private one."""

import contextlib

import pytest

from support.browser.firefox import Firefox
from support.neighbor import neighbor
from support.waiting import wait_for

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]
#: Starts a kernel and opens its WebSocket, as JupyterLab's page does.
KERNEL = """
(async () => {
  const xsrf = document.cookie.match(/_xsrf=([^;]+)/)[1];
  const asked = await fetch("/api/kernels", {method: "POST", headers: {"X-XSRFToken": xsrf}, body: "{}"});
  const {id} = await asked.json();
  const socket = new WebSocket(`ws://${location.host}/api/kernels/${id}/channels`);
  return await new Promise(tell => { socket.onopen = () => tell("open"); socket.onerror = () => tell("refused"); });
})()
"""


@pytest.mark.parametrize(("words", "port"), [([], 18997), (["-private"], 18996)], ids=["window", "private window"])
def test_lab_opens_and_its_cookie_reaches_no_other_port(new_laptop, pool, tmp_path, words, port):
    laptop = new_laptop()
    url = laptop.start().url()
    with contextlib.closing(Firefox(tmp_path, pool.nsenter_net("laptop"), *words)) as firefox:
        firefox.open(url)
        wait_for(lambda: firefox.evaluate("!!document.querySelector('#jp-main-dock-panel')"), 60, "Lab to load")
        assert firefox.evaluate("document.cookie.includes('chtc-jupyter')") is False  # no script reads it
        assert firefox.evaluate(KERNEL) == "open"
        with neighbor(pool, port) as bob:
            for host in ("127.0.0.1", "localhost", "other.localhost"):
                firefox.open(f"http://{host}:{port}/{host}")
                assert "Cookie:" not in bob.hear(lambda head, host=host: f"GET /{host} " in head)
        firefox.open(url)  # it was used, and this browser has signed in
        wait_for(lambda: firefox.evaluate("!!document.querySelector('#jp-main-dock-panel')"), 60, "Lab to load again")
