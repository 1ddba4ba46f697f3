"""A kernel that takes all memory is stopped before HTCondor ends the whole job."""

import json
import shlex
import subprocess

from support.hosts import background
from support.waiting import wait_for

GREEDY = """
import time
hoard = []
def take(megabytes):
    hoard.append(b"x" * (megabytes << 20))
take(800)
while True:
    take(10)
    time.sleep(0.2)
"""
LISTEN = """
import asyncio, json, sys
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect
async def main():
    url = f"ws://127.0.0.1:{sys.argv[1]}/api/events/subscribe"
    secret = {"Authorization": f"token {sys.stdin.readline().strip()}"}
    events = await websocket_connect(HTTPRequest(url, headers=secret))
    print("listening", flush=True)
    while text := await events.read_message():
        event = json.loads(text)
        if "notice" in event["schema_id"]:
            print(json.dumps(event), flush=True)
asyncio.run(main())
"""


def test_a_greedy_kernel_is_warned_of_then_stopped_and_named_and_the_session_lives_on(new_session):
    session = new_session().submit()
    port = str(session.ready()["JupyterPort"])
    other = session.start_kernel()
    session.execute(other, "kept = 6 * 7")
    greedy = session.open_notebook("greedy.ipynb")
    process = session.pid_of(f"kernel-{greedy}.json")
    listener = ["condor_ssh_to_job", session.job, f"/opt/jupyter/bin/python -c {shlex.quote(LISTEN)} {port}"]
    with background(session.pool, "ap", listener, session.user, stdin=subprocess.PIPE) as browser:
        browser.stdin.write(session.token() + "\n")
        browser.stdin.flush()
        while browser.stdout.readline() != "listening\n":
            pass
        session.execute(greedy, GREEDY)
        wait_for(lambda: len(session.warnings()) == 2, 120, "the warning and the sentence on the kernel")
        heard = [json.loads(browser.stdout.readline()) for _ in range(2)]

    first, second = session.warnings()
    assert "are in use, most of it by kernel 'greedy.ipynb' (python3, " in first
    assert "at 97 %" in first
    assert second.startswith("Memory: kernel 'greedy.ipynb' (python3, ")
    assert "HTCondor would have ended the whole job" in second
    assert [event["text"] for event in heard] == [first, second]
    assert json.loads(session.request("/jupyter-session/notice"))["text"] == second
    wait_for(lambda: session.pid_of(f"kernel-{greedy}.json") not in (None, process), 30, "the kernel's restart")
    session.execute(other, "open('kept', 'w').write(str(kept))")
    wait_for(lambda: session.inside("cat", "notebooks/kept").endswith("42"), 20, "the other kernel's variable")
    assert session.states() == ["starting", "ready"]
    session.inside("jupyter-session", "stop")
    assert session.wait_gone()["ExitCode"] == 0
    assert second in session.output()
    assert session.receipt()["warnings"] == [first, second]
