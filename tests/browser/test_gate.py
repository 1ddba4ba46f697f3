"""The launcher's port on a laptop that other users share: what they see and take is worth nothing."""

import json
import re
import signal
import subprocess
import time

import pytest

from support.browser.lab import Lab
from support.laptop import ADDRESS
from support.neighbor import neighbor
from support.waiting import wait_for
from testbed.pool.pool import kill_tree

pytestmark = pytest.mark.timeout(300)

#: Opens many connections and holds them, half of them with a request that has begun.
FLOOD = """
import resource, socket, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
held = []
for number in range(2000):
    try:
        held.append(socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5))
        held[-1].sendall(b"GET / HT" if number % 2 else b"")
    except OSError:
        pass
print(len(held), flush=True)
time.sleep(600)
"""


def requests(laptop):
    """Return what the session has seen of requests that a person made."""
    said = laptop.inside("jupyter-session", "status", "--json")
    status = json.loads(said[said.index("{") : said.rindex("}") + 1])
    return next(source for source in status["sources"] if source["source"] == "requests")


def ask(pool, user, url, *words):
    """Ask as a user of the laptop does who has nothing but what they say; return the status."""
    argv = ["curl", "-sS", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}", *words, url]
    return pool.exec("laptop", argv, user=user).stdout


def test_who_takes_the_port_of_a_launcher_that_has_gone_gets_nothing_of_worth(new_laptop, laptop_browser, pool):
    """Row 1 of the review: the open tab sent the token, and `url` and `connect` led to the neighbor."""
    laptop = new_laptop()
    context = laptop_browser().browser.new_context()
    page = context.new_page()
    running = laptop.start()
    url = running.url()
    origin, port = ADDRESS.fullmatch(url)[1], int(url.split(":")[2].partition("/")[0])
    Lab(page, url)
    token = laptop.inside("jupyter-session", "url").partition("token=")[2].split()[0]
    running.process.send_signal(signal.SIGKILL)
    running.process.wait(20)
    with neighbor(pool, port) as bob:
        bob.hear(lambda head: "Cookie:" in head)
        page.reload()
        assert page.locator("body").inner_text() == "hello"  # bob's page has the origin of the launcher that has gone
        assert laptop.call("url").returncode == 22
        again = laptop.run_on("connect", "--no-browser")
        moved = again.url()
        assert "Another program uses port" in again.output
        assert not moved.startswith(f"{origin}/")
        assert laptop.answers(moved)
        again.interrupt()
        assert again.wait_end() == 0
    heard = "".join(bob.heads)
    assert token not in heard
    assert "username-" not in heard
    cookies = set(re.findall(r"(?m)^Cookie: (.*?)\r?$", heard))
    assert cookies
    # On a new launcher, as bob and as somebody whom the system doesn't tell from alice, by any name and port.
    last = laptop.run_on("connect", "--no-browser")
    address = last.url()
    here = ADDRESS.fullmatch(address)[1]
    assert here.split(":")[1] != origin.split(":")[1]  # the next one has another name, and so another origin
    Lab(context.new_page(), laptop.call("url").stdout.strip())
    assert page.evaluate("fetch(`${location.origin}/api/contents`).then(answer => answer.status, () => 0)") in (0, 403)
    for cookie in cookies:
        for user in ("bob", "alice"):
            for place in (here, here.replace("localhost", "localhost."), f"http://127.0.0.1:{here.rpartition(':')[2]}"):
                assert ask(pool, user, f"{place}/api/contents", "-b", cookie) == "403", (user, place)
                assert ask(pool, user, f"{place}/api/contents", "-H", f"Authorization: token {token}") == "403"
    assert laptop.answers(address)


def test_no_server_at_another_port_or_of_another_session_sees_a_cookie(new_laptop, page, pool):
    """Row 3 of the review: any server on 127.0.0.1 got the login cookie, and a terminal with it."""
    laptop = new_laptop()
    url = laptop.start().url()
    Lab(page, url)
    with neighbor(pool, 9998) as bob:
        for host in ("127.0.0.1", "localhost", "other-1a2b3c.localhost"):
            page.goto(f"http://{host}:9998/")
            assert page.locator("body").inner_text() == "hello"
    assert len(bob.heads) >= 3
    assert not [head for head in bob.heads if "cookie" in head.lower() or "authorization" in head.lower()]


