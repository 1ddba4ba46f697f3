"""Another user of the machine who has JupyterLab's port for a moment, while JupyterLab is restarted."""

import json

import pytest

from support.hosts import background
from support.other_users import as_user
from support.waiting import wait_for

#: Takes the port again and again, at random moments, for up to 80 ms; prints each token that it hears. It ends after so
#: many tries, or when JupyterLab has had the port for two seconds again.
TAKE = r"""
import random, re, socket, sys, time
port, tries, had = int(sys.argv[1]), 0, float("inf")
print("begins", flush=True)
while tries < int(sys.argv[2]) and time.monotonic() < had + 2:
    time.sleep(random.uniform(0, 0.05))
    taker = socket.socket()
    taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taker.bind(("127.0.0.1", port))
        taker.listen()
    except OSError:
        taker.close()
        continue
    tries += 1
    until = time.monotonic() + random.uniform(0, 0.08)
    while (left := until - time.monotonic()) > 0:
        taker.settimeout(left)
        try:
            caller, _ = taker.accept()
            caller.settimeout(0.05)
            heard = re.search(rb"token ([\w-]+)", caller.recv(65536))
            if heard:
                print("heard", heard[1].decode(), flush=True)
            caller.close()
        except OSError:
            pass
    taker.close()
    had = time.monotonic()
print("done", tries, flush=True)
"""
#: Asks as an open tab does, twenty times a second, with the token on its standard input.
POLL = r"""
import http.client, sys, time
token = sys.stdin.readline().strip()
while True:
    try:
        peer = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=2)
        peer.request("GET", "/api/terminals", headers={"Authorization": "token " + token})
        peer.getresponse().read()
        peer.close()
    except (OSError, http.client.HTTPException):
        pass
    time.sleep(0.05)
"""


def taker_of(pool, port, tries):
    words = ["setpriv", "--reuid=slot1_32", "--clear-groups", "python3", "-uc", TAKE, str(port), str(tries)]
    return background(pool, "ep1", words)


def assert_worthless(session, heard):
    """Assert that no token in `heard` opens the server."""
    port = session.ready()["JupyterPort"]
    for token in heard:
        words = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"Authorization: token {token}"]
        url = f"http://127.0.0.1:{port}/api/contents"
        assert as_user(session.pool, "ep1", "slot1_32", [*words, url]).stdout == "403"


def restart_beside_taker(session, tries):
    """Kill JupyterLab while another user is after its port; return how often he had it, and what he heard."""
    port, token = session.ready()["JupyterPort"], session.token()
    before = session.states().count("ready")
    with background(session.pool, "ep1", ["python3", "-c", POLL, str(port)], stdin=-1) as tab:
        tab.stdin.write(f"{token}\n")
        tab.stdin.flush()
        with taker_of(session.pool, port, tries) as taker:
            assert taker.stdout.readline() == "begins\n"
            session.kill_server()
            said = []
            while not said or not said[-1].startswith("done"):
                said.append(taker.stdout.readline())
                assert said[-1], said
    wait_for(lambda: session.states().count("ready") > before, 120, lambda: f"the restart; {session.log.text()}")
    wait_for(lambda: session.token() != token, 60, "the new token on the access point")
    return int(said[-1].split()[1]), {line.split()[1] for line in said if line.startswith("heard")}


def test_who_takes_the_port_while_jupyterlab_restarts_learns_nothing_of_use(new_session):
    session = new_session().submit()
    tries, heard = restart_beside_taker(session, 5)
    assert tries
    assert session.token() not in heard
    assert_worthless(session, heard)
    assert "started" in json.loads(session.request("/api/status"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_hundred_tries_at_random_moments_learn_nothing_of_use(new_session):
    made = 0
    while made < 100:
        session, heard = new_session().submit(), set()
        for _ in range(2):  # more deaths within ten minutes end the session
            tries, tokens = restart_beside_taker(session, 50)
            made, heard = made + tries, heard | tokens
            assert tries
            assert session.token() not in heard
        assert_worthless(session, heard)
        assert "started" in json.loads(session.request("/api/status"))
        session.ap("condor_rm", session.job)
