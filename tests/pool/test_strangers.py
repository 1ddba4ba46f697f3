"""Requests without the token: they are nobody's, and keep no session alive."""

import pytest

from support.hosts import background
from support.idleness import ends, seen
from support.waiting import wait_for

#: Runs as a user of a slot: asks for pages and opens WebSockets without a token, and with a wrong one.
STRANGER = r"""
import http.client, sys, time
KEY = {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "eHh4eHh4eHh4eHh4eHh4eA=="}
FIELDS = {"Connection": "Upgrade", "Upgrade": "websocket", **KEY}
while True:
    for method, path in (
        ("GET", "/lab"), ("GET", "/lab/tree/stranger"), ("GET", "/files/stranger"), ("GET", "/login?next=/lab"),
        ("GET", "/api/contents/stranger?type=file"), ("POST", "/login"), ("POST", "/api/contents"), ("GET", "/"),
        ("GET", "/nbconvert/html/stranger.ipynb"), ("GET", "/static/favicon.ico"), ("GET", "/proxy/9999/"),
        ("OPTIONS", "/lab"), ("HEAD", "/lab"), ("POST", "/logout"), ("GET", "/api"),
    ):
        for more in ({}, {"Authorization": "token wrong"}, {"Cookie": "username-127-0-0-1=wrong"}, FIELDS):
            try:
                lab = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=5)
                lab.request(method, path, headers=more)
                print(lab.getresponse().status, method, path, flush=True)
            except (OSError, http.client.HTTPException):
                pass
            finally:
                lab.close()
    time.sleep(0.5)
"""


@pytest.mark.slow
def test_requests_without_the_token_keep_no_session_alive(new_session):
    session = new_session().submit("--idle-timeout 30s")
    port = session.ready()["JupyterPort"]
    words = ["setpriv", "--reuid=slot1_32", "--clear-groups", "python3", "-c", STRANGER, str(port)]
    with background(session.pool, "ep1", words) as stranger:
        assert stranger.stdout.readline() == "302 GET /lab\n"
        wait_for(lambda: session.states()[-1] == "expiring", 60, lambda: f"it to expire; {session.status()}")
        assert seen(session, "requests")["detail"] == "none yet"
        ends(session)