@pytest.mark.slow
def test_another_user_with_the_very_cookie_and_token_is_refused(new_laptop, page, pool):
    laptop = new_laptop()
    running = laptop.start()
    url = running.url()
    origin = ADDRESS.fullmatch(url)[1]
    Lab(page, url)
    cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in page.context.cookies())
    program = laptop.at("/api/contents")
    for user, status in (("bob", "403"), ("alice", "200")):
        assert ask(pool, user, f"{origin}/api/contents", "-b", cookies) == status, user
        assert ask(pool, user, program) == status, user
    running.wait_for("another user of this machine tried to open it")
    stays = laptop.at("/lab")
    assert laptop.answers(stays)


def test_tab_has_nothing_of_jupyters_and_signing_out_ends_it(new_laptop, page, laptop_browser):
    laptop = new_laptop()
    url = laptop.start().url()
    origin = ADDRESS.fullmatch(url)[1]
    Lab(page, url)
    token = laptop.inside("jupyter-session", "url").partition("token=")[2].split()[0]
    assert token not in page.content()
    for missing in ("/nowhere", "/static/nowhere.js", "/files/nowhere", "/doc/nowhere"):
        assert token not in page.evaluate("path => fetch(path).then(answer => answer.text())", missing)
    assert page.evaluate("document.cookie").startswith("_xsrf=")
    assert not [cookie for cookie in page.context.cookies() if cookie["name"].startswith("username-")]
    private = laptop_browser().new_page()  # another window needs another address
    private.goto(url)
    assert "good once" in private.locator("body").inner_text()
    private.goto(f"{origin}/lab")
    assert "isn't signed in" in private.locator("body").inner_text()
    assert laptop.name not in private.content()
    Lab(private, laptop.call("url").stdout.strip())
    page.goto(f"{origin}/logout")
    for tab in (page, private):
        tab.goto(f"{origin}/lab")
        assert "isn't signed in" in tab.locator("body").inner_text()


def test_page_of_another_site_reaches_nothing_and_is_no_activity(new_laptop, page, pool):
    """Row 8 of the review: `<img src="http://127.0.0.1:PORT/lab">` held a session."""
    laptop = new_laptop()
    url = laptop.start().url()
    origin = ADDRESS.fullmatch(url)[1]
    Lab(page, url)
    wait_for(lambda: requests(laptop)["detail"] == "GET /lab", 30, "the session to see its user")
    page.goto("about:blank")
    began = time.monotonic()
    with neighbor(pool, 9997):
        page.goto("http://127.0.0.1:9997/")
        statuses = page.evaluate(
            """async (origin) => {
                const seen = [];
                for (const path of ["/lab", "/lab/tree/x", "/api/contents/x?type=file"]) {
                    const answer = await fetch(origin + path, {mode: "no-cors", credentials: "include"});
                    seen.push(answer.type);
                    await new Promise((done) => {
                        const image = new Image(); image.onload = image.onerror = done; image.src = origin + path;
                    });
                }
                return seen;
            }""",
            origin,
        )
    assert statuses == ["opaque"] * 3
    wait_for(lambda: requests(laptop)["idle_for"] > 20, 60, "the session to have looked again")
    asked = time.monotonic()
    assert requests(laptop)["idle_for"] > asked - began - 0.1  # it is rounded


@pytest.mark.slow
def test_flood_of_connections_leaves_the_tab_working_and_the_terminal_quiet(new_laptop, pool):
    """Row 11 of the review: 1,300 connections stopped the tab and filled the terminal with tracebacks."""
    laptop = new_laptop()
    laptop.prefix = ["prlimit", "--nofile=1024:1024"]
    running = laptop.start()
    url = running.url()
    port = url.split(":")[2].partition("/")[0]
    assert laptop.answers(url)
    before = len(running.read())
    for user in ("bob", "alice"):
        flood = pool.popen("laptop", ["python3", "-c", FLOOD, port], user=user, stdin=subprocess.DEVNULL)
        try:
            assert int(flood.stdout.readline()) > 1000
            assert laptop.fetch(url, "-m", "3").startswith("200 "), user
        finally:
            kill_tree(flood.pid)
            flood.communicate(timeout=20)
    assert running.read()[before:] == ""
